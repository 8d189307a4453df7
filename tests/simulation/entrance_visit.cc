#include "entrance_visit.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "fairlead/async/event.h"

namespace fairlead::simulation {
namespace {

using namespace std::chrono_literals;
using namespace std::literals;

// The client's end: reads and forgets. Owned by its visit; the stream goes at the end of a turn.
class Guest final : private io::StreamHandler {
 public:
  Guest(io::Core& core, std::unique_ptr<io::Stream> stream)
      : core_(core), stream_(std::move(stream)) {
    stream_->start(*this);
  }
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;
  ~Guest() { core_.dispose(std::move(stream_)); }

  io::Stream& stream() { return *stream_; }
  bool gone() const { return gone_; }

 private:
  io::ReadResult on_read(const Bytes& input) override { return {input.size(), 0}; }
  void on_end() override { stream_->close(); }
  void on_close(Status) override { gone_ = true; }

  io::Core& core_;
  std::unique_ptr<io::Stream> stream_;
  bool gone_ = false;
};

Duration up_to(io::Simulation& network, Duration most) {
  const auto count = static_cast<std::uint64_t>(most.count());
  return Duration(static_cast<Duration::rep>(network.random().below(count)));
}

Task<void> pause(io::Core& core, Duration time) {
  Status slept = co_await Sleep(core.timers(), core.deadline_after(time));
  FL_CHECK(slept.ok());
}

Task<void> say(io::Simulation& network, io::Core& core, Guest& guest, Visit& visit) {
  const bool slow = network.random().below(4) == 0;
  std::string_view left = words_of(visit.speech);
  while (!left.empty() && !guest.gone()) {
    const std::size_t piece = 1 + network.random().below(std::min<std::size_t>(left.size(), 12));
    guest.stream().output().append(left.substr(0, piece));
    guest.stream().wrote();
    visit.written.append(left.substr(0, piece));
    left.remove_prefix(piece);
    // Some say everything at once, some nothing more.
    if (network.random().below(30) == 0) co_return;
    if (network.random().below(3) == 0) co_await pause(core, up_to(network, slow ? 4s : 20ms));
  }
  visit.complete = left.empty();
}

}  // namespace

std::string_view words_of(Speech speech) {
  switch (speech) {
    case Speech::kFrame:
      return "\0\0\0\x40\0\x01\x31\x01 and whatever follows in this frame"sv;
    case Speech::kHeader:
      return "\0\0\0\x40\x0f\xff\0\0 and whatever follows in this frame"sv;
    case Speech::kBareThrift:
      return "\x80\x01\0\x01 and so on"sv;
    case Speech::kRequest:
      return "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
    case Speech::kEmptyLine:
      return "\r\nPOST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab";
    case Speech::kErpc:
      return "POST /a HTTP/1.1\r\nX-Mtype: 1\r\nX-Seq: 1\r\nContent-Length: 1\r\n\r\na";
    case Speech::kGreeting:
      return "SSH-2.0-OpenSSH_9.2p1\r\n";
    case Speech::kNoise:
      return "\xfe\xfd\xfc garbage";
    case Speech::kNothing:
      break;
  }
  return {};
}

std::string door_of(Speech speech, bool tls, const rpc::EntranceOptions& options) {
  if (options.tls_only && !tls) return "";
  const std::string frames(options.frames != nullptr ? options.frames->name() : "");
  const std::string thrift(options.thrift != nullptr ? options.thrift->name() : "");
  const bool http_alone = options.http && frames.empty() && thrift.empty();
  switch (speech) {
    case Speech::kFrame:
      return frames.empty() ? thrift : frames;
    case Speech::kHeader:
      return thrift.empty() ? frames : thrift;
    case Speech::kBareThrift:
      return thrift;
    case Speech::kRequest:
      return options.http ? "server" : "";
    case Speech::kEmptyLine:
      return options.http ? "server" : frames.empty() ? thrift : frames;
    case Speech::kErpc:
      return !options.http ? "" : options.erpc_http ? "http" : "server";
    case Speech::kGreeting:
      return http_alone ? "server" : "";
    case Speech::kNoise:
    case Speech::kNothing:
      break;
  }
  return "";
}

Task<void> make_visit(io::Simulation* network, io::Core* core, io::Address to,
                      std::shared_ptr<const io::TlsContext> tls, Visit* visit,
                      std::function<void(const io::Address& from)> connected) {
  co_await pause(*core, up_to(*network, 2s));
  auto made = co_await core->connect(to, core->deadline_after(300ms), CancelToken());
  if (!made.ok()) co_return;
  connected((*made)->local());
  std::unique_ptr<io::Stream> stream = std::move(*made);
  if (visit->tls) {
    auto wrapped = co_await io::tls_connect(*core, std::move(stream), std::move(tls), "localhost",
                                            core->deadline_after(5s), CancelToken());
    if (!wrapped.ok()) co_return;
    stream = std::move(*wrapped);
  }
  Guest guest(*core, std::move(stream));
  co_await say(*network, *core, guest, *visit);
  const std::uint64_t way = network->random().below(5);
  if (way == 0 && network->random().below(2) == 0) {
    visit->broken_off = true;
    if (!guest.gone()) guest.stream().abort(Status(Code::kConnectionClosed, "guest.gone", ""));
  } else if (way <= 2 && !guest.gone()) {
    guest.stream().close();
  }
  const Deadline patience = core->deadline_after(up_to(*network, 25s));
  while (!guest.gone() && !patience.passed(core->now())) co_await pause(*core, 5ms);
  if (guest.gone()) co_return;
  visit->broken_off = true;
  guest.stream().abort(Status(Code::kConnectionClosed, "guest.gone", "the guest has gone"));
  while (!guest.gone()) co_await pause(*core, 1ms);
}

}  // namespace fairlead::simulation
