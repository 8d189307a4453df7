// Vectors of bodies and of names, made up: one thing at a time is right or wrong.
#include <string>

#include <gtest/gtest.h>

#include "fairlead/wire/vectors/vector_check.h"

namespace fairlead::wire {
namespace {

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    out.append(1, kDigits[byte >> 4]).append(1, kDigits[byte & 15]);
  }
  return out;
}

VectorReport report_of(const std::string& vector) {
  Result<VectorReport> report = check_vectors("{\"vectors\":[" + vector + "]}");
  EXPECT_TRUE(report.ok()) << report.status();
  return report.ok() ? *std::move(report) : VectorReport();
}

// What is wrong with a vector of a codec; empty when it passes.
struct Body {
  char codec = 'j';
  std::string kind{};
  std::string value{};
  std::string bytes{};
  std::string more{};  // members besides
};
std::string failure_of(const Body& body) {
  const VectorReport report =
      report_of(R"({"kind":"codec","codec":)" + std::to_string(static_cast<int>(body.codec)) +
                body.more + R"(,"body":{"kind":")" + body.kind + R"(","value":)" + body.value +
                R"(},"hex":")" + hex(body.bytes) + "\"}");
  EXPECT_EQ(report.later_count(), 0U);
  EXPECT_EQ(report.passed, report.failures.empty() ? 1U : 0U);
  return report.failures.empty() ? "" : report.failures.front().what;
}

constexpr std::string_view kObj = R"({"name":"a","num":7,"flag":true,"rate":1.5})";

TEST(BodyCheck, ComparesTheBytesThatACodecWrites) {
  EXPECT_EQ(failure_of({'s', "int32", "42", "42"}), "");
  EXPECT_EQ(failure_of({'s', "int32", "42", "43"}),
            "writing: body: offset 1 has 32, wanted 33 (2 bytes, wanted 2)");
  EXPECT_EQ(failure_of({'j', "text", R"("a")", R"( "a")"}),
            "writing: body: offset 0 has 22, wanted 20 (3 bytes, wanted 4)");
}

TEST(BodyCheck, ReadsWhatTheOriginalWrote) {
  EXPECT_EQ(failure_of({'j', "obj", std::string(kObj), std::string(kObj)}), "");
  const std::string decode = R"(,"compare":"decode")";
  EXPECT_EQ(failure_of({'j', "text", R"("a")", R"( "a")", decode}), "");
  EXPECT_EQ(failure_of({'j', "text", R"("a")", R"("b")", decode}),
            R"(reading: value: got '"b"', wanted '"a"')");
  EXPECT_NE(failure_of({'j', "text", R"("a")", "[", decode}).find("codec.json"), std::string::npos);
}

TEST(BodyCheck, ComparesTheMeaningOfADefectOnly) {
  EXPECT_EQ(failure_of({'j', "int32", "5", " 5", R"(,"note":"DEFECT of spelling")"}), "");
  EXPECT_NE(failure_of({'j', "int32", "5", "6", R"(,"note":"DEFECT of spelling")"}), "");
}

TEST(BodyCheck, LetsNumbersWithAPointBeSpelledOtherwise) {
  EXPECT_EQ(failure_of({'j', "float64", "1e-7", "1e-7"}), "");
  EXPECT_EQ(failure_of({'x', "float64", "1e-7", "<float64>1E-7</float64>"}), "");
  EXPECT_NE(failure_of({'j', "float64", "1e-7", "1e-8"}), "");
  const std::string small = R"({"name":"a","num":7,"flag":true,"rate":1e-7})";
  EXPECT_EQ(failure_of({'j', "obj", small, small}), "");
  EXPECT_NE(failure_of({'j', "obj", small, R"({"num":7,"name":"a","flag":true,"rate":1e-7})"}), "")
      << "the order of the fields is not spelling";
  EXPECT_NE(failure_of({'j', "int32", "100", "1e2"}), "") << "whole numbers have one spelling";
}

