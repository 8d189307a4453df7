#include "fairlead/wire/protocols/frame_parts.h"

#include <utility>

namespace fairlead::wire::internal {

namespace {

constexpr std::size_t kIdsAt = kLengthBytes + 1;

}  // namespace

Status no_transforms(Code code) {
  return {code, "frame.unknown_transform", "no transforms are registered here"};
}

Received refused(Fault fault, std::uint32_t detail, const Limits& limits) {
  Received received;
  received.state = Received::State::kError;
  received.size = detail;
  received.status = fault_status(fault, detail, limits);
  return received;
}

Received bad_layout(std::string_view protocol, std::string_view what, std::size_t at) {
  Received received;
  received.state = Received::State::kError;
  received.status = Status(Code::kBadMessage, "frame.bad_layout",
                           std::string(protocol) + " frame: " + std::string(what) + ", at byte " +
                               std::to_string(at) + " of its payload");
  return received;
}

Envelope open_envelope(std::string_view input, const Limits& limits) {
  using State = Received::State;
  if (input.size() < kLengthBytes) return {};
  const std::uint32_t length = load_u32(input.data());
  if (length > limits.frame_bytes_max) return {State::kError, Fault::kTooBig, length};
  if (length == 0) return {State::kError, Fault::kBadSize, length};
  const std::uint32_t size = length + kLengthBytes;
  if (input.size() < size) return {State::kNeedMore, Fault::kNone, size};

  const std::size_t count = static_cast<unsigned char>(input[kLengthBytes]);
  if (kIdsAt + count > size) return {State::kError, Fault::kBadLayout, length};
  return {State::kMessage, Fault::kNone, size, input.substr(kIdsAt, count),
          input.substr(kIdsAt + count, size - kIdsAt - count)};
}

FrameStart begin_envelope(Buffer& out, const MessageHead& head) {
  FrameStart start{.offset = out.size(), .fault = check_head(head)};
  if (start.fault != Fault::kNone) return start;
  start.transform_count = static_cast<std::uint8_t>(head.transforms.size());
  out.append(std::string_view("\0\0\0\0", kLengthBytes));
  out.append(static_cast<char>(start.transform_count));
  out.append(head.transforms);
  return start;
}

Status seal_envelope(Buffer& out, FrameStart start, const Limits& limits,
                     const TransformSet* transforms) {
  if (start.transform_count > 0) {
    Status packed = pack_payload(out, start, transforms);
    if (!packed.ok()) return take_back(out, start, std::move(packed));
  }
  const std::size_t length = out.size() - start.offset - kLengthBytes;
  if (length > limits.frame_bytes_max) {
    return take_back(out, start,
                     fault_status(Fault::kTooBig, static_cast<std::uint32_t>(length), limits));
  }
  store_u32(out.at(start.offset), static_cast<std::uint32_t>(length));
  return {};
}

Result<Bytes> unpack_payload(const TransformSet* transforms, const Limits& limits,
                             MessageView& message) {
  if (transforms == nullptr) return no_transforms(Code::kBadMessage);
  Buffer restored(message.transforms);
  FL_TRY(transforms->unpack(message.transforms, message.body, limits.frame_bytes_max, restored));
  Bytes owner(restored.view());
  message.transforms = owner.view().substr(0, message.transforms.size());
  message.body = owner.view().substr(message.transforms.size());
  return owner;
}

void append_texts(Buffer& out, const MessageView& message) {
  for (const std::string_view text :
       {message.transforms, message.method, message.status, message.metadata}) {
    out.append(text);
  }
}

void own_texts(Received& received, const Buffer& all) {
  received.owner = Bytes(all.view());
  MessageView& message = received.message;
  std::string_view rest = received.owner.view();
  for (std::string_view* text :
       {&message.transforms, &message.method, &message.status, &message.metadata}) {
    const std::size_t size = text->size();
    *text = rest.substr(0, size);
    rest.remove_prefix(size);
  }
  message.body = rest;
}

Status restore_body(const TransformSet* transforms, const Limits& limits, Received& received) {
  const MessageView& message = received.message;
  if (transforms == nullptr) return no_transforms(Code::kBadMessage);
  Buffer all;
  append_texts(all, message);
  FL_TRY(transforms->unpack(message.transforms, message.body, limits.frame_bytes_max, all));
  own_texts(received, all);
  return {};
}

void make_bad_body(Received& received, Status why) {
  received.state = Received::State::kBadBody;
  received.message.body = {};
  received.status = std::move(why);
}

Status pack_payload(Buffer& out, FrameStart start, const TransformSet* transforms) {
  if (transforms == nullptr) return no_transforms(Code::kEncodeFailed);
  const std::size_t payload_at = start.offset + kIdsAt + start.transform_count;
  const std::string_view ids = out.view().substr(start.offset + kIdsAt, start.transform_count);
  Buffer packed;
  FL_TRY(transforms->pack(ids, out.view().substr(payload_at), packed));
  out.truncate(payload_at);
  out.append(packed.view());
  return {};
}

Status take_back(Buffer& out, FrameStart start, Status why) {
  out.truncate(start.offset);
  return std::move(why).with_outcome(Outcome::kNotSent);
}

Received open_payload(std::string_view input, const Limits& limits,
                      const TransformSet* transforms) {
  const Envelope envelope = open_envelope(input, limits);
  if (envelope.state == Received::State::kError) {
    return refused(envelope.fault, envelope.size, limits);
  }
  Received received;
  received.state = envelope.state;
  received.size = envelope.size;
  if (envelope.state == Received::State::kNeedMore) return received;

  MessageView& message = received.message;
  message.transforms = envelope.transforms;
  message.body = envelope.payload;
  if (!envelope.transforms.empty()) {
    Result<Bytes> owner = unpack_payload(transforms, limits, message);
    if (!owner.ok()) {
      received.state = Received::State::kError;
      received.status = owner.status();
      return received;
    }
    received.owner = *std::move(owner);
  }
  return received;
}

}  // namespace fairlead::wire::internal
