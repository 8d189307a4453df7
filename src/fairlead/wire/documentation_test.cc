// docs/wire against the code: the bytes of its examples, and what it says that protocols carry.
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/wire/protocol.h"
#include "fairlead/wire/protocols/v3_message.h"

namespace fairlead::wire {
namespace {

using namespace std::string_literals;
constexpr Limits kLimits{};

std::string page(std::string name) {
  for (char& c : name) c = c == '-' ? '_' : c;
  std::ifstream file(FL_SOURCE_DIR "/docs/wire/" + name + ".md");
  return {std::istreambuf_iterator<char>(file), {}};
}

// An example of a page: hex pairs at the start of each line of its ```hex block, by their order.
std::string documented_example(const std::string& name, int wanted = 1) {
  std::istringstream text(page(name));
  std::string line;
  std::string bytes;
  bool inside = false;
  while (std::getline(text, line)) {
    if (line.starts_with("```")) {
      inside = line == "```hex" && --wanted == 0;
      continue;
    }
    for (std::size_t at = 0; inside && at + 1 < line.size() && line[at] != ' '; at += 3) {
      bytes += static_cast<char>(std::stoi(line.substr(at, 2), nullptr, 16));
    }
  }
  return bytes;
}

std::vector<const Protocol*> all_protocols() {
  std::vector<const Protocol*> all(protocols().begin(), protocols().end());
  all.insert(all.end(), carried_protocols().begin(), carried_protocols().end());
  return all;
}

TEST(WireDocumentation, ShowsTheBytesThatTheBuildersWrite) {
  for (const Protocol* protocol : all_protocols()) {
    const bool structs = protocol->carries().only_codec == kThriftCodec;
    const MessageHead head{.seq = 1,
                           .kind = Kind::kCall,
                           .body_codec = structs ? kThriftCodec : kJsonCodec,
                           .method = "/math/divide",
                           .metadata = "author=andeya"};
    const std::string body = structs ? "\x0b\0\1\0\0\0\6andeya\0"s : R"({"a":10,"b":2})";
    Buffer out;
    ASSERT_TRUE(protocol->append(out, head, body, kLimits, nullptr).ok()) << protocol->name();

    const std::string documented = documented_example(std::string(protocol->name()));

    EXPECT_EQ(documented, out.view()) << protocol->name();
    EXPECT_NE(
        page(std::string(protocol->name())).find(std::to_string(documented.size()) + " bytes:"),
        std::string::npos)
        << protocol->name();
  }
}

TEST(WireDocumentation, ShowsTheExceptionThatAnErrorIs) {
  const MessageHead head{.seq = 1, .kind = Kind::kReply, .status = "code=404&msg=Not%20Found"};
  Buffer out;
  ASSERT_TRUE(find_protocol("thrift-struct")->append(out, head, "", kLimits, nullptr).ok());
  EXPECT_EQ(documented_example("thrift-struct", 2), out.view());
}

TEST(WireDocumentation, ShowsFramesOfV3ThatAreRead) {
  for (const std::string name : {"fast", "json", "pb"}) {
    const std::string bytes = documented_example(name + "_v3");
    const Result<V3Message> message = find_v3_parser(name)(bytes, kLimits, {});
    ASSERT_TRUE(message.ok()) << name << ": " << message.status();
    EXPECT_EQ(message->seq, "0");
    EXPECT_EQ(message->kind, 1);
    EXPECT_EQ(message->uri, "/home/test?peer_id=110");
    EXPECT_EQ(message->metadata, "add=1");
    EXPECT_EQ(message->body, "{\"a\":1}");
    EXPECT_NE(page(name + "_v3").find(std::to_string(bytes.size()) + " bytes:"), std::string::npos)
        << name;
  }
}

TEST(WireDocumentation, ShowsTheErrorsOfCarriedForms) {
  const MessageHead head{.seq = 1, .kind = Kind::kReply, .status = "code=404&msg=Not%20Found"};
  for (const Protocol* protocol : carried_protocols()) {
    Buffer out;
    ASSERT_TRUE(protocol->append(out, head, "", kLimits, nullptr).ok());
    EXPECT_EQ(documented_example(std::string(protocol->name()), 2), out.view()) << protocol->name();
  }
}

TEST(WireDocumentation, SaysWhatEachProtocolCarries) {
  const std::string index = page("README");
  for (const Protocol* protocol : all_protocols()) {
    const Carries carries = protocol->carries();
    std::string file(protocol->name());
    for (char& c : file) c = c == '-' ? '_' : c;
    const std::string row = "| [`" + std::string(protocol->name()) + "`](" + file + ".md) | " +
                            (carries.login ? "yes" : "no") + " | ";
    const std::size_t at = index.find(row);
    ASSERT_NE(at, std::string::npos) << row;
    const std::string rest = index.substr(at + row.size(), index.find('\n', at) - at - row.size());
    EXPECT_EQ(rest.starts_with("none |"), !carries.transforms) << rest;
    EXPECT_EQ(rest.find("any codec") != std::string::npos, carries.only_codec == kNoCodec) << rest;
  }
}

}  // namespace
}  // namespace fairlead::wire
