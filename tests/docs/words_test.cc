// Every word that the documents write as fl::X is there for whoever includes fairlead/fairlead.h
// and nothing else: a word that is not does not compile here.
#include "fairlead/fairlead.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include <gtest/gtest.h>

// clang-format off
#define FL_WORDS(WORD)                                                                          \
  WORD(App) WORD(BroadcastResult) WORD(Bytes) WORD(Client) WORD(ClientOptions) WORD(CodecId)    \
  WORD(Context) WORD(Hub) WORD(HubDial) WORD(Mutex) WORD(MutexLock) WORD(NameStyle)             \
  WORD(Plugin) WORD(Pool) WORD(Proxy) WORD(Push) WORD(RawClient) WORD(Result) WORD(Runtime)     \
  WORD(SessionRef) WORD(Sleep) WORD(Status) WORD(Task) WORD(all) WORD(at_least_once)            \
  WORD(at_most_once) WORD(best_effort) WORD(blocking) WORD(each) WORD(error) WORD(on_pool)      \
  WORD(sealed) WORD(serial) WORD(wait_for_ready) WORD(with_codec) WORD(with_meta)               \
  WORD(with_plugins) WORD(with_transforms) WORD(within)
// clang-format on

namespace as_a_user_writes {
#define FL_USING(word) using fl::word;
FL_WORDS(FL_USING)
#undef FL_USING

[[maybe_unused]] const auto kDeliveries =
    std::array{fl::at_least_once(), fl::at_most_once(), fl::best_effort()};
}  // namespace as_a_user_writes

namespace {

namespace fs = std::filesystem;

// Decisions are not edited afterwards, and may name what was turned down.
bool speaks_of_today(const fs::path& path) {
  const std::string text = path.string();
  return path.extension() == ".md" && text.find("/docs/adr/") == std::string::npos;
}

void collect(const fs::path& path, std::set<std::string>& words) {
  static const std::regex kWord(R"(\bfl::(\w+))");
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  for (std::sregex_iterator at(text.begin(), text.end(), kWord), end; at != end; ++at) {
    words.insert((*at)[1]);
  }
}

TEST(WordsOfTheDocuments, AreWhatTheOneHeaderOffers) {
  const std::set<std::string> offered = {
#define FL_NAME(word) #word,
      FL_WORDS(FL_NAME)
#undef FL_NAME
  };

  std::set<std::string> written;
  const fs::path root(FL_SOURCE_DIR);
  for (const fs::directory_entry& entry : fs::directory_iterator(root)) {
    if (speaks_of_today(entry.path())) collect(entry.path(), written);
  }
  for (const char* folder : {"docs", "src", "examples"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      if (speaks_of_today(entry.path())) collect(entry.path(), written);
    }
  }

  EXPECT_EQ(offered, written) << "FL_WORDS of this file is to hold the words of the documents";
}

}  // namespace
