// What the tests of bad frames and bad streams share: a server on a simulated core, strangers that
// write bytes by hand, and a good client, on a connection of its own, who must feel nothing.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/big_endian.h"
#include "fairlead/io/simulation.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/wire/status_text.h"
#include "tests/testkit/pass_time.h"

namespace fairlead::rpc::test {

inline constexpr std::uint32_t kFrameBytesMax = 64 * 1024;
inline constexpr std::uint32_t kInflightCallsMax = 20;
inline constexpr Duration kServedWithin = std::chrono::seconds(1);

// A raw frame, part by part; a length that is set stands in the frame instead of the right one.
struct Parts {
  std::string transforms{};
  std::string seq = "1";
  int kind = 1;  // CALL
  std::string method = "/echo";
  std::string status = "code=0";
  std::string metadata{};
  char codec = 's';
  std::string body = "body";
  std::optional<std::uint32_t> length{};
  std::optional<std::size_t> transform_count{};
  std::optional<std::size_t> seq_size{};
  std::optional<std::size_t> method_size{};
  std::optional<std::size_t> status_size{};
  std::optional<std::size_t> metadata_size{};
};

inline std::string frame(const Parts& parts) {
  const auto u8 = [](std::size_t value) { return std::string(1, static_cast<char>(value)); };
  const auto u16 = [&](std::size_t value) { return u8(value >> 8) + u8(value); };
  const std::string rest = u8(parts.transform_count.value_or(parts.transforms.size())) +
                           parts.transforms + u8(parts.seq_size.value_or(parts.seq.size())) +
                           parts.seq + u8(static_cast<std::size_t>(parts.kind)) +
                           u8(parts.method_size.value_or(parts.method.size())) + parts.method +
                           u16(parts.status_size.value_or(parts.status.size())) + parts.status +
                           u16(parts.metadata_size.value_or(parts.metadata.size())) +
                           parts.metadata + parts.codec + parts.body;
  std::string length(4, '\0');
  store_u32(length.data(), parts.length.value_or(static_cast<std::uint32_t>(4 + rest.size())));
  return length + rest;
}

// A frame as it is read back, texts in their plain form.
struct Told {
  std::int32_t seq = 0;
  wire::Kind kind = wire::Kind::kReply;
  std::string method{};
  Status status{};
  std::string body{};
  std::string metadata{};
  std::uint8_t codec = 0;
};

// The far end of a connection, moved by hand.
class Stranger final : private io::StreamHandler {
 public:
  Stranger(io::Core& core, std::unique_ptr<io::Stream> made)
      : core_(core), stream_(std::move(made)) {
    stream_->start(*this);
  }
  ~Stranger() { core_.dispose(std::move(stream_)); }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  void send(std::string_view bytes) {
    if (closed_) return;
    stream_->output().append(bytes);
    stream_->wrote();
  }
  io::Stream& stream() { return *stream_; }
  // The server has ended this connection.
  bool closed() const { return closed_; }
  // What came and was not heard yet.
  const std::string& received() const { return received_; }
  // The frames that came since it was asked last.
  std::vector<Told> hear(const wire::TransformSet& transforms) {
    std::vector<Told> heard;
    std::string_view rest = received_;
    while (!rest.empty()) {
      wire::MessageView message;
      const auto found = wire::raw::parse(rest, {}, message);
      using State = wire::raw::FrameResult::State;
      if (found.state == State::kNeedMore) break;
      Bytes owner;
      if (found.state == State::kPacked) {
        auto unpacked = wire::raw::unpack(transforms, {}, message);
        EXPECT_TRUE(unpacked.ok()) << unpacked.status();
        if (unpacked.ok()) owner = *std::move(unpacked);
      } else if (found.state != State::kFrame) {
        ADD_FAILURE() << "the server sent what is no frame: " << found.status({});
        break;
      }
      heard.push_back({message.seq, message.kind, std::string(message.method),
                       wire::parse_status_text(message.status), std::string(message.body),
                       std::string(message.metadata), message.body_codec});
      rest.remove_prefix(found.size);
    }
    received_.erase(0, received_.size() - rest.size());
    return heard;
  }

