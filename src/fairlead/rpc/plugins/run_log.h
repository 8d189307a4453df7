// RunLog: one record for each call and push, of those that came and of our own.
//
//   CALL<- 127.0.0.1:4332(real:same) 128.1µs(fast) "/echo" RECV({"size":5}) SEND({"size":5})
//   CALL-> 127.0.0.1:9090(real:-) 2.5ms(slow) "/echo" SEND({"size":42}) RECV({"size":5})
//   PUSH<- 127.0.0.1:43329(real:same) 12µs(fast) "/told" RECV({"size":5})
//   PUSH-> 127.0.0.1:43329(real:-) (-) "/told" SEND({"size":5})
//
// "<-" was served, "->" was begun here. `real`: what X-Real-IP says, `same` as the connection's, or
// `-`. In braces also "status":code=..&msg=.. where there is an error, and with `details` "meta"
// and "body". Sizes are bytes of the body, without transforms and seal.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/base/time.h"
#include "fairlead/observe/log_field.h"
#include "fairlead/rpc/plugin.h"

namespace fairlead::rpc {

struct RunLogOptions {
  // Slow from here on, and then told as a warning; zero: never.
  Duration slow_after = Duration::zero();
  // Metadata and bodies, at most body_bytes_max of each. They may hold secrets: for developers.
  bool details = false;
  std::size_t body_bytes_max = 1024;
  bool text = false;  // the line above; false: fields (method, peer, took, reason, ...)
  // Where lines of text go. Empty: into the log, as the field `line` of `rpc.call` and `rpc.push`.
  // Thread: any core's, several at a time.
  std::function<void(observe::LogLevel level, std::string_view line)> write{};
};

// The log itself lets 10 records a second of a name pass and counts the rest (observe::Logger); a
// `write` of one's own gets all.
// Thread: as Plugin. Cost: a record each; about a microsecond.
class RunLog final : public Plugin {
 public:
  explicit RunLog(RunLogOptions options) : Plugin("run_log"), options_(std::move(options)) {}

  Status post_write_reply(const OutgoingReply& reply) override;
  Status post_serve(const Served& served) override;
  Status pre_write_call(OutgoingHead& call) override { return begin(call); }
  Status pre_write_push(OutgoingHead& push) override { return begin(push); }
  Status post_call(const EndedCall& call) override;
  Status post_write_push(const OutgoingHead& push) override;

 private:
  // One side of a record.
  struct Part {
    std::size_t size = 0;
    const Status* status = nullptr;  // null or OK: not shown
    std::string_view metadata{};
    std::string_view body{};
    std::uint8_t body_codec = 0;
  };
  struct Record {
    std::string_view arrow;
    std::string peer;
    std::string real;
    std::string_view method;
    Duration took;  // negative: not known
    const Part* first;
    const Part* second;  // null: none
    bool received_first;
  };

  Status begin(OutgoingHead& head) const;
  static Part part_of(const OutgoingHead& sent);
  void tell_served(Context& context, const Status& status, Time begun, const Part* reply) const;
  void tell(const Record& record) const;
  void append(std::string& line, std::string_view word, const Part& part) const;

  const RunLogOptions options_;
};

}  // namespace fairlead::rpc
