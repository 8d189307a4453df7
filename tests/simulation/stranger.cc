#include "stranger.h"

#include <utility>

#include "fairlead/wire/protocols/raw.h"

namespace fairlead::simulation {

Stranger::Stranger(io::Simulation& simulation, io::Core& core, std::unique_ptr<io::Stream> stream,
                   Fail fail)
    : simulation_(simulation), core_(core), stream_(std::move(stream)), fail_(std::move(fail)) {
  stream_->start(*this);
}

Stranger::~Stranger() { core_.dispose(std::move(stream_)); }

void Stranger::abort() {
  stream_->abort(Status(Code::kConnectionClosed, "stranger.gone", "the stranger has gone"));
}

void Stranger::call(Buffer& frames, std::string_view method, std::int32_t seq, std::string body) {
  const wire::MessageHead head{
      .seq = seq, .kind = wire::Kind::kCall, .body_codec = 's', .method = method};
  FL_CHECK(wire::raw::append(frames, head, body, {}).ok());
  asked_[seq] = std::move(body);
}

void Stranger::send(std::string_view bytes) {
  simulation_.note(core_, "stranger", asked_.size(), "calls, bytes", bytes.size());
  stream_->output().append(bytes);
  stream_->wrote();
}

void Stranger::speak(std::size_t greed_bytes) {
  Random& random = simulation_.random();
  const std::uint64_t way = random.below(6);
  if (way == 5) return ask_for_much(greed_bytes);
  Buffer frames;
  const auto calls = static_cast<std::int32_t>(1 + random.below(6));
  for (std::int32_t seq = 1; seq <= calls; ++seq) {
    call(frames, "/echo", seq, std::string(random.below(500), static_cast<char>('a' + seq)));
  }
  const std::size_t cut = way == 0 ? 1 + random.below(15) : 0;  // inside the last frame
  send(frames.view().substr(0, frames.size() - cut));
  if (way <= 2) return simulation_.end_sending(*stream_);
  if (way == 3) abort();
}

// Some dozen calls in one write, whose replies it does not read.
void Stranger::ask_for_much(std::size_t bytes) {
  Buffer frames;
  for (std::int32_t seq = 1; seq <= 30; ++seq) {
    call(frames, "/large", seq, "g " + std::to_string(bytes) + " ");
  }
  stream_->pause();
  send(frames.view());
}

io::ReadResult Stranger::on_read(const Bytes& input) {
  std::size_t consumed = 0;
  while (consumed < input.size()) {
    wire::MessageView message;
    const auto frame = wire::raw::parse(input.view().substr(consumed), {}, message);
    if (frame.state == wire::raw::FrameResult::State::kNeedMore) return {consumed, frame.size};
    if (frame.state != wire::raw::FrameResult::State::kFrame) {
      fail_("a stranger was sent bytes that are no frame");
      return {input.size(), 0};
    }
    // It leaves heartbeats unanswered.
    if (message.kind == wire::Kind::kReply) check(message.seq, message.body);
    consumed += frame.size;
  }
  return {consumed, 0};
}

void Stranger::check(std::int32_t seq, std::string_view body) {
  const auto asked = asked_.find(seq);
  if (asked == asked_.end())
    return fail_("a stranger was answered what it had not asked, or twice");
  if (asked->second != body) fail_("a stranger was answered something else");
  asked_.erase(asked);
}

}  // namespace fairlead::simulation
