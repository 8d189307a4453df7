#include "fairlead/config/document.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace fairlead::config {
namespace {

Status error_of(std::string_view text) { return parse(text, "a.yaml").status(); }

class Folder {
 public:
  Folder() {
    std::string pattern = ::testing::TempDir() + "config_XXXXXX";
    path_ = ::mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name, std::string_view text) const {
    std::ofstream(path_ + "/" + name) << text;
    return path_ + "/" + name;
  }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Document, KeepsTheTextAndThePlaceOfEveryValue) {
  const auto document = parse("gateway:\n  listen: :80\n  routes:\n    - prefix: /a\n", "a.yaml");

  ASSERT_TRUE(document.ok()) << document.status();
  const Value* gateway = document->root().find("gateway");
  ASSERT_NE(gateway, nullptr);
  const Value* listen = gateway->find("listen");
  EXPECT_EQ(listen->text(), ":80");
  EXPECT_EQ(listen->place().to_string(), "a.yaml:2:11");
  EXPECT_EQ(listen->key_place().to_string(), "a.yaml:2:3");
  const Value* prefix = gateway->find("routes")->children()[0]->find("prefix");
  EXPECT_EQ(prefix->path(), "gateway.routes[0].prefix");
  EXPECT_EQ(prefix->place().to_string(), "a.yaml:4:15");
}

TEST(Document, ReadsJsonAlsoWithTabs) {
  const auto document = parse("{\n\t\"a\": [1, \"x\", null, true],\n\t\"b\": {}\n}\n", "a.json");

  ASSERT_TRUE(document.ok()) << document.status();
  const auto& items = document->root().find("a")->children();
  ASSERT_EQ(items.size(), 4U);
  EXPECT_EQ(items[0]->style(), Value::Style::kPlain);
  EXPECT_EQ(items[1]->style(), Value::Style::kQuoted);
  EXPECT_TRUE(items[2]->is_null());
  EXPECT_EQ(document->root().find("b")->kind(), Value::Kind::kMap);
}

TEST(Document, TakesNothingAndCommentsAsAnEmptyDocument) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n", "\xEF\xBB\xBF"}) {
    const auto document = parse(text, "a.yaml");
    ASSERT_TRUE(document.ok()) << text << document.status();
    EXPECT_TRUE(document->root().is_null()) << text;
  }
}

TEST(Document, AcceptsCrLfAndAByteOrderMark) {
  const auto document = parse(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: two\r\n",
      "a.yaml");

  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(document->root().find("b")->text(), "two");
  EXPECT_EQ(document->root().find("a")->place().to_string(), "a.yaml:1:4");
}

TEST(Document, RefusesUtf16AndBytesThatAreNotUtf8) {
  EXPECT_EQ(error_of(std::string_view("\xFF\xFE"
                                      "a\0:\0",
                                      6))
                .reason(),
            "config.bad_encoding");
  const Status status = error_of("a: 1\nb: \xFFx\n");
  EXPECT_EQ(status.reason(), "config.bad_encoding");
  EXPECT_TRUE(status.message().starts_with("a.yaml:2:")) << status;
  EXPECT_EQ(error_of("a: \xC3").reason(), "config.bad_encoding");
}

TEST(Document, RefusesNulAndControlBytesWithTheirPlace) {
  const Status status = error_of(std::string_view("a: 1\nb: \0\n", 10));
  EXPECT_EQ(status.reason(), "config.not_text");
  EXPECT_TRUE(status.message().starts_with("a.yaml:2:4: ")) << status;
  // yaml-cpp would take this byte for the end of the file.
  EXPECT_EQ(error_of("a: 1\n\x04"
                     "b: 2\n")
                .reason(),
            "config.not_text");
}

TEST(Document, NamesTheTabInTheIndentation) {
  for (const char* text : {"a:\n  b: 1\n\tc: 2\n", "a:\n  b:\n\t- 1\n"}) {
    const Status status = error_of(text);
    EXPECT_EQ(status.code(), Code::kBadMessage);
    EXPECT_EQ(status.reason(), "config.tab_indent") << status;
    EXPECT_TRUE(status.message().starts_with("a.yaml:3:1: ")) << status;
  }
}

TEST(Document, KeepsTabsInsideTextBlocks) {
  const auto document = parse("a: |\n  one\n  \ttwo\n", "a.yaml");
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(document->root().find("a")->text(), "one\n\ttwo\n");
}

