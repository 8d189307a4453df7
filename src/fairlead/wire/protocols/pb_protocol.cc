#include "fairlead/wire/protocols/pb_protocol.h"

#include <cstring>
#include <utility>

#include "fairlead/wire/protocols/frame_parts.h"
#include "fairlead/wire/protocols/varint.h"

namespace fairlead::wire {
namespace {

constexpr std::size_t kGroupDepthMax = 64;

enum WireType : std::uint32_t {
  kVarint = 0,
  kFixed64 = 1,
  kBytes = 2,
  kGroup = 3,
  kGroupEnd = 4,
  kFixed32 = 5
};
enum Field : std::uint32_t { kSeq = 1, kKind, kMethod, kStatus, kMetadata, kBodyCodec, kBody };

struct PbFields {
  std::int32_t seq = 0;
  std::int32_t kind = 0;
  std::int32_t body_codec = 0;
  bool has_seq = false;
  bool has_kind = false;
};

class PbReader {
 public:
  explicit PbReader(std::string_view text) : whole_(text), rest_(text) {}

  // False: problem() and at() say what is wrong; what came before has been taken.
  bool read(PbFields& fields, MessageView& message);
  std::string_view problem() const { return problem_; }
  std::size_t at() const { return whole_.size() - rest_.size(); }

 private:
  bool field(PbFields& fields, MessageView& message);
  bool number(std::uint32_t type, std::int32_t& value);
  bool text(std::uint32_t type, std::string_view& value);
  bool skip(std::uint64_t tag);
  bool skip_one(std::uint32_t type);
  bool tag(std::uint64_t& value);
  bool fail(std::string_view problem) {
    problem_ = problem;
    return false;
  }

