#include "fairlead/wire/protocols/raw.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include "fairlead/wire/protocols/frame_parts.h"

namespace fairlead::wire::raw {
namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kPayloadBytesMin = 9;  // lengths, a seq of one digit, kind and codec
constexpr std::size_t kBytesMin = kLengthBytes + 1 + kPayloadBytesMin;
constexpr std::size_t kSeqTextMax = 7;  // "-zik0zk"
constexpr std::string_view kStatusOkField{"\0\6code=0", 8};
constexpr std::uint64_t kMagnitudeMax = 1ULL << 31;

std::size_t load_u8(const char* from) { return static_cast<unsigned char>(*from); }
std::size_t load_u16(const char* from) { return load_u8(from) << 8 | load_u8(from + 1); }

constexpr std::array<std::uint8_t, 256> kBase36Value = [] {
  std::array<std::uint8_t, 256> values{};
  values.fill(255);
  for (std::uint8_t i = 0; i < 10; ++i) values[static_cast<std::size_t>('0' + i)] = i;
  for (std::uint8_t i = 0; i < 26; ++i) {
    values[static_cast<std::size_t>('a' + i)] = static_cast<std::uint8_t>(10 + i);
    values[static_cast<std::size_t>('A' + i)] = static_cast<std::uint8_t>(10 + i);
  }
  return values;
}();

// The rare forms of seq: signs, leading zeros, 7 digits.
bool parse_long_seq(const char* text, const char* end, std::int32_t& seq) {
  if (text == end) return false;
  const bool negative = *text == '-';
  if (*text == '-' || *text == '+') ++text;
  if (text == end) return false;
  std::uint64_t magnitude = 0;
  for (; text != end; ++text) {
    const std::uint8_t digit = kBase36Value[static_cast<unsigned char>(*text)];
    magnitude = magnitude * 36 + digit;
    if (digit > 35 || magnitude > kMagnitudeMax) return false;
  }
  if (magnitude == kMagnitudeMax && !negative) return false;
  const auto value = static_cast<std::int64_t>(magnitude);
  seq = static_cast<std::int32_t>(negative ? -value : value);
  return true;
}

inline bool parse_seq(const char* text, std::size_t size, std::int32_t& seq) {
  const char* const end = text + size;
  if (size - 1 >= 5) return parse_long_seq(text, end, seq);
  // Up to 5 digits, or 60 million calls, cannot overflow, so one check behind the loop is enough.
  std::uint32_t value = 0;
  std::uint32_t all = 0;
  for (const char* at = text; at != end; ++at) {
    const std::uint32_t digit = kBase36Value[static_cast<unsigned char>(*at)];
    value = value * 36 + digit;
    all |= digit;
  }
  if (all > 63) [[unlikely]]
    return parse_long_seq(text, end, seq);  // a sign, or not a digit
  seq = static_cast<std::int32_t>(value);
  return true;
}

// "00" "01" .. "zz": two digits of base 36 at a time halve the divisions.
constexpr std::array<char, std::size_t{2} * 36 * 36> kBase36Pairs = [] {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::array<char, std::size_t{2} * 36 * 36> pairs{};
  for (std::size_t i = 0; i < pairs.size(); i += 2) {
    pairs[i] = kDigits[i / 2 / 36];
    pairs[i + 1] = kDigits[i / 2 % 36];
  }
  return pairs;
}();

char* put_pair(char* at, std::uint32_t value) {  // two digits of base 36
  std::memcpy(at, &kBase36Pairs[std::size_t{2} * value], 2);
  return at + 2;
}

// The same without a leading zero.
char* put_short(char* at, std::uint32_t value) {
  if (value >= 36) return put_pair(at, value);
  *at = kBase36Pairs[std::size_t{2} * value + 1];
  return at + 1;
}

// Writes the length of seq and its digits: straight to their place, in steps of two, so that no
// byte is moved twice.
inline char* put_seq(char* at, std::int32_t seq) {
  constexpr std::uint32_t kTwoDigits = 36 * 36;
  char* const length = at++;
  std::uint32_t value = static_cast<std::uint32_t>(seq);
  if (seq < 0) [[unlikely]] {
    *at++ = '-';
    value = 0U - value;
  }
  const std::uint32_t low = value % kTwoDigits;
  const std::uint32_t rest = value / kTwoDigits;
  if (rest == 0) {
    at = put_short(at, low);
  } else {
    const std::uint32_t high = rest / kTwoDigits;
    at = high == 0 ? put_short(at, rest) : put_pair(put_short(at, high), rest % kTwoDigits);
    at = put_pair(at, low);
  }
  *length = static_cast<char>(at - length - 1);
  return at;
}

// Reads what stands behind the transform ids. The kind is checked last, so that `out` is whole when
// only the kind is wrong. Each step leaves in `left` at least the fixed bytes that must follow.
[[gnu::always_inline]] inline Fault parse_payload(std::string_view payload, MessageView& out) {
  const char* at = payload.data();
  std::size_t left = payload.size();
  if (left < kPayloadBytesMin) return Fault::kBadLayout;

  const std::size_t seq_size = load_u8(at);
  if (seq_size + 8 > left) return Fault::kBadLayout;
  if (!parse_seq(at + 1, seq_size, out.seq)) return Fault::kBadSeq;
  at += 1 + seq_size;
  const std::size_t kind = load_u8(at);
  const std::size_t method_size = load_u8(at + 1);
  at += 2;
  left -= seq_size + 3;

  if (method_size + 5 > left) return Fault::kBadLayout;
  out.method = {at, method_size};
  at += method_size;
  const std::size_t status_size = load_u16(at);
  at += 2;
  left -= method_size + 2;

  if (status_size + 3 > left) return Fault::kBadLayout;
  out.status = {at, status_size};
  at += status_size;
  const std::size_t metadata_size = load_u16(at);
  at += 2;
  left -= status_size + 2;

  if (metadata_size + 1 > left) return Fault::kBadLayout;
  out.metadata = {at, metadata_size};
  at += metadata_size;
  out.body_codec = static_cast<std::uint8_t>(*at);
  out.body = {at + 1, left - metadata_size - 1};
  out.kind = static_cast<Kind>(kind);
  return kind - 1 < 5 ? Fault::kNone : Fault::kBadKind;
}

FrameResult error(Fault fault, std::size_t detail) {
  return {FrameResult::State::kError, fault, static_cast<std::uint32_t>(detail)};
}

char* put(char* at, std::string_view bytes) {
  if (bytes.empty()) return at;
  std::memcpy(at, bytes.data(), bytes.size());
  return at + bytes.size();
}

char* put_u16(char* at, std::size_t value) {
  at[0] = static_cast<char>(value >> 8);
  at[1] = static_cast<char>(value);
  return at + 2;
}

}  // namespace

