#include "fairlead/rpc/entrance.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/http/proto/head.h"
#include "fairlead/observe/log.h"
#include "fairlead/rpc/first_bytes.h"
#include "fairlead/rpc/session.h"

namespace fairlead::rpc {
namespace {

constexpr std::string_view kHttpAlpn = "http/1.1";

}  // namespace

// One connection, and the handler of its stream until that goes through a door.
class Entrance::Visitor final : public io::Disposable, private io::StreamHandler, private Timer {
 public:
  Visitor(Entrance& entrance, std::unique_ptr<io::Stream> stream, bool turned_away)
      : entrance_(entrance), stream_(std::move(stream)), turned_away_(turned_away) {}

  // As much memory as the session takes that usually follows. So it is of use for the next one when
  // this is over, where many came at once: a smaller hole between sessions that stay is of no use.
  static void* operator new(std::size_t bytes) {
    return ::operator new(std::max(bytes, sizeof(Session)));
  }
  static void operator delete(void* memory) { ::operator delete(memory); }

  void begin();
  void close() { stream_->close(); }
  void cut() { stream_->abort(Status(Code::kConnectionClosed, "session.cut", "closed at drain")); }

  // Position in the entrance's list.
  Visitor* previous = nullptr;
  Visitor* next = nullptr;

 private:
  io::ReadResult on_read(const Bytes& input) override;
  void on_end() override { stream_->close(); }
  void on_close(Status why) override;
  void on_timer() override;

  const EntranceOptions& options() const { return entrance_.options_; }
  io::Core& core() const { return entrance_.core_; }
  ExpectedBytes expected() const;
  bool heard() const { return first_byte_at_ != Time::max(); }
  void begin_tls();
  void established();
  void go_to(const wire::Protocol* protocol);
  void go_to_http();
  void go_away_by(const wire::Protocol* protocol);
  void read_head(std::string_view input);
  void begin_head();
  void begin_frame();
  void wait_for_first_byte();
  void wait_at_most(Duration timeout);
  void refuse(std::string_view input);

