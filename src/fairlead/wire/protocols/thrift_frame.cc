#include "fairlead/wire/protocols/thrift_frame.h"

#include "fairlead/wire/protocols/frame_parts.h"
#include "fairlead/wire/protocols/varint.h"

namespace fairlead::wire::internal {
namespace {

constexpr std::uint16_t kMagic = 0x0FFF;
constexpr std::size_t kMagicAt = 4;
constexpr std::size_t kWordsAt = 12;
constexpr std::size_t kHeaderAt = 14;
constexpr std::size_t kWordBytes = 4;
constexpr std::size_t kMessageBytesMin = 12;  // version and type, method's length, seq
constexpr std::size_t kBytesMin = kHeaderAt + kWordBytes + kMessageBytesMin;
constexpr std::uint32_t kVersion = 0x800100;  // the upper three bytes of version and type

enum Info : std::uint64_t { kPadding = 0, kKeyValue = 1 };

std::size_t load_u16(const char* from) {
  return static_cast<std::size_t>(static_cast<unsigned char>(from[0])) << 8 |
         static_cast<unsigned char>(from[1]);
}

void append_u32(Buffer& out, std::uint32_t value) {
  store_u32(out.prepare(kLengthBytes), value);
  out.commit(kLengthBytes);
}

void append_varint_text(Buffer& out, std::string_view text) {
  append_varint(out, text.size());
  out.append(text);
}

Kind kind_of(std::uint32_t type) {
  switch (static_cast<ThriftType>(type)) {
    case ThriftType::kCall:
      return Kind::kCall;
    case ThriftType::kReply:
    case ThriftType::kException:
      return Kind::kReply;
    case ThriftType::kOneway:
      return Kind::kPush;
  }
  return static_cast<Kind>(0);
}

// What is wrong with the header, or nothing.
std::string_view read_pairs(std::string_view header, MessageView& message, ThriftExtras& extras) {
  std::uint64_t number = 0;
  if (!take_varint(header, number)) return "the header has no protocol id";
  if (number != 0) return "a protocol other than binary";
  if (!take_varint(header, number)) return "the header has no transform count";
  if (number != 0) return "THeader transforms are not spoken here";
  while (take_varint(header, number) && number == kKeyValue) {
    std::uint64_t count = 0;
    if (!take_varint(header, count)) return "the header's pairs have no count";
    for (; count > 0; --count) {
      std::string_view key;
      std::string_view value;
      if (!take_varint_text(header, key) || !take_varint_text(header, value)) {
        return "a pair passes the header's end";
      }
      if (key == kTransformsKey) message.transforms = value;
      if (key == kBodyCodecKey) extras.body_codec = value;
      if (key == kStatusKey) message.status = value;
      if (key == kMetadataKey) message.metadata = value;
    }
  }
  return {};
}

// Reads version, type, method and seq at the front of `text`; the rest becomes the body. The kind
// is none for types that carry no message of ours.
std::string_view read_message(std::string_view text, MessageView& message, std::uint32_t& type) {
  if (text.size() < kMessageBytesMin) return "the message is cut";
  type = load_u32(text.data());
  if (type >> 8 != kVersion) return "no message of the strict binary protocol";
  type &= 0xFF;
  const std::size_t method_size = load_u32(text.data() + 4);
  if (method_size > text.size() - kMessageBytesMin) return "the method passes the end";
  message.kind = kind_of(type);
  message.method = text.substr(8, method_size);
  message.seq = static_cast<std::int32_t>(load_u32(text.data() + 8 + method_size));
  message.body = text.substr(kMessageBytesMin + method_size);
  return {};
}

}  // namespace

Received read_thrift_frame(std::string_view input, const Limits& limits, ThriftExtras& extras) {
  Received received;
  if (input.size() < kLengthBytes) return received;
  const std::uint32_t length = load_u32(input.data());
  if (length > limits.frame_bytes_max - kLengthBytes) {
    return refused(Fault::kTooBig, length, limits);
  }
  const std::uint32_t size = length + kLengthBytes;
  if (size < kBytesMin) return refused(Fault::kBadSize, length, limits);
  if (input.size() >= kMagicAt + 2 && load_u16(input.data() + kMagicAt) != kMagic) {
    return bad_layout("thrift", "0x0FFF of THeader is not there", 0);
  }
  received.size = size;
  if (input.size() < size) return received;

  const std::string_view frame = input.substr(0, size);
  const std::size_t header_size = kWordBytes * load_u16(frame.data() + kWordsAt);
  if (header_size > size - kHeaderAt) {
    return bad_layout("thrift", "the header passes the end", kWordsAt - kMagicAt);
  }
  const std::size_t message_at = kHeaderAt + header_size;
  std::uint32_t type = 0;
  std::string_view problem =
      read_pairs(frame.substr(kHeaderAt, header_size), received.message, extras);
  if (!problem.empty()) return bad_layout("thrift", problem, kHeaderAt - kMagicAt);
  problem = read_message(frame.substr(message_at), received.message, type);
  if (!problem.empty()) return bad_layout("thrift", problem, message_at - kMagicAt);
  received.state = Received::State::kMessage;
  extras.exception = type == static_cast<std::uint32_t>(ThriftType::kException);
  if (received.message.kind == static_cast<Kind>(0)) {
    received.state = Received::State::kError;
    received.status = fault_status(Fault::kBadKind, type, limits);
  }
  return received;
}

std::optional<PeekedHead> peek_thrift_head(std::string_view input) {
  if (input.size() < kHeaderAt || load_u16(input.data() + kMagicAt) != kMagic) return std::nullopt;
  const std::size_t message_at = kHeaderAt + kWordBytes * load_u16(input.data() + kWordsAt);
  if (message_at > input.size()) return std::nullopt;
  MessageView message;
  std::uint32_t type = 0;
  if (!read_message(input.substr(message_at), message, type).empty() ||
      message.kind == static_cast<Kind>(0)) {
    return std::nullopt;
  }
  return PeekedHead{message.seq, message.kind};
}

Fault check_thrift_kind(Kind kind) {
  const bool carried = kind == Kind::kCall || kind == Kind::kReply || kind == Kind::kPush;
  return carried ? Fault::kNone : Fault::kKindNotCarried;
}

ThriftType thrift_type_of(Kind kind) {
  return kind == Kind::kCall    ? ThriftType::kCall
         : kind == Kind::kReply ? ThriftType::kReply
                                : ThriftType::kOneway;
}

void write_thrift_frame(Buffer& out, const MessageHead& head, ThriftType type,
                        std::initializer_list<HeaderPair> pairs) {
  const auto seq = static_cast<std::uint32_t>(head.seq);
  const std::size_t frame_at = out.size();
  append_u32(out, 0);  // seal_thrift_frame() writes the length
  append_u32(out, std::uint32_t{kMagic} << 16);
  append_u32(out, seq);
  out.append(std::string_view("\0\0", 2));
  out.append(std::string_view("\0\0\1", 3));
  append_varint(out, pairs.size());
  for (const auto& [key, value] : pairs) {
    append_varint_text(out, key);
    append_varint_text(out, value);
  }
  std::size_t header_size = out.size() - frame_at - kHeaderAt;
  for (; header_size % kWordBytes != 0; ++header_size) out.append('\0');
  char* const words = out.at(frame_at + kWordsAt);
  words[0] = static_cast<char>(header_size / kWordBytes >> 8);
  words[1] = static_cast<char>(header_size / kWordBytes);

  append_u32(out, kVersion << 8 | static_cast<std::uint32_t>(type));
  append_u32(out, static_cast<std::uint32_t>(head.method.size()));
  out.append(head.method);
  append_u32(out, seq);
}

Status seal_thrift_frame(Buffer& out, FrameStart start, const Limits& limits) {
  const std::size_t size = out.size() - start.offset;
  if (size > limits.frame_bytes_max) {
    return take_back(out, start,
                     fault_status(Fault::kTooBig, static_cast<std::uint32_t>(size), limits));
  }
  store_u32(out.at(start.offset), static_cast<std::uint32_t>(size - kLengthBytes));
  return {};
}

}  // namespace fairlead::wire::internal