Status FrameResult::status(const Limits& limits) const { return fault_status(fault, size, limits); }

FrameResult parse(std::string_view input, const Limits& limits, MessageView& out) {
  if (input.size() < kLengthBytes) return {};
  const std::uint32_t length = load_u32(input.data());
  if (length > limits.frame_bytes_max) return error(Fault::kTooBig, length);
  if (length < kBytesMin) return error(Fault::kBadSize, length);
  if (input.size() < length) return {FrameResult::State::kNeedMore, Fault::kNone, length};

  const std::size_t count = load_u8(input.data() + kLengthBytes);
  if (count > 0) {
    if (kLengthBytes + 1 + count > length) return error(Fault::kBadLayout, length);
    out.transforms = input.substr(kLengthBytes + 1, count);
    out.body = input.substr(kLengthBytes + 1 + count, length - kLengthBytes - 1 - count);
    return {FrameResult::State::kPacked, Fault::kNone, length};
  }
  out.transforms = {};
  const std::string_view payload(input.data() + kLengthBytes + 1, length - kLengthBytes - 1);
  const Fault fault = parse_payload(payload, out);
  if (fault != Fault::kNone) [[unlikely]] {
    return error(fault, fault == Fault::kBadKind ? static_cast<std::size_t>(out.kind) : length);
  }
  return {FrameResult::State::kFrame, Fault::kNone, length};
}

Result<Bytes> unpack(const TransformSet& transforms, const Limits& limits, MessageView& out) {
  FL_TRY_ASSIGN(Bytes owner, internal::unpack_payload(&transforms, limits, out));
  const std::string_view payload = out.body;
  const Fault fault = parse_payload(payload, out);
  if (fault != Fault::kNone) {
    const std::size_t detail =
        fault == Fault::kBadKind ? static_cast<std::size_t>(out.kind) : payload.size();
    return fault_status(fault, static_cast<std::uint32_t>(detail), limits);
  }
  return owner;
}

bool needs_unknown_transform(std::string_view input, const TransformSet* transforms) {
  if (input.size() <= kLengthBytes) return false;
  const std::size_t count = load_u8(input.data() + kLengthBytes);
  const std::string_view ids = input.substr(kLengthBytes + 1, count);
  if (count == 0 || ids.size() < count) return false;
  const auto unknown = [transforms](char id) {
    return transforms == nullptr || transforms->find(static_cast<std::uint8_t>(id)) == nullptr;
  };
  return std::ranges::any_of(ids, unknown);
}

