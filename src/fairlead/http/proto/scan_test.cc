#include "fairlead/http/proto/scan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>

#include "fairlead/base/random.h"

namespace fairlead::http::proto::internal {
namespace {

// The text in a block of its exact size: the address sanitizer sees one byte too far on either
// side.
class Exact {
 public:
  explicit Exact(std::string_view text) : size_(text.size()), bytes_(new char[size_]) {
    std::ranges::copy(text, bytes_.get());
  }
  std::string_view view() const { return {bytes_.get(), size_}; }

 private:
  std::size_t size_;
  std::unique_ptr<char[]> bytes_;
};

std::size_t stop_by_table(std::string_view text, std::size_t from) {
  while (from < text.size() && !is_stop(text[from])) ++from;
  return from;
}

TEST(Scan, KnowsEveryByteInEveryPlace) {
  for (std::size_t size = 1; size <= 70; ++size) {
    for (std::size_t at = 0; at < size; at += size < 20 ? 1 : 7) {
      for (int byte = 0; byte < 256; ++byte) {
        std::string text(size, 'a');
        text[at] = static_cast<char>(byte);

        const std::size_t stop = stop_by_table(text, 0);
        EXPECT_EQ(StopFinder<WordScan>(text).find(0), stop) << size << " " << at << " " << byte;
        EXPECT_EQ(StopFinder<FastScan>(text).find(0), stop) << size << " " << at << " " << byte;
        EXPECT_EQ(token_end(text, 0), token_end_by_table(text, 0)) << at << " " << byte;
      }
    }
  }
}

// Lengths around the sizes of words, vectors and blocks; every start; one finder for all stops.
template <class Scan>
void find_all(std::string_view text, std::size_t start) {
  StopFinder<Scan> finder(text);
  for (std::size_t from = start;;) {
    const std::size_t found = finder.find(from);
    ASSERT_EQ(found, stop_by_table(text, from)) << "size " << text.size() << " from " << from;
    if (found == text.size()) return;
    from = found + 1;
  }
}

TEST(Scan, FindsTheSameAsTheTableAtEveryLengthAndStart) {
  Random random(64);
  for (std::size_t size = 0; size <= 200; ++size) {
    std::string text(size, '\0');
    for (char& c : text) {
      c = random.below(12) == 0 ? static_cast<char>(random.below(256))
                                : "aZ-09:\x80\xFF"[random.below(8)];
    }
    const Exact exact(text);
    for (std::size_t start = 0; start <= size; ++start) {
      find_all<WordScan>(exact.view(), start);
      find_all<FastScan>(exact.view(), start);
      EXPECT_EQ(token_end(exact.view(), start), token_end_by_table(exact.view(), start));
    }
  }
}

TEST(Scan, SeesOneStopWhereverItIs) {
  for (std::size_t size = 0; size <= 70; ++size) {
    EXPECT_TRUE(has_no_stop(Exact(std::string(size, 'v')).view())) << size;
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'v');
      text[at] = '\n';
      EXPECT_FALSE(has_no_stop(Exact(text).view())) << size << " " << at;
    }
  }
}

TEST(Scan, MarksOnlyTheBytesThatThereAre) {
  const Exact exact(std::string(40, '\r'));
  for (std::size_t from = 0; from < 40; ++from) {
    const Marks wanted = (Marks{1} << (40 - from)) - 1;
    EXPECT_EQ(stops_of_block<WordScan>(exact.view(), from), wanted) << from;
    EXPECT_EQ(stops_of_block<FastScan>(exact.view(), from), wanted) << from;
  }
}

TEST(Scan, ComparesNamesIgnoringCaseAlone) {
  EXPECT_TRUE(is_name("Content-Length", "content-length"));
  EXPECT_TRUE(is_name("HOST", "host"));
  EXPECT_FALSE(is_name("Host", "hosts"));
  for (int byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    if (!is_char(c, kTokenChar)) continue;
    EXPECT_EQ(is_name(std::string(1, c), "e"), c == 'e' || c == 'E') << byte;
    EXPECT_EQ(is_name(std::string(1, c), "-"), c == '-') << byte;
  }
}

}  // namespace
}  // namespace fairlead::http::proto::internal
