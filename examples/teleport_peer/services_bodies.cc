// Services about bodies: what comes in is decoded by the message's codec, what goes out is encoded
// in the codec that the caller wants.
#include <cstdint>
#include <string>
#include <utility>

#include <fairlead/wire/metadata.h>

#include "bodies.h"
#include "hello_message.h"
#include "services.h"

namespace teleport_peer {
namespace {

// Whatever was sent comes back with the next number; the greatest is followed by the smallest.
Obj with_next_number(Obj in) {
  in.num = static_cast<std::int64_t>(static_cast<std::uint64_t>(in.num) + 1);
  return in;
}

// Wraps around, as in Go.
Pair sum_and_difference(const Pair& in) {
  const auto a = static_cast<std::uint32_t>(in.a);
  const auto b = static_cast<std::uint32_t>(in.b);
  return {.a = static_cast<std::int32_t>(a + b), .b = static_cast<std::int32_t>(a - b)};
}

// Values of a form are pairs in any number, which no struct describes; metadata is the same text.
fl::Status echo_form(fl::Context& context) {
  FL_TRY_ASSIGN(const fl::wire::Metadata values, fl::wire::parse_metadata_text(context.body()));
  std::string text;
  FL_TRY(fl::wire::append_metadata_text(text, values));
  context.reply_with(static_cast<std::uint8_t>(fl::CodecId::kForm), fl::Bytes(text));
  return {};
}

// Metadata that begins with "t-" returns as Re-t-...
fl::Result<Author> sign(fl::Context& context, Author in) {
  FL_TRY_ASSIGN(const fl::wire::Metadata metadata, context.metadata());
  metadata.visit([&](std::string_view key, std::string_view value) {
    if (key.starts_with("t-")) context.add_reply_meta("Re-" + std::string(key), value);
  });
  in.author += "->OK";
  return in;
}

}  // namespace

void serve_bodies(fl::App& app, const Names& names) {
  // fl::Bytes is the body itself, whatever its codec.
  app.on_call(names("Echo", "Bytes"), [](fl::Context&, fl::Bytes body) { return body; });
  app.on_call(names("Echo", "Str"), [](fl::Context&, std::string text) { return text; });
  app.on_call(names("Echo", "Obj"),
              [](fl::Context&, Obj in) { return with_next_number(std::move(in)); });
  app.on_call(names("Echo", "Form"), [](fl::Context& context) { return echo_form(context); });
  app.on_call(names("Echo", "Pb"), [](fl::Context&, Pair in) { return sum_and_difference(in); });
  app.on_call(names("Echo", "Thrift"),
              [](fl::Context& context, Author in) { return sign(context, std::move(in)); });
  app.on_call(names("Echo", "Accept"), [](fl::Context&, fl::Bytes) {
    return Obj{.name = "accept", .num = 7, .flag = true, .rate = 1.5};
  });
  app.on_call(names("Echo", "AcceptPb"),
              [](fl::Context&, fl::Bytes) { return Pair{.a = 3, .b = -4}; });
  app.on_call(names("Bind", "Check"), [](fl::Context&, const BindArg& in) {
    return "ok:" + std::to_string(in.a) + ":" + in.s + ":" + in.mm;
  });
  // Its name has the RPC form whatever the mapper of the rest.
  app.on_call("Hello.Say", [](fl::Context&, HelloMessage message) {
    message.field1 = "OK";
    message.field2 = 100;
    return message;
  });
}

}  // namespace teleport_peer