bool peek_head(std::string_view input, MessageView& out) {
  if (input.size() <= kLengthBytes + 1 || input[kLengthBytes] != 0) return false;
  out.transforms = {};
  return parse_payload(input.substr(kLengthBytes + 1), out) == Fault::kNone;
}

namespace {

// Method names are short: two moves that may overlap instead of a call.
inline char* put_method(char* at, std::string_view method) {
  const std::size_t size = method.size();
  const char* const from = method.data();
  if (size > 32 || size < 8) return put(at, method);
  if (size <= 16) {
    std::memcpy(at, from, 8);
    std::memcpy(at + size - 8, from + size - 8, 8);
  } else {
    std::memcpy(at, from, 16);
    std::memcpy(at + size - 16, from + size - 16, 16);
  }
  return at + size;
}

// The head of nearly every frame: OK, no metadata, no transforms.
FrameStart begin_plain(Buffer& out, const MessageHead& head) {
  constexpr std::string_view kOkWithoutMetadata{"\0\6code=0\0\0", 10};
  const FrameStart start{.offset = out.size()};
  char* const first =
      out.prepare(kBytesMin + kSeqTextMax + kOkWithoutMetadata.size() + head.method.size());
  char* at = first + kLengthBytes;
  *at++ = 0;  // no transforms
  at = put_seq(at, head.seq);
  at[0] = static_cast<char>(head.kind);
  at[1] = static_cast<char>(head.method.size());
  at = put_method(at + 2, head.method);
  at = put(at, kOkWithoutMetadata);
  *at++ = static_cast<char>(head.body_codec);
  out.commit(static_cast<std::size_t>(at - first));
  return start;
}

}  // namespace

FrameStart begin(Buffer& out, const MessageHead& head) {
  if (head.status.empty() && head.metadata.empty() && head.transforms.empty() &&
      head.method.size() <= kMethodBytesMax) [[likely]] {
    return begin_plain(out, head);
  }
  FrameStart start{.offset = out.size(), .fault = check_head(head)};
  if (start.fault != Fault::kNone) return start;
  start.transform_count = static_cast<std::uint8_t>(head.transforms.size());

  const std::size_t size_max = kBytesMin + kSeqTextMax + kStatusOkField.size() +
                               head.transforms.size() + head.method.size() + head.status.size() +
                               head.metadata.size();
  char* const first = out.prepare(size_max);
  char* at = first + kLengthBytes;
  *at++ = static_cast<char>(head.transforms.size());
  at = put(at, head.transforms);
  at = put_seq(at, head.seq);
  *at++ = static_cast<char>(head.kind);
  *at++ = static_cast<char>(head.method.size());
  at = put(at, head.method);
  at = head.status.empty() ? put(at, kStatusOkField)
                           : put(put_u16(at, head.status.size()), head.status);
  at = put(put_u16(at, head.metadata.size()), head.metadata);
  *at++ = static_cast<char>(head.body_codec);
  out.commit(static_cast<std::size_t>(at - first));
  return start;
}

Status finish_any(Buffer& out, FrameStart start, const Limits& limits,
                  const TransformSet* transforms, std::size_t shared_bytes) {
  FL_DCHECK(shared_bytes == 0 || start.transform_count == 0);
  Fault fault = start.fault;
  if (fault == Fault::kNone && start.transform_count > 0) {
    Status packed = internal::pack_payload(out, start, transforms);
    if (!packed.ok()) {
      out.truncate(start.offset);
      return std::move(packed).with_outcome(Outcome::kNotSent);
    }
  }
  const std::size_t size = out.size() - start.offset + shared_bytes;
  if (size > limits.frame_bytes_max && fault == Fault::kNone) fault = Fault::kTooBig;
  if (fault != Fault::kNone) {
    out.truncate(start.offset);
    return fault_status(fault, static_cast<std::uint32_t>(size), limits)
        .with_outcome(Outcome::kNotSent);
  }
  store_u32(out.at(start.offset), static_cast<std::uint32_t>(size));
  return {};
}

Status append(Buffer& out, const MessageHead& head, std::string_view body, const Limits& limits,
              const TransformSet* transforms) {
  const FrameStart start = begin(out, head);
  out.append(body);
  return finish(out, start, limits, transforms);
}

}  // namespace fairlead::wire::raw
