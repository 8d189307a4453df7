#include "fairlead/http/proto/websocket_deflate.h"

#include <gtest/gtest.h>

#include <string>

#include "fairlead/http/proto/head.h"

namespace fairlead::http::proto {
namespace {

// A parsed head with the given value of Sec-WebSocket-Extensions.
struct Head {
  explicit Head(const std::string& value)
      : text("GET / HTTP/1.1\r\nHost: a\r\nsec-websocket-extensions: " + value + "\r\n\r\n") {
    EXPECT_EQ(parser.parse(text), ParseState::kDone) << value;
  }
  std::string text;
  RequestHeadParser parser;
};

// The server's answer; "-" for none, the reason of an error.
std::string answer_to(const std::string& offer, const WebSocketDeflate& wanted = {}) {
  const Head head(offer);
  const auto choice = choose_websocket_deflate(head.parser.fields(), wanted);
  if (!choice.ok()) return std::string(choice.status().reason());
  return choice.value().has_value() ? choice.value()->answer : "-";
}

// Whether a client that wants `wanted` takes the answer, and as what.
std::string taken(const std::string& answer, const std::optional<WebSocketDeflate>& wanted) {
  const Head head(answer);
  const auto agreed = read_websocket_deflate_answer(head.parser.fields(), wanted);
  if (!agreed.ok()) return std::string(agreed.status().reason());
  if (!agreed.value().has_value()) return "-";
  const WebSocketDeflate& deflate = **agreed;
  return std::to_string(deflate.server_window_bits) + (deflate.server_keeps_window ? "+" : "-") +
         " " + std::to_string(deflate.client_window_bits) +
         (deflate.client_keeps_window ? "+" : "-");
}

TEST(WebSocketDeflate, AcceptsAnOfferAsItIs) {
  EXPECT_EQ(answer_to("permessage-deflate"), "permessage-deflate");
  EXPECT_EQ(answer_to("permessage-deflate; client_max_window_bits"), "permessage-deflate");
  EXPECT_EQ(answer_to("permessage-deflate;server_max_window_bits=\"10\" ; "
                      "client_max_window_bits = 8;server_no_context_takeover;"
                      "client_no_context_takeover"),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
            "server_max_window_bits=10; client_max_window_bits=8");
  EXPECT_EQ(answer_to("permessage-deflate; server_max_window_bits=15"),
            "permessage-deflate; server_max_window_bits=15")
      << "a parameter is accepted by repeating it";
}

TEST(WebSocketDeflate, NarrowsAnOfferToWhatTheServerWants) {
  const WebSocketDeflate wanted{.server_window_bits = 11,
                                .client_window_bits = 10,
                                .server_keeps_window = false,
                                .client_keeps_window = false};
  const std::string forgets =
      "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  EXPECT_EQ(answer_to("permessage-deflate", wanted), forgets + "; server_max_window_bits=11")
      << "a client that does not say that it can is not told a window";
  EXPECT_EQ(answer_to("permessage-deflate; client_max_window_bits", wanted),
            forgets + "; server_max_window_bits=11; client_max_window_bits=10");
}

TEST(WebSocketDeflate, TakesTheFirstOfferThatCanBeKept) {
  EXPECT_EQ(answer_to("x-other; a=b, permessage-deflate; server_max_window_bits=8, "
                      "permessage-deflate; server_max_window_bits=9, permessage-deflate"),
            "permessage-deflate; server_max_window_bits=9");
}

TEST(WebSocketDeflate, KeepsNoOfferWithBadParameters) {
  for (const char* parameters :
       {"unknown", "server_no_context_takeover=1", "client_no_context_takeover=true",
        "server_max_window_bits", "server_max_window_bits=7", "server_max_window_bits=16",
        "server_max_window_bits=09", "client_max_window_bits=7", "client_max_window_bits=16",
        "client_max_window_bits=x", "client_max_window_bits; client_max_window_bits",
        "server_no_context_takeover; server_no_context_takeover"}) {
    EXPECT_EQ(answer_to("permessage-deflate; " + std::string(parameters)), "-") << parameters;
  }
  EXPECT_EQ(answer_to("x-nonsense; a=1, y-more"), "-");
  EXPECT_EQ(answer_to(", ,"), "-");
}

TEST(WebSocketDeflate, RefusesAMalformedField) {
  std::string extensions = "a";
  for (int i = 1; i < 32; ++i) extensions += ",a";
  std::string parameters = "a";
  for (int i = 0; i < 16; ++i) parameters += ";b";
  EXPECT_EQ(answer_to(extensions), "-");
  EXPECT_EQ(answer_to(parameters), "-");
  for (const std::string& field :
       {std::string(";;=,,\"permessage-deflate"), std::string("a b"), std::string("a;"),
        std::string("a; b="), std::string("a; b=\"c"), std::string("a; b=\"c d\""),
        std::string("a; b=\"\""), extensions + ",a", parameters + ";b"}) {
    EXPECT_EQ(answer_to(field), "websocket.bad_extension") << field;
  }
}

TEST(WebSocketDeflate, OffersWhatTheClientWants) {
  EXPECT_EQ(websocket_deflate_offer({}), "permessage-deflate; client_max_window_bits");
  EXPECT_EQ(websocket_deflate_offer({.server_window_bits = 10,
                                     .client_window_bits = 11,
                                     .server_keeps_window = false,
                                     .client_keeps_window = false}),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
            "server_max_window_bits=10; client_max_window_bits=11");
}

TEST(WebSocketDeflate, TakesAnswersThatKeepToTheOffer) {
  EXPECT_EQ(taken("", WebSocketDeflate{}), "-");
  EXPECT_EQ(taken("permessage-deflate", WebSocketDeflate{}), "15+ 15+");
  EXPECT_EQ(taken("permessage-deflate; server_max_window_bits=8; client_max_window_bits=9; "
                  "server_no_context_takeover; client_no_context_takeover",
                  WebSocketDeflate{}),
            "8- 9-");
  const WebSocketDeflate small{.client_window_bits = 10, .client_keeps_window = false};
  EXPECT_EQ(taken("permessage-deflate", small), "15+ 10-") << "what it said of itself it keeps";
}

TEST(WebSocketDeflate, RefusesAnswersThatDoNotKeepToTheOffer) {
  const WebSocketDeflate wanted{
      .server_window_bits = 10, .client_window_bits = 10, .server_keeps_window = false};
  const std::string good =
      "permessage-deflate; server_no_context_takeover; server_max_window_bits=10";
  EXPECT_EQ(taken(good, wanted), "10- 10+");
  for (const std::string& answer :
       {std::string("permessage-deflate; server_max_window_bits=10"),
        std::string("permessage-deflate; server_no_context_takeover"),
        std::string("permessage-deflate; server_no_context_takeover; server_max_window_bits=11"),
        good + "; client_max_window_bits=11", good + "; client_max_window_bits=8",
        good + "; client_max_window_bits", good + "; unknown", good + ", permessage-deflate",
        std::string("x-other"), std::string("a b")}) {
    EXPECT_EQ(taken(answer, wanted), "websocket.bad_extension") << answer;
  }
  EXPECT_EQ(taken("permessage-deflate", std::nullopt), "websocket.bad_extension")
      << "nothing was offered";
}

}  // namespace
}  // namespace fairlead::http::proto
