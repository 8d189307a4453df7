// Targets: the wire protocols.
#include <algorithm>
#include <memory>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/wire/protocol.h"
#include "fairlead/wire/protocols/v3_message.h"
#include "targets.h"

namespace fairlead::fuzz {
namespace {

using wire::MessageView;
using wire::Protocol;
using wire::Received;

constexpr wire::Limits kLimits{.frame_bytes_max = 1U << 20};

const wire::TransformSet& all_transforms() {
  static const auto set = [] {
    auto made = std::make_unique<wire::TransformSet>();
    FL_CHECK(add_builtin_transforms(*made).ok());
    return made;
  }();
  return *set;
}

bool lies_in(std::string_view view, std::string_view memory) {
  return view.empty() || (view.data() >= memory.data() &&
                          view.data() + view.size() <= memory.data() + memory.size());
}

// A body that calls itself JSON and is none may come back as the JSON that it looks like.
bool may_be_repaired(const Protocol& protocol, const MessageView& message) {
  const bool as_json = protocol.name() == "json" || protocol.name() == "ws-json";
  return as_json && message.body_codec == wire::kJsonCodec &&
         std::ranges::any_of(message.body, [](char c) {
           return c == '\\' || static_cast<unsigned char>(c) < 0x20;
         });
}

// Said and left out mean the same: forms that may leave it out do.
bool says_ok(std::string_view status) { return status.empty() || status == "code=0"; }

void check_same(const Protocol& protocol, const MessageView& read, const MessageView& again) {
  FL_CHECK(again.seq == read.seq && again.kind == read.kind);
  FL_CHECK(again.body_codec == read.body_codec);
  FL_CHECK(again.method == read.method);
  FL_CHECK(again.status == read.status || (says_ok(again.status) && says_ok(read.status)));
  FL_CHECK(again.metadata == read.metadata);
  FL_CHECK(again.transforms == read.transforms);
  FL_CHECK(again.body == read.body || may_be_repaired(protocol, read));
}

// Writes the message to `out`. False: it cannot be said, which is told as not sent.
bool write(const Protocol& protocol, const MessageView& message, Buffer& out) {
  const Status written = protocol.append(out,
                                         {.seq = message.seq,
                                          .kind = message.kind,
                                          .body_codec = message.body_codec,
                                          .method = message.method,
                                          .status = message.status,
                                          .metadata = message.metadata,
                                          .transforms = message.transforms},
                                         message.body, kLimits, &all_transforms());
  // Some peers say what we do not: longer texts, errors with a body over thrift-struct.
  FL_CHECK(written.ok() || written.outcome() == Outcome::kNotSent);
  return written.ok();
}

void write_again(const Protocol& protocol, const MessageView& message) {
  Buffer out;
  if (!write(protocol, message, out)) return;
  const Received again = protocol.parse(out.view(), kLimits, &all_transforms());
  FL_CHECK(again.state == Received::State::kMessage && again.size == out.size());
  check_same(protocol, message, again.message);
}

// Parses `input`, and checks what holds for every outcome.
Received parse_checked(const Protocol& protocol, std::string_view input) {
  (void)protocol.peek_head(input);
  Received received = protocol.parse(input, kLimits, &all_transforms());
  const bool bad =
      received.state == Received::State::kError || received.state == Received::State::kBadBody;
  FL_CHECK(bad == !received.status.ok());
  if (received.state == Received::State::kNeedMore || received.state == Received::State::kError) {
    return received;
  }
  FL_CHECK(received.size <= input.size());
  const MessageView& message = received.message;
  const std::string_view memory = received.owner.chunk() ? received.owner.view() : input;
  for (const std::string_view view :
       {message.method, message.status, message.metadata, message.transforms, message.body}) {
    FL_CHECK(lies_in(view, memory));
  }
  return received;
}

void fuzz_protocol(std::string_view name, std::string_view input) {
  const Protocol* protocol = wire::find_protocol(name);
  FL_CHECK(protocol != nullptr);
  const Received received = parse_checked(*protocol, input);
  if (received.state == Received::State::kNeedMore || received.state == Received::State::kError) {
    return;
  }
  const Received cut =
      protocol->parse(input.substr(0, received.size - 1), kLimits, &all_transforms());
  FL_CHECK(cut.state == Received::State::kNeedMore && cut.size == received.size);
  if (received.state == Received::State::kMessage) write_again(*protocol, received.message);
}

// The inside of one WebSocket message: whole, whatever it is.
void fuzz_whole_message(std::string_view name, std::string_view input) {
  const Protocol* protocol = wire::find_carried_protocol(name);
  FL_CHECK(protocol != nullptr);
  const Received received = parse_checked(*protocol, input);
  FL_CHECK(received.state != Received::State::kNeedMore);
  if (received.state != Received::State::kError) FL_CHECK(received.size == input.size());
  if (received.state == Received::State::kMessage) write_again(*protocol, received.message);
}

void fuzz_v3(std::string_view name, std::string_view input) {
  const auto message = wire::find_v3_parser(name)(input, kLimits, all_transforms());
  if (!message.ok()) return;
  for (const std::string_view view :
       {message->seq, message->uri, message->metadata, message->transforms, message->body}) {
    FL_CHECK(lies_in(view, message->owner.view()));
  }
}

}  // namespace

void raw(std::string_view input) { fuzz_protocol("raw", input); }
void json(std::string_view input) { fuzz_protocol("json", input); }
void pb(std::string_view input) { fuzz_protocol("pb", input); }
void thrift_binary(std::string_view input) { fuzz_protocol("thrift-binary", input); }
void thrift_struct(std::string_view input) { fuzz_protocol("thrift-struct", input); }

void ws_json(std::string_view input) { fuzz_whole_message("ws-json", input); }
void ws_pb(std::string_view input) { fuzz_whole_message("ws-pb", input); }

// What was read comes back in the writer's own spelling at first: headers in order, a query of the
// method as metadata, metadata of the query as headers. From the second time on it stays the same.
void erpc_http(std::string_view input) {
  const Protocol* protocol = wire::find_carried_protocol("http");
  FL_CHECK(protocol != nullptr);
  Received received = parse_checked(*protocol, input);
  if (received.state == Received::State::kMessage) {
    const Received cut =
        protocol->parse(input.substr(0, received.size - 1), kLimits, &all_transforms());
    FL_CHECK(cut.state == Received::State::kNeedMore);
  }
  Buffer bytes;
  for (int time = 0; time < 3 && received.state == Received::State::kMessage; ++time) {
    Buffer out;
    if (!write(*protocol, received.message, out)) return;
    Received again = parse_checked(*protocol, out.view());
    FL_CHECK(again.state == Received::State::kMessage && again.size == out.size());
    FL_CHECK(again.message.body == received.message.body);
    if (time == 2) check_same(*protocol, received.message, again.message);
    bytes = std::move(out);
    received = std::move(again);
  }
}

void fast_v3(std::string_view input) { fuzz_v3("fast", input); }
void json_v3(std::string_view input) { fuzz_v3("json", input); }
void pb_v3(std::string_view input) { fuzz_v3("pb", input); }

}  // namespace fairlead::fuzz