TEST(Document, RefusesADuplicateKeyAndReportsAllOfThem) {
  const Status status = error_of("a: 1\nb:\n  c: 1\n  c: 2\na: 2\n");
  EXPECT_EQ(status.reason(), "config.duplicate_key");
  EXPECT_NE(status.message().find("a.yaml:4:3: key 'c' is already set at line 3"),
            std::string_view::npos)
      << status;
  EXPECT_NE(status.message().find("\na.yaml:5:1: key 'a'"), std::string_view::npos) << status;
}

TEST(Document, RefusesWhatIsNotYamlWithItsPlace) {
  for (const char* text :
       {"a: [1, 2", "[1, 2", "{a: 1,", "a: {b: 1", "a: \"open", "a: b: c", "a: 1\n b: 2\n", "*x",
        "- 1\nb: 2\n", "a: @x", "%YAML 9", "]", "a: *missing"}) {
    const Status status = error_of(text);
    EXPECT_EQ(status.code(), Code::kBadMessage) << text;
    EXPECT_EQ(status.reason(), "config.bad_syntax") << text << " " << status;
    EXPECT_TRUE(status.message().starts_with("a.yaml:")) << text << " " << status;
  }
}

TEST(Document, RefusesASecondDocument) {
  EXPECT_EQ(error_of("a: 1\n---\nb: 2\n").reason(), "config.bad_syntax");
}

TEST(Document, RefusesKeysThatAreNoTextAndTags) {
  for (const char* text : {"? [a]\n: b\n", "{[a]: b}", ": b", "x: &k a\n*k : b\n", "a: !foo 1",
                           "a: !!binary aGk=", "b: &b {x: 1}\na:\n  <<: *b\n", "a: !!set {x}"}) {
    EXPECT_EQ(error_of(text).reason(), "config.unsupported") << text << " " << error_of(text);
  }
}

TEST(Document, ExpandsAliasesWithThePathsOfTheirNewPlace) {
  const auto document = parse("base: &b {hosts: [x, y]}\nother: *b\n", "a.yaml");
  ASSERT_TRUE(document.ok()) << document.status();
  const Value& host = *document->root().find("other")->find("hosts")->children()[1];
  EXPECT_EQ(host.text(), "y");
  EXPECT_EQ(host.path(), "other.hosts[1]");
}

TEST(Document, BoundsWhatAliasesExpandTo) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string name = "a" + std::to_string(i);
    text += name + ": &" + name + " [";
    for (int j = 0; j < 10; ++j) text += (j == 0 ? "*a" : ", *a") + std::to_string(i - 1);
    text += "]\n";
  }
  const Status status = error_of(text);
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "config.too_big");
}

TEST(Document, BoundsTheTextThatAliasesExpandTo) {
  Options options;
  options.text_bytes_max = 50'000;
  const std::string big = std::string(1000, 'x');
  for (const std::string& target : {big, "[" + big + "]", "{" + big + ": 1}"}) {
    std::string text = "a: &a " + target + "\nb: [";
    for (int i = 0; i < 100; ++i) text += "*a, ";
    EXPECT_EQ(parse(text + "]\n", "a.yaml", options).status().reason(), "config.too_big");
    EXPECT_TRUE(parse(text + "]\n", "a.yaml").ok());
  }
}

TEST(Document, BoundsTheNumberOfValues) {
  Options options;
  options.nodes_max = 4;
  EXPECT_TRUE(parse("a: [1, {b: 2}]", "a.yaml", options).status().reason() == "config.too_big");
  EXPECT_TRUE(parse("a: [1, 2]", "a.yaml", options).ok());
}

TEST(Document, RefusesAnAliasInsideItself) {
  EXPECT_EQ(error_of("a: &a [*a]\n").reason(), "config.bad_syntax");
}

