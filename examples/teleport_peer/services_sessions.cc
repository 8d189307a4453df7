// Services that use both directions of a session: the server calls and pushes, and counts what is
// pushed to it.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include <fairlead/base/mutex.h>
#include <fairlead/base/text.h>

#include "services.h"

namespace teleport_peer {
namespace {

constexpr auto kPlain = static_cast<std::uint8_t>(fl::CodecId::kPlain);
constexpr std::int64_t kPushesMax = 1000;

// What was pushed to the program on all its sessions, which live on several threads.
class Sink {
 public:
  void put(fl::Context& context) {
    fl::MutexLock lock(mutex_);
    ++count_;
    body_ = context.body();
    k_ = context.meta("k").value_or("");
  }
  std::string to_text() const {
    fl::MutexLock lock(mutex_);
    return std::to_string(count_) + "|" + body_ + "|" + k_;
  }

 private:
  mutable fl::Mutex mutex_;
  std::uint64_t count_ FL_GUARDED_BY(mutex_) = 0;
  std::string body_ FL_GUARDED_BY(mutex_);
  std::string k_ FL_GUARDED_BY(mutex_);
};

// A PUSH is written before the reply that follows it.
fl::Result<std::string> push_to_caller(fl::Context& context, const std::string& method,
                                       const std::string& text) {
  const std::int64_t count = fl::parse_int64(context.meta("n").value_or("")).value_or(0);
  if (count < 0 || count > kPushesMax) return fl::error(400, "n is 0 to 1000");
  for (std::int64_t i = 0; i < count; ++i) {
    std::string metadata;
    fl::wire::append_metadata_pair(metadata, "i", std::to_string(i));
    const fl::Bytes body(text + "#" + std::to_string(i));
    FL_TRY(context.session().push({.method = method, .body_codec = kPlain, .metadata = metadata},
                                  body));
  }
  return std::string("pushed");
}

fl::Task<fl::Result<std::string>> call_the_caller(fl::Context& context, std::string method,
                                                  std::string text) {
  auto call = context.session().call(std::move(method), kPlain, fl::Bytes(text));
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  co_return std::string(reply.body.view());
}

}  // namespace

void serve_sessions(fl::App& app, const Flags& flags, const Names& names) {
  app.on_call(names("Echo", "Pushme"),
              [notify = names("Cb", "Notify")](fl::Context& context, const std::string& text) {
                return push_to_caller(context, notify, text);
              });
  app.on_call(names("Echo", "Callme"),
              [ask = names("Cb", "Ask")](fl::Context& context, std::string text) {
                return call_the_caller(context, ask, std::move(text));
              });

  const auto sink = std::make_shared<Sink>();
  const auto take = [sink](fl::Context& context) {
    sink->put(context);
    return fl::Status();
  };
  app.on_push(names("Sink", "Push"), take);
  app.on_call(names("SinkStat", "Get"),
              [sink](fl::Context&, fl::Bytes) { return sink->to_text(); });
  if (!flags.unknown) return;
  app.on_unknown_push(take);
  app.on_unknown_call([](fl::Context& context) {
    context.add_reply_meta("Unknown", context.method());
    context.reply_with(context.body_codec(), context.body_bytes());
    return fl::Status();
  });
}

}  // namespace teleport_peer
