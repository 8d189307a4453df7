// The parser of http/proto against the slow one, on heads by hand and on mutations of them.
#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <vector>

#include "fairlead/base/random.h"
#include "tests/differential/compare_heads.h"

namespace fairlead::differential {
namespace {

using namespace std::string_literals;
using http::proto::ResponseTo;

const std::vector<std::string> kRequests = {
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    "\r\nGET /a/b?c=d%20e HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    "POST http://h:1/a?c HTTP/1.1\r\nHost: [::1]:80\r\nX-A: b \t\r\nExpect: 100-continue\r\n"
    "Connection: close, upgrade\r\nContent-Length: 12\r\n\r\nhello",
    "PUT /x HTTP/1.1\r\nHost: a:8080\r\nTransfer-Encoding: chunked\r\nTE: gzip, trailers\r\n"
    "Upgrade: websocket\r\nConnection: Upgrade, keep-alive\r\n\r\n",
    "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
    "CONNECT a.example:443 HTTP/1.1\r\nHost: a.example:443\r\n\r\n",
    "GET /long/path/of/more/than/sixteen/bytes HTTP/1.1\r\nHost: shop.example.com\r\n"
    "X-A-Name-Of-More-Than-Sixteen-Bytes: and a value of more than sixty-four bytes, so that it "
    "crosses blocks\r\nContent-Length: 9223372036854775807\r\nCookie: a=\xE9; b\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n",
    "GET / HTTP/1.1\nHost: a\n\n",
};
const std::vector<std::string> kResponses = {
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.0 404 \r\nConnection: keep-alive\r\n\r\n",
    "HTTP/1.1 100\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nETag: \"a\"\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
};

const std::string kMarks = "\r\n\t\0 :,/%?#*[]@.;=\x7F\x80H1"s;

std::size_t below(Random& random, std::size_t bound) {
  return static_cast<std::size_t>(random.below(bound));
}

std::string mutate(std::string text, const std::vector<std::string>& seeds, Random& random) {
  for (std::size_t edits = 1 + below(random, 4); edits > 0 && !text.empty(); --edits) {
    const std::size_t at = below(random, text.size());
    const std::string& other = seeds[below(random, seeds.size())];
    switch (below(random, 8)) {
      case 0:
        text[at] = static_cast<char>(text[at] ^ (1 << below(random, 8)));
        break;
      case 1:
        text.erase(at, 1 + below(random, 6));
        break;
      case 2:
        text.insert(at, 1, kMarks[below(random, kMarks.size())]);
        break;
      case 3:
        text[at] = kMarks[below(random, kMarks.size())];
        break;
      case 4:
        text.insert(at, text.substr(below(random, text.size()), 1 + below(random, 40)));
        break;
      case 5:
        text = text.substr(0, at) + other.substr(below(random, other.size()));
        break;
      case 6: {  // a whole line twice, or that of another head
        const std::size_t line = other.find("\r\n", below(random, other.size()));
        const std::size_t here = text.find("\r\n", at);
        if (line == std::string::npos || here == std::string::npos) break;
        text.insert(here, other.substr(line, other.find("\r\n", line + 2) - line));
        break;
      }
      default:
        text.insert(at, below(random, 70), "a0-"[below(random, 3)]);
    }
  }
  return text;
}

std::vector<std::size_t> some_cuts(std::size_t size, Random& random) {
  std::vector<std::size_t> cuts(1 + below(random, 4));
  std::ranges::generate(cuts, [&] { return below(random, size + 1); });
  std::ranges::sort(cuts);
  return cuts;
}

std::vector<std::size_t> every_cut(std::size_t size) {
  std::vector<std::size_t> cuts(size);
  for (std::size_t i = 0; i < size; ++i) cuts[i] = i;
  return cuts;
}

std::vector<std::string> hard_requests() {
  std::vector<std::string> texts = kRequests;
  const std::string host = "Host: a\r\n";
  for (const std::size_t size : {8190U, 8191U, 8192U, 8193U, 70000U}) {
    texts.push_back("GET /" + std::string(size, 'a') + " HTTP/1.1\r\n" + host + "\r\n");
    texts.push_back("GET /" + std::string(size, 'a'));
  }
  for (const std::size_t size : {32U, 33U}) {
    texts.push_back(std::string(size, 'M') + " / HTTP/1.1\r\n" + host + "\r\n");
  }
  for (const std::size_t count : {99U, 100U}) {
    std::string fields;
    for (std::size_t i = 0; i < count; ++i) fields += "X: v\r\n";
    texts.push_back("GET / HTTP/1.1\r\n" + host + fields + "\r\n");
  }
  for (std::size_t size = 65490; size < 65540; ++size) {
    texts.push_back("GET / HTTP/1.1\r\n" + host + "X: " + std::string(size, 'v') + "\r\n\r\n");
  }
  return texts;
}

TEST(Heads, AreReadAlikeWhenTheyWereWrittenByHand) {
  for (const std::string& text : hard_requests()) {
    const auto cuts = text.size() < 1000 ? every_cut(text.size()) : std::vector<std::size_t>{9000};
    EXPECT_EQ(compare_requests(text, cuts), "") << testing::PrintToString(text.substr(0, 200));
  }
  for (const std::string& text : kResponses) {
    for (const auto request : {ResponseTo::kOther, ResponseTo::kHead, ResponseTo::kConnect}) {
      EXPECT_EQ(compare_responses(text, every_cut(text.size()), request), "") << text;
    }
  }
}

TEST(Heads, OfRequestsAreReadAlikeHoweverTheyAreBroken) {
  constexpr std::uint64_t kSeed = 9112;
  Random random(kSeed);
  for (int round = 0; round < 150000; ++round) {
    const std::string text = mutate(kRequests[below(random, kRequests.size())], kRequests, random);
    ASSERT_EQ(compare_requests(text, some_cuts(text.size(), random)), "")
        << testing::PrintToString(text) << " seed " << kSeed << " round " << round;
  }
}

TEST(Heads, OfResponsesAreReadAlikeHoweverTheyAreBroken) {
  constexpr std::uint64_t kSeed = 9110;
  Random random(kSeed);
  for (int round = 0; round < 80000; ++round) {
    const std::string text =
        mutate(kResponses[below(random, kResponses.size())], kResponses, random);
    const auto request = static_cast<ResponseTo>(below(random, 3));
    ASSERT_EQ(compare_responses(text, some_cuts(text.size(), random), request), "")
        << testing::PrintToString(text) << " seed " << kSeed << " round " << round;
  }
}

}  // namespace
}  // namespace fairlead::differential
