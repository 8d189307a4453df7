// Entrance: the connections of a listener that have not said yet what they speak.
//
//   accepted ─► FIRST_BYTES ─ frame, Thrift ──► Doors::rpc
//      │            │  ▲ ├─── HTTP ───────────► Doors::http, or HEAD where erpc's form is on
//      │ TLS only   │  │ └─── nothing known ──► closed, counted, told in the log
//      └──► TLS ◄───┘  │ plain text, once
//            └─────────┴─ ALPN "http/1.1" ────► as HTTP
//   HEAD: the whole first head has X-Seq and X-Mtype ─► Doors::rpc, else ─► Doors::http
//   too slow ─► what has begun like HTTP: Doors::http, whose server says 408; else ─► closed
//
// The door gets the stream with every byte that came, in the turn in which they suffice; it is
// started already, and start() hands it over.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "fairlead/async/event.h"
#include "fairlead/async/task.h"
#include "fairlead/async/timer_wheel.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/io/core.h"
#include "fairlead/io/stream.h"
#include "fairlead/io/tls_holder.h"
#include "fairlead/io/tls_stream.h"
#include "fairlead/observe/bounds.h"
#include "fairlead/observe/line_gate.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/wire/protocol.h"

namespace fairlead::rpc {

// Handles: copy freely. Default-made ones count nothing. Names: fairlead_rpc_<member>[_total].
struct EntranceMetrics {
  observe::Gauge undecided_connections{};
  observe::Counter undecided_refused{};  // over undecided_max
  observe::Counter undecided_late{};     // closed: too slow, where there is a timeout
  observe::Counter unknown_protocols{};

  // Errors: those of observe::Registry::counter().
  static Result<EntranceMetrics> make(observe::Registry& registry);
};

struct EntranceOptions {
  const wire::Protocol* frames = nullptr;  // raw, json or pb; null: none
  const wire::Protocol* thrift = nullptr;  // null: none
  bool http = false;
  bool erpc_http = false;              // with http: erpc's form of it, too
  const io::TlsHolder* tls = nullptr;  // null: no TLS; outlives the entrance
  bool tls_only = false;               // with tls: nothing plain
  std::size_t undecided_max = 10'000;  // >= 1; more are closed at once
  // Of what begins like HTTP, from its first byte; and of who agreed on it by ALPN and is silent.
  Duration head_timeout = std::chrono::seconds(10);
  // Until the first bytes decide, where a login is to come or HTTP alone; zero: no such time.
  Duration first_byte_timeout = Duration::zero();
  // Then, of who says nothing, as an idle session may; zero: for ever.
  Duration silence_max = Duration::zero();
  Duration frame_time_max = std::chrono::seconds(30);  // > 0; of what is begun, from its first byte
  observe::Bounds* bounds = nullptr;  // told when undecided_max is hit; null: nobody. Outlives it
  EntranceMetrics metrics{};
};

// Thread: its core. Lifetime: close() must have completed before destruction, or nobody be
// undecided; core and doors outlive it. Cost: the memory of a session per connection that is
// undecided, none later.
class Entrance {
 public:
  // Where streams go. `tls`: the same stream when it is one of TLS, handshake done; else null.
  // `head_began`: when the first byte of a request came, if one has come: its time runs from there.
  // A door takes the stream and must not destroy it inside the call (io::Core::dispose).
  struct Doors {
    std::function<void(std::unique_ptr<io::Stream> stream, io::TlsStream* tls,
                       const wire::Protocol& protocol)>
        rpc{};
    std::function<void(std::unique_ptr<io::Stream> stream, io::TlsStream* tls,
                       std::optional<Time> head_began)>
        http{};
    // The same for who is to be turned away; `protocol`: null for HTTP. Empty: they are closed.
    std::function<void(std::unique_ptr<io::Stream> stream, const wire::Protocol* protocol)>
        turned_away{};
    // A connection from `peer` ended here by an error of TLS.
    std::function<void(const io::Address& peer, const Status& why)> tls_failed{};
  };

  Entrance(io::Core& core, EntranceOptions options, Doors doors);
  ~Entrance();
  Entrance(const Entrance&) = delete;
  Entrance& operator=(const Entrance&) = delete;

  void accept(std::unique_ptr<io::Stream> stream) { add(std::move(stream), false); }
  // For who is over a limit: goes through Doors::turned_away when its first bytes tell what it
  // speaks; closed when they do not within kTurnAwayPatience, or are TLS, which costs too much.
  void turn_away(std::unique_ptr<io::Stream> stream) { add(std::move(stream), true); }
  static constexpr Duration kTurnAwayPatience = std::chrono::seconds(1);
  // Closes whoever is undecided, and from now on at once whoever comes; waits for their end, and
  // cuts them off at `deadline`. One call at a time. Errors: kDeadlineExceeded `wait.deadline`.
  Task<Status> close(Deadline deadline);

  // Another `undecided_max` and other times, for who comes from now on; nobody who is here is
  // closed, and whoever was given a time keeps it. The rest of `options` is not looked at.
  void update(const EntranceOptions& options);

  std::size_t undecided() const { return count_; }

 private:
  class Visitor;

  void add(std::unique_ptr<io::Stream> stream, bool turned_away);
  void remove(Visitor& visitor);

  io::Core& core_;
  EntranceOptions options_;
  const Doors doors_;
  Visitor* first_ = nullptr;
  std::size_t count_ = 0;
  bool closing_ = false;
  Event empty_;
  observe::LineGate unknown_told_;
};

}  // namespace fairlead::rpc
