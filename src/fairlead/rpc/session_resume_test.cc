// What a session makes of secrets and numbers that a stranger sends, byte by byte.
#include <gtest/gtest.h>

#include "fairlead/async/event.h"
#include "fairlead/rpc/duplicate_windows.h"
#include "fairlead/wire/status_text.h"
#include "tests/testkit/two_peers.h"

namespace fairlead::rpc {
namespace {

constexpr std::string_view kSecret = "00112233445566778899aabbccddeeff";

struct Frame {
  std::int32_t seq = 0;
  wire::Kind kind = wire::Kind::kCall;
  std::string method, metadata, body;
  Status status;
};

class SessionResumeTest : public testkit::TwoPeers {
 protected:
  void start(DuplicateOptions options = {}) {
    windows.emplace(options);
    serve(wire::Kind::kCall, "/echo", [this](Context& context) {
      ++served;
      context.add_reply_meta("from", "handler");
      context.reply_with('s', context.body_bytes());
      return Status();
    });
    serve(wire::Kind::kCall, "/other", echo);
    serve(wire::Kind::kPush, "/note", [this](Context& context) {
      ++served;
      return context.body() == "bad" ? Status(Code::kBadMessage, "test.bad", "") : Status();
    });
    serve(wire::Kind::kCall, "/hold", [this](Context& context) { return hold(context); });
    listen({.hello = true, .windows = &*windows, .bounds = bounds.get()});
  }
  Task<Status> hold(Context& context) {
    Status waited = co_await release.wait(context.core().timers(), Deadline(), context.cancel());
    co_return waited;
  }
  // A stranger that has said hello; gives what it was answered.
  Frame greet(Probe& stranger, std::string_view secret = kSecret) {
    return ask(stranger,
               {.method = "/_fl/hello",
                .metadata = "version=1&features=resume,refused&resume=" + std::string(secret)});
  }
  Frame ask(Probe& stranger, wire::MessageHead head, std::string_view body = {}) {
    const std::size_t before = frames(stranger).size();
    stranger.send(frame(head, body));
    turn_until([&] { return frames(stranger).size() > before || stranger.closed; });
    return stranger.closed ? Frame{} : frames(stranger)[before];
  }
  static std::vector<Frame> frames(const Probe& stranger) {
    std::vector<Frame> out;
    std::string_view rest = stranger.received;
    for (;;) {
      wire::MessageView view;
      const auto parsed = wire::raw::parse(rest, {}, view);
      if (parsed.state != wire::raw::FrameResult::State::kFrame) return out;
      out.push_back({view.seq, view.kind, std::string(view.method), std::string(view.metadata),
                     std::string(view.body), wire::parse_status_text(view.status)});
      rest.remove_prefix(parsed.size);
    }
  }
  static wire::MessageHead echo_call(std::int32_t seq, std::string_view metadata) {
    return {.seq = seq, .body_codec = 's', .method = "/echo", .metadata = metadata};
  }
  static wire::MessageHead hold_call(std::int32_t seq, std::string_view metadata) {
    return {.seq = seq, .body_codec = 's', .method = "/hold", .metadata = metadata};
  }
  static wire::MessageHead note_push(std::int32_t seq, std::string_view metadata) {
    return {.seq = seq,
            .kind = wire::Kind::kPush,
            .body_codec = 's',
            .method = "/note",
            .metadata = metadata};
  }