  Entrance& entrance_;
  std::unique_ptr<io::Stream> stream_;
  io::TlsStream* tls_ = nullptr;       // `stream_`, once it is one of TLS
  std::unique_ptr<io::Address> peer_;  // of TLS; a closed stream does not know it any more
  Time first_byte_at_ = Time::max();   // of what is told apart now; max: none has come
  Time login_ends_ = Time::max();      // max: none is asked for
  std::size_t seen_ = 0;               // HEAD: bytes that hold no end of the head
  const bool turned_away_;             // there are too many connections
  bool in_head_ = false;               // HEAD
  bool head_timed_ = false;            // the time of a head of HTTP runs
  bool refused_ = false;
};

Entrance::Entrance(io::Core& core, EntranceOptions options, Doors doors)
    : core_(core), options_(options), doors_(std::move(doors)) {
  FL_CHECK(!options_.tls_only || options_.tls != nullptr);
  FL_CHECK(options_.undecided_max > 0);
}

Entrance::~Entrance() { FL_CHECK(first_ == nullptr); }

void Entrance::update(const EntranceOptions& options) {
  core_.assert_here();
  FL_CHECK(options.undecided_max > 0);
  options_.undecided_max = options.undecided_max;
  options_.first_byte_timeout = options.first_byte_timeout;
  options_.silence_max = options.silence_max;
  options_.frame_time_max = options.frame_time_max;
}

void Entrance::add(std::unique_ptr<io::Stream> stream, bool turned_away) {
  core_.assert_here();
  if (turned_away && (closing_ || options_.tls_only || !doors_.turned_away)) {
    return core_.dispose(std::move(stream));
  }
  if (closing_ || count_ >= options_.undecided_max) {
    if (!closing_) {
      options_.metrics.undecided_refused.add();
      if (options_.bounds != nullptr) {
        options_.bounds->hit(observe::Bound::kUndecided, options_.undecided_max, core_.now());
      }
    }
    return core_.dispose(std::move(stream));
  }
  // Owned by the list, ends in remove().
  auto* visitor = new Visitor(*this, std::move(stream), turned_away);
  visitor->next = first_;
  if (first_ != nullptr) first_->previous = visitor;
  first_ = visitor;
  ++count_;
  options_.metrics.undecided_connections.add(1);
  visitor->begin();
}

Task<Status> Entrance::close(Deadline deadline) {
  core_.assert_here();
  closing_ = true;
  for (Visitor* visitor = first_; visitor != nullptr; visitor = visitor->next) visitor->close();
  Status closed;
  if (first_ != nullptr) closed = co_await empty_.wait(core_.timers(), deadline);
  if (first_ != nullptr) {
    for (Visitor* visitor = first_; visitor != nullptr; visitor = visitor->next) visitor->cut();
    Status cut = co_await empty_.wait(core_.timers(), Deadline());
    FL_CHECK(cut.ok());
  }
  co_return closed;
}

void Entrance::remove(Visitor& visitor) {
  (visitor.previous != nullptr ? visitor.previous->next : first_) = visitor.next;
  if (visitor.next != nullptr) visitor.next->previous = visitor.previous;
  --count_;
  options_.metrics.undecided_connections.add(-1);
  core_.dispose(std::unique_ptr<Visitor>(&visitor));
  if (closing_ && first_ == nullptr) empty_.set();
}

// ---- one connection ---------------------------------------------------------------------------

void Entrance::Visitor::begin() {
  if (options().tls_only) return begin_tls();
  if (turned_away_)
    wait_at_most(kTurnAwayPatience);
  else
    wait_for_first_byte();
  stream_->start(*this);
}

// The handshake has a timeout of its own.
void Entrance::Visitor::begin_tls() {
  disarm();
  peer_ = std::make_unique<io::Address>(stream_->peer());
  first_byte_at_ = Time::max();
  auto wrapped = io::tls_wrap(core(), std::move(stream_), options().tls->current());
  tls_ = wrapped.get();
  tls_->on_established([this] { established(); });
  stream_ = std::move(wrapped);
  stream_->start(*this);
}

void Entrance::Visitor::established() {
  if (options().http && tls_->info().alpn == kHttpAlpn) {
    if (!options().erpc_http) return go_to_http();
    in_head_ = true;
    return begin_head();
  }
  wait_for_first_byte();
}

ExpectedBytes Entrance::Visitor::expected() const {
  return {.frames = options().frames != nullptr,
          .thrift = options().thrift != nullptr,
          .http = options().http,
          .tls = options().tls != nullptr && tls_ == nullptr};
}

io::ReadResult Entrance::Visitor::on_read(const Bytes& input) {
  if (refused_) return {input.size(), 0};
  const bool begins = !heard();
  if (begins) first_byte_at_ = core().now();
  const std::string_view all = input.view();
  if (in_head_) {
    read_head(all);
    return {};
  }
  switch (classify_first_bytes(all, expected())) {
    case FirstBytes::kNeedMore:
      if (turned_away_) return {};
      // Above the lengths of frames only the beginning of a line can be cut.
      if (static_cast<unsigned char>(all.front()) > 0x16)
        begin_head();
      else if (begins)
        begin_frame();
      return {};
    case FirstBytes::kFrame:
      go_to(options().frames);
      return {};
    case FirstBytes::kThrift:
      go_to(options().thrift);
      return {};
    case FirstBytes::kTls:
      if (turned_away_) break;
      begin_tls();
      return {};
    case FirstBytes::kHttp:
      if (options().erpc_http && !turned_away_) {
        in_head_ = true;
        begin_head();
        read_head(all);
      } else {
        go_to_http();
      }
      return {};
    case FirstBytes::kHttp2:
      // The HTTP/1 server answers 505 and closes.
      FL_LOG(info, "entrance.http2", {"peer", stream_->peer().to_text()},
             {"message", "HTTP/2 is not spoken here; have the client use HTTP/1.1"});
      go_to_http();
      return {};
    case FirstBytes::kUnknown:
      break;
  }
  if (turned_away_) {
    refused_ = true;
    stream_->close();
  } else {
    refuse(all);
  }
  return {all.size(), 0};
}

void Entrance::Visitor::refuse(std::string_view input) {
  refused_ = true;
  options().metrics.unknown_protocols.add();
  if (const auto times = entrance_.unknown_told_.pass(core().now())) {
    FL_LOG(warn, "entrance.unknown_protocol", {"peer", stream_->peer().to_text()},
           {"looks_like", describe_first_bytes(input)}, {"times", *times});
  }
  stream_->close();
}

// What is no head is left to the HTTP server, which says what is wrong with it: a line end without
// CR, or a head that is too large.
void Entrance::Visitor::read_head(std::string_view input) {
  for (; seen_ < input.size(); ++seen_) {
    if (input[seen_] != '\n') continue;
    if (seen_ == 0 || input[seen_ - 1] != '\r') return go_to_http();
    if (input.substr(0, seen_ + 1).ends_with("\r\n\r\n")) {
      if (!is_erpc_http(input.substr(0, seen_ + 1))) return go_to_http();
      return go_to(wire::find_carried_protocol("http"));
    }
  }
  if (seen_ >= http::proto::kHeadBytesMax) go_to_http();
}

void Entrance::Visitor::go_to(const wire::Protocol* protocol) {
  disarm();
  if (turned_away_) return go_away_by(protocol);
  entrance_.doors_.rpc(std::move(stream_), tls_, *protocol);
  entrance_.remove(*this);
}

void Entrance::Visitor::go_to_http() {
  disarm();
  if (turned_away_) return go_away_by(nullptr);
  const std::optional<Time> head_began = heard() ? std::optional(first_byte_at_) : std::nullopt;
  entrance_.doors_.http(std::move(stream_), tls_, head_began);
  entrance_.remove(*this);
}

void Entrance::Visitor::go_away_by(const wire::Protocol* protocol) {
  entrance_.doors_.turned_away(std::move(stream_), protocol);
  entrance_.remove(*this);
}

// From its first byte to its last, whatever was waited before.
void Entrance::Visitor::begin_head() {
  if (!std::exchange(head_timed_, true)) wait_at_most(options().head_timeout);
}

// The time of a login is for all of this, so it runs on if it ends first.
void Entrance::Visitor::begin_frame() {
  const Duration own = options().frame_time_max;
  if (core().now() + own < login_ends_) wait_at_most(own);
}

void Entrance::Visitor::wait_for_first_byte() {
  const Duration all = options().first_byte_timeout;
  if (all == Duration::zero()) return wait_at_most(options().silence_max);
  login_ends_ = core().now() + all;
  wait_at_most(all);
}

void Entrance::Visitor::wait_at_most(Duration timeout) {
  if (timeout > Duration::zero()) core().timers().arm(*this, core().now() + timeout);
}

void Entrance::Visitor::on_timer() {
  if (head_timed_ && heard()) return go_to_http();  // it answers that this was too slow
  options().metrics.undecided_late.add();
  refused_ = true;
  stream_->close();
}

void Entrance::Visitor::on_close(Status why) {
  if (why.reason().starts_with("tls.") && entrance_.doors_.tls_failed) {
    entrance_.doors_.tls_failed(peer_ != nullptr ? *peer_ : io::Address(), why);
  }
  core().dispose(std::move(stream_));
  entrance_.remove(*this);
}

Result<EntranceMetrics> EntranceMetrics::make(observe::Registry& registry) {
  EntranceMetrics metrics;
  FL_TRY_ASSIGN(metrics.undecided_connections,
                registry.gauge({"fairlead_rpc_undecided_connections",
                                "Connections that have not said yet what they speak."}));
  FL_TRY_ASSIGN(metrics.undecided_refused,
                registry.counter({"fairlead_rpc_undecided_refused_total",
                                  "Connections closed because too many were undecided."}));
  FL_TRY_ASSIGN(
      metrics.undecided_late,
      registry.counter({"fairlead_rpc_undecided_late_total",
                        "Connections closed because their first bytes came too slowly."}));
  FL_TRY_ASSIGN(metrics.unknown_protocols,
                registry.counter({"fairlead_rpc_unknown_protocols_total",
                                  "Connections whose first bytes no protocol begins with."}));
  return metrics;
}

}  // namespace fairlead::rpc
