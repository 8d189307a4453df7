// SessionRef: one connection to one peer, wherever it was accepted or dialled, to be called, pushed
// to and sent away from any thread.
//
//   if (auto device = app.sessions().find("tv-42")) {
//     auto call = device->as<Device>().probe({.at = 1}, fl::within(1s));
//     fl::Result<Pong> pong = co_await call;       // on the core on which this runs
//   }
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/contract/service.h"
#include "fairlead/io/core.h"
#include "fairlead/rpc/session.h"
#include "fairlead/rpc/session_watcher.h"
#include "fairlead/service/distant_call.h"

namespace fairlead::service {

class Hub;

namespace internal {

class SessionRedial;

// What a hub knows of a session; shared by everybody who refers to it, also after its end.
struct HubEntry final : rpc::SessionMark {
  enum class Place : std::uint8_t { kOutside, kListed, kEnded };
  enum class Reach : std::uint8_t { kOpen, kAway, kGone };  // away: lost, and dialled again

  HubEntry(Hub& owner, rpc::Session& of);
  ~HubEntry() override;

  bool is(Reach one) const { return reach.load(std::memory_order_acquire) == one; }

  Hub& hub;
  io::Core& core;
  const wire::Protocol& protocol;
  const io::Address peer;
  rpc::Session* session;  // core's; null once it has ended, and while it is dialled again
  std::unique_ptr<SessionRedial> redial{};  // core's; null: it does not come back
  std::uint64_t number = 0;                 // core's: in the order of coming
  std::atomic<Reach> reach{Reach::kOpen};   // the core writes it; a hint on other threads
  std::string id{};                         // under the hub's mutex, as is:
  Place place = Place::kOutside;
};

// Status of whoever is not there any more; NOT_SENT.
Status session_gone();
// How an argument is written for a peer that speaks `protocol`, when nobody says it: as the
// protocol demands, as JSON where it is text, else as its type asks for.
codec::CodecId codec_over(const wire::Protocol& protocol, const contract::TypeInfo& type);
// On the session's core; `session` may be null.
Status push_now(rpc::Session* session, const contract::MethodInfo& method, const void* argument,
                const CallOptions& options);
// The line of a session that comes back, for a message with these words; null: it is sent over the
// session of this moment. On its core.
rpc::ResendLine* line_for(HubEntry& entry, CallOptions& options);
// When a call ends by its options; `entry` has a session, or comes back.
Deadline deadline_over(const HubEntry& entry, const CallOptions& options);
// When a call that is made here must have ended because of the call that is served here.
Deadline ambient_deadline();

// A call over one session, or a push by its line. Thread: its core.
template <class R, class A>
class SessionCall final : public ReplyState<R>, private SentCall {
 public:
  SessionCall(const contract::MethodInfo& method, CallOptions options, A in)
      : SentCall(method, std::move(options)), argument_(std::move(in)) {}

  void start(HubEntry& entry, Deadline limit) {
    if (rpc::ResendLine* line = line_for(entry, options())) [[unlikely]]
      return start_by(*line, earlier(deadline_over(entry, options()), limit));
    if (entry.session == nullptr) return ended(session_gone());
    send(*entry.session, earlier(deadline_over(entry, options()), limit));
  }

 private:
  const void* argument() const override { return &argument_; }
  void* reply() override { return &this->reply_; }
  void ended(Status status) override { this->end(std::move(status)); }
  // What it inherits, the session would know.
  void start_by(rpc::ResendLine& line, Deadline until) {
    if (const Ambient* here = ambient()) {
      until = earlier(until, here->deadline);
      if (!options().cancel.can_be_cancelled()) options().cancel = here->cancel;
    }
    send(line, until);
  }

  A argument_;
};

// Makes the calls of SessionRef::as<S>().
class SessionCaller {
 public:
  explicit SessionCaller(std::shared_ptr<HubEntry> entry) : entry_(std::move(entry)) {}

 protected:
  template <contract::Service S, std::size_t I, class In, class... Words>
  auto invoke(In in, Words... words) const {
    CallOptions options;
    (apply(options, words), ...);
    const contract::MethodInfo& method = contract::service_info<S>().methods[I];
    if (!options.codec.has_value()) options.codec = codec_over(entry_->protocol, *method.argument);
    if constexpr (contract::kIsPush<S, I>) {
      return push(method, std::move(in), std::move(options));
    } else {
      return call<contract::ReplyOf<S, I>>(method, std::move(in), std::move(options));
    }
  }

 private:
  bool is_here() const { return io::Core::current() == &entry_->core; }
  bool is_gone() const { return entry_->is(HubEntry::Reach::kGone); }

  template <class R, class In>
  static Call<R> start(HubEntry& entry, const contract::MethodInfo& method, In in,
                       CallOptions options, Deadline limit) {
    auto state = std::make_unique<SessionCall<R, In>>(method, std::move(options), std::move(in));
    state->start(entry, limit);
    return Call<R>(std::move(state));
  }
  // On the session's core.
  template <class In>
  static PushCall start_push(HubEntry& entry, const contract::MethodInfo& method, In in,
                             CallOptions options) {
    if (line_for(entry, options) == nullptr) {
      return PushCall(push_now(entry.session, method, &in, options));
    }
    return PushCall(start<void>(entry, method, std::move(in), std::move(options), Deadline()));
  }