TEST(Document, TakesSixtyFourLevelsAndNotOneMore) {
  const auto nested = [](std::size_t levels) {
    return std::string(levels, '[') + std::string(levels, ']');
  };
  EXPECT_TRUE(parse(nested(64), "a.yaml").ok());
  EXPECT_EQ(error_of(nested(65)).reason(), "config.too_deep");
  EXPECT_FALSE(parse(std::string(100'000, '['), "a.yaml").ok());
  EXPECT_FALSE(parse(std::string(100'000, '{'), "a.yaml").ok());
  std::string blocks;
  for (int i = 0; i < 2000; ++i) blocks += "- ";
  EXPECT_FALSE(parse(blocks, "a.yaml").ok());
}

TEST(Document, RefusesATextAboveTheLimit) {
  Options options;
  options.file_bytes_max = 10;
  EXPECT_TRUE(parse("a: 4567890", "a.yaml", options).ok());
  const auto larger = parse("a: 45678901", "a.yaml", options);
  EXPECT_EQ(larger.status().code(), Code::kTooLarge);
  EXPECT_EQ(larger.status().reason(), "config.too_big");
}

// A file may be cut anywhere, by a crash or a full disk: an error or a shorter document, no crash.
TEST(Document, SurvivesACutAtEveryByteAndEveryByteReplaced) {
  const std::string whole =
      "a: &x [1, 'two', {b: \"c\\n\"}]\nd: *x\ne: |\n  text\n  more\nf:\n- g: >-\n    h\n- {i: "
      "j}\n";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    (void)parse(whole.substr(0, cut), "a.yaml").ok();
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const char c : {'\t', '\n', '[', '}', ':', '-', '"', '\'', '&', '*', '!', '%', '@', '#'}) {
      std::string text = whole;
      text[at] = c;
      (void)parse(text, "a.yaml").ok();
    }
  }
}

TEST(LoadFile, ReadsAFile) {
  const Folder folder;
  const auto document = load_file(folder.file("a.yaml", "a: 1\n"));
  ASSERT_TRUE(document.ok()) << document.status();
  EXPECT_EQ(document->root().find("a")->text(), "1");
}

TEST(LoadFile, NamesAMissingFile) {
  const Status status = load_file("/nowhere/gateway.yaml").status();
  EXPECT_EQ(status.code(), Code::kBadMessage);
  EXPECT_EQ(status.reason(), "config.missing_file");
  EXPECT_TRUE(status.message().starts_with("/nowhere/gateway.yaml: ")) << status;
}

TEST(LoadFile, RefusesFoldersAndPipesWithoutHanging) {
  const Folder folder;
  EXPECT_EQ(load_file(folder.path()).status().reason(), "config.not_a_file");
  const std::string pipe = folder.path() + "/pipe";
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_EQ(load_file(pipe).status().reason(), "config.not_a_file");
  EXPECT_EQ(load_file("/dev/zero").status().reason(), "config.not_a_file");
}

TEST(LoadFile, RefusesAFileThatMayNotBeRead) {
  const Folder folder;
  // A name that is too long cannot be opened by anybody, the superuser included.
  EXPECT_EQ(load_file(folder.path() + "/" + std::string(300, 'x')).status().reason(),
            "config.unreadable");
  const std::string file = folder.file("a.yaml", "a: 1\n");
  ASSERT_EQ(::chmod(file.c_str(), 0), 0);
  if (::access(file.c_str(), R_OK) != 0) {
    EXPECT_EQ(load_file(file).status().reason(), "config.unreadable");
  }
}

TEST(LoadFile, RefusesAFileAboveTheLimitBeforeReadingItAll) {
  const Folder folder;
  const std::string file = folder.file("big.yaml", "");
  std::filesystem::resize_file(file, std::uintmax_t{1} << 30);
  EXPECT_EQ(load_file(file).status().reason(), "config.too_big");
}

// ---- blame()

Status blamed(std::string_view text, const std::vector<std::string>& steps) {
  return parse(text, "a.yaml")
      .value()
      .blame(steps, Status(Code::kInvalidOperation, "shop.closed", "one\ntwo"));
}

TEST(Blame, NamesPlaceAndPathInFrontOfEachLine) {
  const Status status = blamed("a:\n- b: {c.d: 1}\n", {"a", "0", "b", "c.d"});
  EXPECT_EQ(status.code(), Code::kInvalidOperation);
  EXPECT_EQ(status.reason(), "shop.closed");
  EXPECT_EQ(status.message(),
            "a.yaml:2:12: key 'a[0].b.c.d': one\na.yaml:2:12: key 'a[0].b.c.d': two");
}

TEST(Blame, NamesTheNearestValueWhereThatIsNotThere) {
  EXPECT_TRUE(blamed("a: {b: 1}", {"a", "x"}).message().starts_with("a.yaml:1:4: key 'a': one"));
  EXPECT_TRUE(blamed("a: 1", {"a", "0"}).message().starts_with("a.yaml:1:4: key 'a': one"));
  EXPECT_TRUE(blamed("a: [1]", {"a", "1"}).message().starts_with("a.yaml:1:4: key 'a': one"));
}

TEST(Blame, NamesThePathAloneWhereNothingOfItIsThere) {
  for (const char* text : {"", "x: 1", "a:"}) {
    EXPECT_TRUE(blamed(text, {"a", "0", "b"}).message().starts_with("key 'a[0].b': one")) << text;
  }
}

TEST(Blame, SaysNothingOfWhatIsGood) {
  EXPECT_TRUE(parse("a: 1", "a.yaml").value().blame({"a"}, Status()).ok());
}

}  // namespace
}  // namespace fairlead::config