 private:
  io::ReadResult on_read(const Bytes& input) override {
    received_.append(input.view());
    return {input.size(), 0};
  }
  void on_end() override { stream_->close(); }
  void on_close(Status) override { closed_ = true; }

  io::Core& core_;
  std::unique_ptr<io::Stream> stream_;
  std::string received_;
  bool closed_ = false;
};

class BadPeerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(wire::add_builtin_transforms(transforms).ok());
    const auto add = [&](wire::Kind kind, const char* method, auto function) {
      ASSERT_TRUE(router.add(kind, method, make_handler(function)).ok());
    };
    using enum wire::Kind;
    add(kCall, "/echo", echo);
    add(kCall, "/slow", slow);
    add(kCall, "/metadata", count_metadata);
    add(kCall, "/ask_back", ask_back);
    add(kPush, "/note", [](Context&) { return Status(); });
    ASSERT_TRUE(server.options().validate().ok());
    listener = near.listen(io::Address::loopback(0), {},
                           [this](io::Core&, std::unique_ptr<io::Stream> stream) {
                             server.accept(std::move(stream));
                           })
                   .value();
    good = dial();
  }
  void TearDown() override {
    EXPECT_TRUE(serves_the_good_client());
    good.reset();
    EXPECT_TRUE(near.run(server.close(near.deadline_after(kServedWithin))).ok());
    listener.reset();
    pass(kServedWithin);
    EXPECT_EQ(network.streams(), 0U);
  }

  static Status echo(Context& context) {
    context.reply_with(context.body_codec(), context.body_bytes());
    return {};
  }
  static Task<Status> slow(Context& context) {
    Status slept = co_await Sleep(context.core().timers(),
                                  context.core().deadline_after(std::chrono::milliseconds(50)),
                                  context.cancel());
    if (!slept.ok()) co_return slept;
    co_return echo(context);
  }
  static Status count_metadata(Context& context) {
    FL_TRY_ASSIGN(const wire::Metadata metadata, context.metadata());
    if (Buffer* out = context.begin_reply('s')) out->append(std::to_string(metadata.size()));
    return {};
  }
  static Task<Status> ask_back(Context& context) {
    auto call = context.session().call("/asked", 's', context.body_bytes());
    Result<Reply> answer = co_await call;
    if (!answer.ok()) co_return answer.status();
    if (Buffer* out = context.begin_reply('s')) out->append(answer->body.view());
    co_return Status();
  }

  std::unique_ptr<Stranger> dial() {
    return std::make_unique<Stranger>(
        far, far.run(far.connect(listener->local(), Deadline(), {})).value());
  }
  void pass(Duration time) { testkit::pass_time(far, time); }
  bool serves_the_good_client() { return serves(*good); }
  // Whether a good call on this connection is answered in time.
  bool serves(Stranger& client) {
    client.hear(transforms);
    client.send(frame({.seq = "good", .body = "still served"}));
    pass(kServedWithin);
    const std::vector<Told> heard = client.hear(transforms);
    return heard.size() == 1 && heard[0].status.ok() && heard[0].body == "still served";
  }
  // A frame with the body behind `ids`, however large the body is.
  std::string packed(std::string_view ids, std::string_view body) {
    Buffer out;
    const wire::MessageHead head{
        .seq = 1, .kind = wire::Kind::kCall, .method = "/echo", .transforms = ids};
    EXPECT_TRUE(
        wire::raw::append(out, head, body, {.frame_bytes_max = 1U << 30}, &transforms).ok());
    return std::string(out.view());
  }

  io::Simulation network{1, {.segment_bytes_max = kFrameBytesMax, .window_bytes = 1U << 20}};
  io::Core& near = network.add_core("server");
  io::Core& far = network.add_core("strangers");
  wire::TransformSet transforms;
  Router router;
  observe::Registry registry;
  Peer server{near,
              router,
              {.limits = {.frame_bytes_max = kFrameBytesMax},
               .inflight_calls_max = kInflightCallsMax,
               .transforms = &transforms},
              Metrics::make(registry).value()};
  std::unique_ptr<io::Listener> listener;
  std::unique_ptr<Stranger> good;
};

}  // namespace fairlead::rpc::test