  // What travels to the session's core.
  template <class In>
  struct Errands {
    std::shared_ptr<HubEntry> entry;
    const contract::MethodInfo& method;
    In in;
    CallOptions options;
    Deadline limit;
    std::optional<CancelSource> cancel{};  // there: while the call is under way

    void give_up() {                    // there
      if (!cancel.has_value()) return;  // it has ended
      CancelSource source = *std::move(cancel);
      cancel.reset();  // before the call's end looks at it
      source.cancel();
    }
  };

  template <class R, class In>
  Call<R> call(const contract::MethodInfo& method, In in, CallOptions options) const {
    if (is_here()) {  // the session knows what is inherited
      return start<R>(*entry_, method, std::move(in), std::move(options), Deadline());
    }
    CancelToken cancel = std::exchange(options.cancel, CancelToken());  // of this core
    if (!cancel.can_be_cancelled() && ambient() != nullptr) cancel = ambient()->cancel;
    auto job = std::make_shared<Errands<In>>(entry_, method, std::move(in), std::move(options),
                                             ambient_deadline());
    auto distant = std::make_shared<Distant<R>>();
    if (is_gone()) {
      distant->deliver(session_gone());
      return distant->wait(cancel, [] {});
    }
    entry_->core.post([job, distant] {
      job->options.cancel = job->cancel.emplace().token();
      start<R>(*job->entry, job->method, std::move(job->in), std::move(job->options), job->limit)
          .then([job, distant](Result<R> reply) {
            job->cancel.reset();
            distant->deliver(std::move(reply));
          });
    });
    return distant->wait(cancel, [job] { job->entry->core.post([job] { job->give_up(); }); });
  }

  template <class In>
  PushCall push(const contract::MethodInfo& method, In in, CallOptions options) const {
    if (is_here()) return start_push(*entry_, method, std::move(in), std::move(options));
    options.cancel = CancelToken();  // of this core, and a push does not wait
    auto job = std::make_shared<Errands<In>>(entry_, method, std::move(in), std::move(options),
                                             Deadline());
    auto distant = std::make_shared<Distant<void>>();
    if (is_gone()) {
      distant->deliver(session_gone());
      return PushCall(distant->wait(CancelToken(), [] {}));
    }
    entry_->core.post([job, distant] {
      start_push(*job->entry, job->method, std::move(job->in), std::move(job->options))
          .then([distant](const Status& pushed) { distant->deliver(Result<void>(pushed)); });
    });
    return PushCall(distant->wait(CancelToken(), [] {}));
  }

  std::shared_ptr<HubEntry> entry_;
};

}  // namespace internal

// Copyable, weak: the session may end any time, and then calls and pushes end with
// kConnectionClosed `session.closed`, NOT_SENT. One that was dialled to be dialled again (HubDial)
// comes back as the same: id, values and place in the hub stay, and until then calls and pushes end
// in that way too; those that say wait_for_ready or at_least_once() (a push: best_effort() too)
// wait for it, by the rules of a ResendLine, and end with kDialFailed `upstream.lost`, NOT_SENT,
// when its redial_times are used up. Over any other session these words change nothing.
// Refs to the same session are equal. Thread: any. On the session's core what it does happens at
// once, from elsewhere a letter carries it there; replies come back to the core that awaits them.
// Two letters of one thread keep their order. Lifetime: the hub's, which is that of the App or
// Runtime.
class SessionRef {
 public:
  explicit SessionRef(std::shared_ptr<internal::HubEntry> entry) : entry_(std::move(entry)) {}

  // What it is found by (Hub::find). Until set_id(): the peer's address where the session was
  // accepted, our own where it was dialled; with a number behind it where that is not unique.
  std::string id() const;
  // Errors: those of Hub::set_id().
  Status set_id(std::string_view id) const;
  const io::Address& peer_address() const { return entry_->peer; }
  // Whether it can be used; elsewhere than on its core that may just have changed.
  bool open() const { return entry_->is(internal::HubEntry::Reach::kOpen); }
  // Whether it was lost and is dialled again, as open().
  bool away() const { return entry_->is(internal::HubEntry::Reach::kAway); }

  // Calls and pushes of S over this session, with the words of fl::Client: a Stub as it. Their
  // errors are those of rpc::Session::start_call() and push(), with the codecs' before and after.
  template <contract::Service S>
  contract::Stub<S, internal::SessionCaller> as() const {
    return contract::Stub<S, internal::SessionCaller>(entry_);
  }

  // Sends the peer away: it hears `reason` if it said hello, calls that run are answered, what was
  // written leaves, all that within Hub::kKickPatience; then the connection is closed, and not
  // dialled again.
  void kick(std::string_view reason) const;

  // The session itself, on its core while it lives; null elsewhere. Good until the next co_await.
  rpc::Session* here() const {
    return io::Core::current() == &entry_->core ? entry_->session : nullptr;
  }
  // What the program remembers of the peer; as here().
  rpc::SessionValues* values() const {
    rpc::Session* session = here();
    return session == nullptr ? nullptr : &session->values();
  }
  // Runs `function` on the session's core if the session lives then: at once when this is that
  // core.
  void visit(std::function<void(rpc::Session& session)> function) const;

  friend bool operator==(const SessionRef&, const SessionRef&) = default;

 private:
  friend Hub;
  std::shared_ptr<internal::HubEntry> entry_;
};

}  // namespace fairlead::service
