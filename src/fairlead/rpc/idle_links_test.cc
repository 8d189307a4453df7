// Links over which nothing passes: what plugins hear, and when they end. On virtual time.
#include <optional>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fairlead/rpc/session_liveness_fixture.h"

namespace fairlead::rpc {
namespace {

using namespace std::chrono_literals;
using test::Stranger;
using testing::ElementsAre;

// Notes what it is told, and may refuse it.
struct IdleNotes {
  std::vector<std::pair<IdleEvent::Kind, std::int64_t>> told;  // with seconds
  std::optional<IdleEvent::Kind> refused;
};
class IdlePlugin final : public Plugin {
 public:
  explicit IdlePlugin(IdleNotes& notes) : Plugin("idle"), notes_(notes) {}
  Status post_idle(Session&, const IdleEvent& idle) override {
    const Duration time = idle.kind == IdleEvent::Kind::kWrite ? idle.write_for : idle.read_for;
    notes_.told.emplace_back(idle.kind, time / 1s);
    if (notes_.refused == idle.kind) return Status(Code::kForbidden, "test.idle", "too quiet");
    return {};
  }

 private:
  IdleNotes& notes_;
};

class IdleLinks : public SessionLiveness {
 protected:
  PeerOptions only_idle(IdleOptions idle) {
    EXPECT_TRUE(plugins.add(IdlePlugin(notes)).ok());
    return {.plugins = &plugins, .idle = idle};
  }
  std::uint64_t events(IdleEvent::Kind kind) const {
    return metrics().idle_events[static_cast<std::size_t>(kind)].value();
  }
  IdleNotes notes;
  PluginChain plugins;
};

TEST_F(IdleLinks, PluginsHearOfEachKindWithItsTimeAndBothIsTheEnd) {
  serve(only_idle(kUsualIdle));
  Stranger& stranger = visit();
  pass(599s);
  EXPECT_FALSE(stranger.closed());
  pass(2s);

  using enum IdleEvent::Kind;
  EXPECT_THAT(notes.told,
              ElementsAre(std::pair{kWrite, 15}, std::pair{kRead, 45}, std::pair{kBoth, 600}));
  EXPECT_TRUE(stranger.closed());
  EXPECT_EQ(ends(LinkEnd::kIdle), 1U);
  for (const IdleEvent::Kind kind : {kRead, kWrite, kBoth}) EXPECT_EQ(events(kind), 1U);
}

TEST_F(IdleLinks, AnErrorOfAPluginEndsTheConnection) {
  notes.refused = IdleEvent::Kind::kRead;
  serve(only_idle({.read = 45s}));
  Stranger& stranger = visit();
  pass(46s);

  EXPECT_TRUE(stranger.closed());
  EXPECT_EQ(ends(LinkEnd::kPlugin), 1U);
}

TEST_F(IdleLinks, ACallUnderWayIsNotIdle) {
  serve(only_idle({.both = 60s}));
  Stranger& stranger = visit();
  ask("/ask", 1, &results[0]);
  pass(300s);
  EXPECT_FALSE(stranger.closed());

  stranger.send(not_found(stranger.hear(transforms).at(0).seq));
  pass(59s);
  EXPECT_FALSE(stranger.closed());
  pass(70s);
  EXPECT_TRUE(stranger.closed());
  EXPECT_EQ(results[0].code(), Code::kNotFound);
}

TEST_F(IdleLinks, HeartbeatsKeepALink) {
  PeerOptions options = only_idle(kUsualIdle);
  options.heartbeat = kUsualHeartbeat;
  serve(options);
  Stranger& stranger = visit();
  answer(stranger, 1h);

  EXPECT_FALSE(stranger.closed());
  EXPECT_EQ(events(IdleEvent::Kind::kBoth), 0U);
  EXPECT_EQ(events(IdleEvent::Kind::kRead), 0U);
}

TEST_F(IdleLinks, WithoutSettingsAQuietLinkStaysAndNeedsNoTimer) {
  serve({});
  Stranger& stranger = visit();
  pass(1s);
  EXPECT_EQ(near.timers().size(), 0U);
  pass(1000h);
  EXPECT_FALSE(stranger.closed());
}

}  // namespace
}  // namespace fairlead::rpc
