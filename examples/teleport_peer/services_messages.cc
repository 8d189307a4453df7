// Services about everything in a message but its body: metadata, status, transforms, address,
// number, method.
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

#include <fairlead/base/text.h>

#include "services.h"

namespace teleport_peer {
namespace {

std::int64_t number_of(fl::Context& context, std::string_view key) {
  return fl::parse_int64(context.meta(key).value_or("")).value_or(0);
}

// Every pair k=v returns as Re-k=v, in order.
fl::Result<fl::Bytes> echo_meta(fl::Context& context, fl::Bytes body) {
  FL_TRY_ASSIGN(const fl::wire::Metadata metadata, context.metadata());
  metadata.visit([&](std::string_view key, std::string_view value) {
    context.add_reply_meta("Re-" + std::string(key), value);
  });
  return body;
}

// The status that the metadata asks for. An absent cause and an empty one are different.
fl::Result<fl::Bytes> echo_status(fl::Context& context, fl::Bytes body) {
  const std::int64_t code = number_of(context, "code");
  if (code == 0) return body;
  if (code < std::numeric_limits<std::int32_t>::min() ||
      code > std::numeric_limits<std::int32_t>::max()) {
    return fl::error(400, "code is beyond 32 bits");
  }
  fl::Status status = fl::error(static_cast<std::int32_t>(code), context.meta("msg").value_or(""));
  const std::optional<std::string> cause = context.meta("cause");
  return cause.has_value() ? std::move(status).with_cause(*cause) : std::move(status);
}

// A handler that waits is a coroutine; others go on meanwhile. The body outlives its read.
fl::Task<fl::Result<fl::Bytes>> echo_slowly(fl::Context& context, fl::Bytes body) {
  const std::chrono::milliseconds pause(number_of(context, "ms"));
  fl::Sleep sleep(context.core().timers(), context.core().deadline_after(pause), context.cancel());
  FL_CO_TRY(co_await sleep);
  co_return body;
}

// The reply passes through the request's transforms and those that are named here.
fl::Result<fl::Bytes> echo_with_transforms(fl::Context& context, fl::Bytes body) {
  for (const char id : context.meta("add").value_or("")) {
    FL_TRY(context.add_reply_transform(static_cast<std::uint8_t>(id)));
  }
  return body;
}

// Where the caller is: as a proxy in front of us says, else as the connection knows it.
std::string address_of_caller(fl::Context& context) {
  if (std::string told = context.meta(fl::wire::kRealIpKey).value_or(""); !told.empty()) {
    return told;
  }
  const fl::io::Address peer = context.session().peer_address();
  return peer.is_unix() ? peer.unix_path() : peer.to_text();
}

}  // namespace

void serve_messages(fl::App& app, const Names& names) {
  app.on_call(names("Echo", "Meta"), [](fl::Context& context, fl::Bytes body) {
    return echo_meta(context, std::move(body));
  });
  app.on_call(names("Echo", "Status"), [](fl::Context& context, fl::Bytes body) {
    return echo_status(context, std::move(body));
  });
  // Whatever a handler throws becomes 500 for that call alone.
  app.on_call(names("Echo", "Panic"),
              [](fl::Context&, fl::Bytes) -> fl::Bytes { throw std::runtime_error("boom"); });
  app.on_call(names("Echo", "Slow"), [](fl::Context& context, fl::Bytes body) {
    return echo_slowly(context, std::move(body));
  });
  app.on_call(names("Echo", "Xfer"), [](fl::Context& context, fl::Bytes body) {
    return echo_with_transforms(context, std::move(body));
  });
  app.on_call(names("Echo", "Ip"),
              [](fl::Context& context, fl::Bytes) { return address_of_caller(context); });
  app.on_call(names("Echo", "Seq"),
              [](fl::Context& context, fl::Bytes) { return std::to_string(context.seq()); });
  // A function of Go under the sub-route "sub_grp".
  app.on_call(names("sub_grp", "AaBb_CcDd"),
              [](fl::Context& context, fl::Bytes) { return std::string(context.method()); });
}

}  // namespace teleport_peer