TEST(BodyCheck, KnowsTheTypesOfTheOriginalsVectors) {
  EXPECT_EQ(failure_of({'p', "PbTest{1:a int32,2:b int32}", R"({"a":3,"b":-4})",
                        "\x08\x03\x10\xfc\xff\xff\xff\xff\xff\xff\xff\xff\x01"}),
            "");
  EXPECT_EQ(failure_of({'t', "thrift test{1:string author}", R"({"author":""})",
                        std::string("\x0b\0\1\0\0\0\0\0", 8)}),
            "");
  EXPECT_EQ(failure_of({'x', "obj", std::string(kObj),
                        "<Obj><name>a</name><num>7</num><flag>true</flag><rate>1.5</rate></Obj>"}),
            "");
  EXPECT_EQ(failure_of({'s', "uint64", "18446744073709551615", "18446744073709551615"}), "");
}

TEST(BodyCheck, DescribesFormsByTheirKeys) {
  EXPECT_EQ(failure_of({'f', "url_values", R"({"b":["2",""],"a b":["x&"]})", "a+b=x%26&b=2&b="}),
            "");
  EXPECT_EQ(failure_of({'f', "url_values", R"({"b":["2"],"a":["1"]})", "b=2&a=1",
                        R"(,"compare":"decode")"}),
            "");
  EXPECT_EQ(failure_of({'f', "url_values", "{}", ""}), "");
  EXPECT_NE(failure_of({'f', "url_values", R"({"b":["1","2"]})", "b=2&b=1"}), "");
  std::string keys;
  for (int i = 0; i <= 32; ++i) keys += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":[]";
  EXPECT_EQ(failure_of({'f', "url_values", "{" + keys + "}", ""}), "more than 32 keys");
}

TEST(BodyCheck, CountsValuesOfNoContractApart) {
  for (const char* body : {R"({"kind":"map","value":{}})", R"({"value":1})", "1",
                           R"({"kind":"url_values","value":{"a.b":["1"]}})"}) {
    const VectorReport report =
        report_of(R"({"kind":"codec","codec":102,"hex":"","body":)" + std::string(body) + "}");
    EXPECT_EQ(report.later_count(), 1U) << body;
  }
}

TEST(BodyCheck, SaysWhenTheFileDoesNotFitItself) {
  EXPECT_TRUE(failure_of({'j', "int32", R"("x")", "1"}).starts_with("the vector's value: "));
  EXPECT_NE(failure_of({'q', "int32", "1", "1"}).find("codec.unsupported"), std::string::npos);
}

std::string name_failure(const std::string& members) {
  const VectorReport report = report_of(R"({"kind":"mapper","name":"Aa_BbCc",)" + members + "}");
  return report.failures.empty() ? "" : report.failures.front().what;
}

TEST(NameCheck, ComparesEveryStyleThatIsGiven) {
  EXPECT_EQ(name_failure(R"("http":"/aa/bb_cc","http_under_root":"/root/aa/bb_cc",)"
                         R"("rpc":"Aa.BbCc","rpc_under_root":"Root.Aa.BbCc","snake":"aa__bb_cc")"),
            "");
  EXPECT_EQ(name_failure(R"("http":"/x")"), "HTTP style: got '/aa/bb_cc', wanted '/x'");
  EXPECT_EQ(name_failure(R"("http_under_root":"/x")"),
            "HTTP style under Root: got '/root/aa/bb_cc', wanted '/x'");
  EXPECT_EQ(name_failure(R"("rpc":"x")"), "RPC style: got 'Aa.BbCc', wanted 'x'");
  EXPECT_EQ(name_failure(R"("rpc_under_root":"x")"),
            "RPC style under Root: got 'Root.Aa.BbCc', wanted 'x'");
  EXPECT_EQ(name_failure(R"("snake":"x")"), "snake case: got 'aa__bb_cc', wanted 'x'");
}

}  // namespace
}  // namespace fairlead::wire