  std::optional<DuplicateWindows> windows;
  std::unique_ptr<observe::Bounds> bounds = observe::Bounds::make(registry).value();
  Event release;
  int served = 0;
};

TEST_F(SessionResumeTest, AHelloWithASecretIsToldTheWindow) {
  start();
  const auto stranger = probe();

  const Frame answer = greet(*stranger);

  EXPECT_EQ(wire::find_in_encoded(answer.metadata, "window")->size(), 16U);
  EXPECT_EQ(windows->count(), 1U);
  EXPECT_EQ(answer.metadata.find(kSecret), std::string::npos);
}

TEST_F(SessionResumeTest, WhatIsNoSecretGetsNoWindow) {
  start();
  for (const std::string& wrong :
       {std::string(), std::string("x"), std::string(31, 'a'), std::string(33, 'a'),
        std::string(32, 'g'), std::string(60'000, 'a')}) {
    const auto stranger = probe();
    const Frame answer = greet(*stranger, wrong);
    EXPECT_TRUE(answer.status.ok()) << wrong.size();
    EXPECT_FALSE(wire::find_in_encoded(answer.metadata, "window").has_value());
  }
  EXPECT_EQ(windows->count(), 0U);
}

TEST_F(SessionResumeTest, WhereAllWindowsAreTakenNothingIsNumbered) {
  start({.windows_max = 1});
  const auto first = probe();
  (void)greet(*first);
  const auto second = probe();

  const Frame answer = greet(*second, "ffffffffffffffffffffffffffffffff");

  EXPECT_TRUE(answer.status.ok()) << answer.status;
  EXPECT_FALSE(wire::find_in_encoded(answer.metadata, "window").has_value());
  EXPECT_EQ(ask(*second, echo_call(2, "X-Fl-Id=1"), "a").body, "a");
  EXPECT_EQ(ask(*second, echo_call(3, "X-Fl-Id=1"), "b").body, "b") << "its number means nothing";
  EXPECT_EQ(bounds->hits(observe::Bound::kWindows), 1U);
}

TEST_F(SessionResumeTest, WhoShowsAnotherSecretMayLoseItsWindow) {
  start({.windows_max = 2});
  const auto first = probe();
  (void)greet(*first);
  const auto second = probe();
  (void)greet(*second, std::string(32, 'b'));
  (void)ask(*second, echo_call(2, "X-Fl-Id=1"), "a");

  const Frame again = greet(*second, std::string(32, 'c'));

  EXPECT_FALSE(wire::find_in_encoded(again.metadata, "window").has_value());
  EXPECT_EQ(ask(*second, echo_call(3, "X-Fl-Id=1"), "b").body, "b");
}

TEST_F(SessionResumeTest, ARepeatIsAnsweredTheSameAndNotServed) {
  start();
  const auto stranger = probe();
  (void)greet(*stranger);

  const Frame first = ask(*stranger, echo_call(2, "X-Fl-Id=1"), "hello");
  const Frame again = ask(*stranger, echo_call(3, "X-Fl-Id=1"), "hello");

  EXPECT_EQ(first.body, "hello");
  EXPECT_EQ(again.body, "hello");
  EXPECT_EQ(again.metadata, first.metadata);
  EXPECT_EQ(again.seq, 3);
  EXPECT_EQ(served, 1);
  EXPECT_EQ(server->metrics().dedup_hits.value(), 1U);
}

TEST_F(SessionResumeTest, TheNextConnectionKnowsIt) {
  start();
  const auto stranger = probe();
  const Frame hello = greet(*stranger);
  (void)ask(*stranger, echo_call(2, "X-Fl-Id=1"), "hello");
  stranger->stream->close();
  turn_until([&] { return stranger->closed; });
  const auto next = probe();
  const Frame hello_again = greet(*next);

  EXPECT_EQ(hello_again.metadata, hello.metadata) << "the same window";
  EXPECT_EQ(ask(*next, echo_call(2, "X-Fl-Id=1"), "hello").body, "hello");
  EXPECT_EQ(served, 1);
}

TEST_F(SessionResumeTest, WithoutASecretANumberMeansNothing) {
  start();
  const auto stranger = probe();

  for (std::int32_t seq = 1; seq <= 2; ++seq) {
    EXPECT_EQ(ask(*stranger, echo_call(seq, "X-Fl-Id=1"), "a").body, "a");
  }

  EXPECT_EQ(served, 2);
}

TEST_F(SessionResumeTest, WhatIsNoNumberIsRefused) {
  start();
  const auto stranger = probe();
  (void)greet(*stranger);
  std::int32_t seq = 2;
  for (const char* wrong : {"", "0", "-1", "x", "01", "99999999999999999999"}) {
    const Frame refused = ask(*stranger, echo_call(++seq, "X-Fl-Id=" + std::string(wrong)), "a");
    EXPECT_EQ(refused.status.reason(), "resend.bad_id") << wrong;
    EXPECT_TRUE(wire::find_in_encoded(refused.metadata, "X-Fl-Refused").has_value());
  }
  EXPECT_EQ(served, 0);
}

TEST_F(SessionResumeTest, ANumberIsOfOneMessage) {
  start();
  const auto stranger = probe();
  (void)greet(*stranger);
  (void)ask(*stranger, echo_call(2, "X-Fl-Id=1"), "a");

  const Frame other_body = ask(*stranger, echo_call(3, "X-Fl-Id=1"), "b");
  const Frame other_method = ask(
      *stranger, {.seq = 4, .body_codec = 's', .method = "/other", .metadata = "X-Fl-Id=1"}, "a");

  EXPECT_EQ(other_body.status.reason(), "resend.other_message");
  EXPECT_EQ(other_method.status.reason(), "resend.other_message");
  EXPECT_FALSE(wire::find_in_encoded(other_body.metadata, "X-Fl-Refused").has_value());
  EXPECT_EQ(served, 1);
}

TEST_F(SessionResumeTest, ARefusalIsARepeatsAnswerToo) {
  start();
  const auto stranger = probe();
  (void)greet(*stranger);
  const wire::MessageHead nowhere{.seq = 2, .method = "/nowhere", .metadata = "X-Fl-Id=1"};

  const Frame first = ask(*stranger, nowhere);
  const Frame again = ask(*stranger, nowhere);

  EXPECT_EQ(first.status.code(), Code::kNotFound);
  EXPECT_EQ(again.status.code(), Code::kNotFound);
  EXPECT_EQ(again.metadata, first.metadata);
}

TEST_F(SessionResumeTest, AnAnswerThatIsNotKeptIsSaidSo) {
  start({.reply_bytes_max = 500});
  const auto stranger = probe();
  (void)greet(*stranger);
  const std::string large(500, 'x');
  EXPECT_EQ(ask(*stranger, echo_call(2, "X-Fl-Id=1"), large).body, large);

  const Frame again = ask(*stranger, echo_call(3, "X-Fl-Id=1"), large);

  EXPECT_EQ(again.status.code(), Code::kConflict);
  EXPECT_EQ(again.status.reason(), "resend.reply_dropped");
  EXPECT_EQ(served, 1);
}

TEST_F(SessionResumeTest, WhatIsForgottenIsNotServed) {
  start({.ids_max = 2});
  const auto stranger = probe();
  (void)greet(*stranger);
  for (std::int32_t id = 1; id <= 3; ++id) {
    (void)ask(*stranger, echo_call(id + 1, "X-Fl-Id=" + std::to_string(id)), "a");
  }

  const Frame again = ask(*stranger, echo_call(9, "X-Fl-Id=1"), "a");

  EXPECT_EQ(again.status.code(), Code::kUnknownError);
  EXPECT_EQ(again.status.reason(), "resend.forgotten");
  EXPECT_EQ(served, 3);
}

// Only what was not served is said to be refused.
TEST_F(SessionResumeTest, WithoutRoomNothingIsServedAndThatIsSaid) {
  start({.ids_max = 1});
  const auto stranger = probe();
  (void)greet(*stranger);
  stranger->send(frame(hold_call(2, "X-Fl-Id=1")));

  const Frame call = ask(*stranger, echo_call(3, "X-Fl-Id=2"), "a");
  const Frame push = ask(*stranger, note_push(4, "X-Fl-Id=3"), "a");

  EXPECT_EQ(call.status.reason(), "dedup.full");
  EXPECT_TRUE(wire::find_in_encoded(call.metadata, "X-Fl-Refused").has_value());
  const std::string told = wire::find_in_encoded(push.metadata, "status").value_or("");
  EXPECT_EQ(wire::parse_status_text(told).reason(), "dedup.full");
  EXPECT_TRUE(wire::find_in_encoded(push.metadata, "X-Fl-Refused").has_value());
  EXPECT_EQ(served, 0);
  release.set();
}

TEST_F(SessionResumeTest, WhatIsBeingServedIsNotSaidToBeRefused) {
  start();
  const auto stranger = probe();
  (void)greet(*stranger);
  std::string held;
  for (std::size_t i = 0; i <= DuplicateWindow::kWaitersMax; ++i) {
    held += frame(hold_call(static_cast<std::int32_t>(2 + i), "X-Fl-Id=1"));
  }
  stranger->send(held);

  const Frame crowded = ask(*stranger, hold_call(99, "X-Fl-Id=1"));

  EXPECT_EQ(crowded.status.reason(), "dedup.full");
  EXPECT_FALSE(wire::find_in_encoded(crowded.metadata, "X-Fl-Refused").has_value());
  release.set();
}

TEST_F(SessionResumeTest, TheLaterConnectionHasTheWindow) {
  start();
  const auto early = probe();
  (void)greet(*early);
  (void)ask(*early, echo_call(2, "X-Fl-Id=1"), "a");
  const auto late = probe();
  (void)greet(*late);

  const Frame refused = ask(*early, echo_call(3, "X-Fl-Id=2"), "b");

  EXPECT_EQ(refused.status.reason(), "resend.superseded");
  EXPECT_EQ(ask(*early, echo_call(4, "a=b"), "c").body, "c") << "without a number, as ever";
  EXPECT_EQ(ask(*late, echo_call(2, "X-Fl-Id=1"), "a").body, "a");
  EXPECT_EQ(ask(*late, echo_call(3, "X-Fl-Id=2"), "b").body, "b");
  EXPECT_EQ(served, 3);
}

TEST_F(SessionResumeTest, PushesAreAcknowledged) {
  start();
  const auto stranger = probe();
  (void)greet(*stranger);
  const wire::MessageHead note = note_push(2, "X-Fl-Id=1");

  const Frame first = ask(*stranger, note, "a");
  const Frame again = ask(*stranger, note, "a");
  const Frame bad = ask(*stranger, note_push(3, "X-Fl-Id=2"), "bad");

  EXPECT_EQ(first.method, "/_fl/ack");
  EXPECT_EQ(first.metadata, "id=1");
  EXPECT_EQ(again.metadata, "id=1");
  const std::string told = wire::find_in_encoded(bad.metadata, "status").value_or("");
  EXPECT_EQ(wire::parse_status_text(told).reason(), "test.bad");
  EXPECT_EQ(served, 2);
}

// What became of it is not known any more, so it is not said to have ended well.
TEST_F(SessionResumeTest, AnAcknowledgementThatIsNotKeptIsSaidSo) {
  start({.reply_bytes_max = 0});
  const auto stranger = probe();
  (void)greet(*stranger);
  const wire::MessageHead note = note_push(2, "X-Fl-Id=1");
  (void)ask(*stranger, note, "bad");

  const Frame again = ask(*stranger, note, "bad");

  const std::string told = wire::find_in_encoded(again.metadata, "status").value_or("");
  EXPECT_EQ(wire::parse_status_text(told).code(), Code::kConflict);
  EXPECT_EQ(wire::parse_status_text(told).reason(), "resend.reply_dropped");
  EXPECT_EQ(served, 1);
}

TEST_F(SessionResumeTest, TheLinksOwnWordsHaveNoNumbers) {
  start();
  const auto stranger = probe();
  (void)greet(*stranger);
  const Frame again = ask(*stranger, {.seq = 2,
                                      .method = "/_fl/hello",
                                      .metadata = "version=1&features=resume&X-Fl-Id=1&resume=" +
                                                  std::string(kSecret)});
  EXPECT_TRUE(wire::find_in_encoded(again.metadata, "window").has_value());

  EXPECT_EQ(ask(*stranger, echo_call(3, "X-Fl-Id=1"), "a").body, "a");
}

}  // namespace
}  // namespace fairlead::rpc