  const std::string_view whole_;
  std::string_view rest_;
  std::string_view problem_;
};

bool PbReader::read(PbFields& fields, MessageView& message) {
  while (!rest_.empty()) {
    if (!field(fields, message)) return false;
  }
  return true;
}

bool PbReader::field(PbFields& fields, MessageView& message) {
  std::uint64_t key = 0;
  if (!tag(key)) return false;
  const auto type = static_cast<std::uint32_t>(key & 7);
  switch (key >> 3) {
    case kSeq:
      fields.has_seq = true;
      return number(type, fields.seq);
    case kKind:
      fields.has_kind = true;
      return number(type, fields.kind);
    case kMethod:
      return text(type, message.method);
    case kStatus:
      return text(type, message.status);
    case kMetadata:
      return text(type, message.metadata);
    case kBodyCodec:
      return number(type, fields.body_codec);
    case kBody:
      return text(type, message.body);
    default:
      return skip(key);
  }
}

bool PbReader::tag(std::uint64_t& value) {
  if (!internal::take_varint(rest_, value)) return fail("a field's number is cut or too long");
  return (value >> 3 != 0 && value >> 32 == 0) || fail("a field's number is none");
}

// As an int32 is read: the low 32 bits, so that a negative one of ten bytes comes out right.
bool PbReader::number(std::uint32_t type, std::int32_t& value) {
  std::uint64_t wide = 0;
  if (type != kVarint) return fail("a number of another wire type");
  if (!internal::take_varint(rest_, wide)) return fail("a number is cut or too long");
  value = static_cast<std::int32_t>(static_cast<std::uint32_t>(wide));
  return true;
}

bool PbReader::text(std::uint32_t type, std::string_view& value) {
  if (type != kBytes) return fail("a text of another wire type");
  return internal::take_varint_text(rest_, value) || fail("a text passes the end");
}

bool PbReader::skip(std::uint64_t key) {
  if ((key & 7) != kGroup) return skip_one(static_cast<std::uint32_t>(key & 7));
  // Groups end with the number that they began with; the stack is a list of those numbers.
  std::uint64_t open[kGroupDepthMax];
  std::size_t depth = 0;
  open[depth++] = key >> 3;
  while (depth > 0) {
    if (!tag(key)) return false;
    const auto type = static_cast<std::uint32_t>(key & 7);
    if (type == kGroupEnd) {
      if (open[--depth] != key >> 3) return fail("a group ends that was not begun");
    } else if (type == kGroup) {
      if (depth == kGroupDepthMax) return fail("groups nested deeper than 64");
      open[depth++] = key >> 3;
    } else if (!skip_one(type)) {
      return false;
    }
  }
  return true;
}

bool PbReader::skip_one(std::uint32_t type) {
  std::uint64_t ignored = 0;
  std::string_view text;
  switch (type) {
    case kVarint:
      return internal::take_varint(rest_, ignored) || fail("a number is cut or too long");
    case kBytes:
      return internal::take_varint_text(rest_, text) || fail("a text passes the end");
    case kFixed64:
    case kFixed32: {
      const std::size_t size = type == kFixed64 ? 8 : 4;
      if (rest_.size() < size) return fail("a number passes the end");
      rest_.remove_prefix(size);
      return true;
    }
    default:
      return fail("a wire type that there is not");
  }
}

void append_number(Buffer& out, Field field, std::int32_t value) {
  if (value == 0) return;
  out.append(static_cast<char>(field << 3 | kVarint));
  internal::append_varint(out, static_cast<std::uint64_t>(std::int64_t{value}));
}

void append_text(Buffer& out, Field field, std::string_view text) {
  if (text.empty()) return;
  out.append(static_cast<char>(field << 3 | kBytes));
  internal::append_varint(out, text.size());
  out.append(text);
}

}  // namespace

Received PbProtocol::parse(std::string_view input, const Limits& limits,
                           const TransformSet* transforms) const {
  Received received = internal::open_payload(input, limits, transforms);
  if (received.state != Received::State::kMessage) return received;
  MessageView& message = received.message;

  PbFields fields;
  PbReader reader(std::exchange(message.body, {}));
  if (!reader.read(fields, message)) {
    return internal::bad_layout("pb", reader.problem(), reader.at());
  }
  if (fields.body_codec < 0 || fields.body_codec > 255) {
    return internal::bad_layout("pb", "bodyCodec is no byte", reader.at());
  }
  message.seq = fields.seq;
  message.body_codec = static_cast<std::uint8_t>(fields.body_codec);
  if (fields.kind < 1 || fields.kind > 5) {
    received.state = Received::State::kError;
    received.status =
        fault_status(Fault::kBadKind, static_cast<std::uint32_t>(fields.kind), limits);
    message.kind = static_cast<Kind>(0);
  } else {
    message.kind = static_cast<Kind>(fields.kind);
  }
  return received;
}

std::optional<PeekedHead> PbProtocol::peek_head(std::string_view input) const {
  constexpr std::size_t kTextAt = internal::kLengthBytes + 1;
  if (input.size() <= kTextAt || input[internal::kLengthBytes] != 0) return std::nullopt;
  PbFields fields;
  MessageView message;
  PbReader reader(input.substr(kTextAt));
  reader.read(fields, message);
  if (!fields.has_seq || !fields.has_kind || fields.kind < 1 || fields.kind > 5) {
    return std::nullopt;
  }
  return PeekedHead{fields.seq, static_cast<Kind>(fields.kind)};
}

FrameStart PbProtocol::begin(Buffer& out, const MessageHead& head) const {
  FrameStart start = internal::begin_envelope(out, head);
  if (start.fault != Fault::kNone) return start;
  append_number(out, kSeq, head.seq);
  append_number(out, kKind, static_cast<std::int32_t>(head.kind));
  append_text(out, kMethod, head.method);
  append_text(out, kStatus, head.status.empty() ? internal::kStatusOk : head.status);
  append_text(out, kMetadata, head.metadata);
  append_number(out, kBodyCodec, head.body_codec);
  start.body_at = static_cast<std::uint32_t>(out.size() - start.offset);
  return start;
}

// The body's tag and length go in front of it when its length is known: it moves up by them.
Status PbProtocol::finish(Buffer& out, FrameStart start, const Limits& limits,
                          const TransformSet* transforms) const {
  if (start.fault != Fault::kNone) {
    return internal::take_back(out, start, fault_status(start.fault, 0, limits));
  }
  const std::size_t body_at = start.offset + start.body_at;
  const std::size_t body_size = out.size() - body_at;
  if (body_size > 0) {
    const std::size_t head_size = 1 + internal::varint_size(body_size);
    out.prepare(head_size);
    out.commit(head_size);
    char* const at = out.at(body_at);
    std::memmove(at + head_size, at, body_size);
    *at = static_cast<char>(kBody << 3 | kBytes);
    internal::put_varint(at + 1, body_size);
  }
  return internal::seal_envelope(out, start, limits, transforms);
}

}  // namespace fairlead::wire
