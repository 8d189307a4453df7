#include "fairlead/http/proto/websocket_frame.h"

#include <algorithm>
#include <cstring>

#include "fairlead/base/big_endian.h"
#include "fairlead/base/check.h"

namespace fairlead::http::proto {
namespace {

constexpr unsigned kLastBit = 0x80;
constexpr unsigned kCompressedBit = 0x40;
constexpr unsigned kReservedBits = 0x30;
constexpr unsigned kOpcodeBits = 0x0F;
constexpr unsigned kMaskedBit = 0x80;
constexpr unsigned kLengthBits = 0x7F;
constexpr unsigned kLengthOf16 = 126;
constexpr unsigned kLengthOf64 = 127;

constexpr std::size_t kCloseCodeBytes = 2;

unsigned byte_at(std::string_view input, std::size_t at) {
  return static_cast<unsigned char>(input[at]);
}

std::uint64_t load_u64(const char* from) {
  return std::uint64_t{load_u32(from)} << 32 | load_u32(from + 4);
}

bool is_known(unsigned opcode) { return opcode <= 2 || (opcode >= 8 && opcode <= 10); }

WebSocketFault read_first_byte(unsigned byte, bool may_compress, WebSocketFrameHead& head) {
  if ((byte & kReservedBits) != 0) return WebSocketFault::kBadReservedBits;
  if (!is_known(byte & kOpcodeBits)) return WebSocketFault::kBadOpcode;
  head.opcode = static_cast<WebSocketOpcode>(byte & kOpcodeBits);
  head.last = (byte & kLastBit) != 0;
  head.compressed = (byte & kCompressedBit) != 0;
  const bool begins_message =
      head.opcode == WebSocketOpcode::kText || head.opcode == WebSocketOpcode::kBinary;
  if (head.compressed && !(may_compress && begins_message)) {
    return WebSocketFault::kBadReservedBits;
  }
  if (is_control(head.opcode) && !head.last) return WebSocketFault::kBadControl;
  return WebSocketFault::kNone;
}

WebSocketFault check_second_byte(unsigned byte, WebSocketRole role, WebSocketOpcode opcode) {
  const bool masked = (byte & kMaskedBit) != 0;
  if (role == WebSocketRole::kServer && !masked) return WebSocketFault::kNotMasked;
  if (role == WebSocketRole::kClient && masked) return WebSocketFault::kMasked;
  if (is_control(opcode) && (byte & kLengthBits) > kWebSocketControlBytesMax) {
    return WebSocketFault::kBadControl;
  }
  return WebSocketFault::kNone;
}

WebSocketHeadResult refused(WebSocketFault fault) {
  WebSocketHeadResult result;
  result.state = ParseState::kRefused;
  result.fault = fault;
  return result;
}

}  // namespace

WebSocketHeadResult read_websocket_head(std::string_view input, WebSocketRole role,
                                        bool may_compress) {
  WebSocketHeadResult result;
  WebSocketFrameHead& head = result.head;
  if (input.empty()) return result;
  WebSocketFault fault = read_first_byte(byte_at(input, 0), may_compress, head);
  if (fault != WebSocketFault::kNone) return refused(fault);
  if (input.size() < 2) return result;
  const unsigned second = byte_at(input, 1);
  fault = check_second_byte(second, role, head.opcode);
  if (fault != WebSocketFault::kNone) return refused(fault);

  std::size_t at = 2;
  head.payload_bytes = second & kLengthBits;
  if (head.payload_bytes == kLengthOf16) {
    if (input.size() < at + 2) return result;
    head.payload_bytes = byte_at(input, at) << 8 | byte_at(input, at + 1);
    at += 2;
    if (head.payload_bytes < kLengthOf16) return refused(WebSocketFault::kBadLength);
  } else if (head.payload_bytes == kLengthOf64) {
    if (input.size() < at + 8) return result;
    head.payload_bytes = load_u64(input.data() + at);
    at += 8;
    if (head.payload_bytes <= UINT16_MAX || head.payload_bytes > INT64_MAX) {
      return refused(WebSocketFault::kBadLength);
    }
  }
  if ((second & kMaskedBit) != 0) {
    if (input.size() < at + 4) return result;
    head.mask.emplace();
    std::memcpy(head.mask->data(), input.data() + at, head.mask->size());
    at += 4;
  }
  result.bytes = at;
  result.state = ParseState::kDone;
  return result;
}

void write_websocket_head(const WebSocketFrameHead& head, Buffer& out) {
  FL_DCHECK(!is_control(head.opcode) ||
            (head.last && !head.compressed && head.payload_bytes <= kWebSocketControlBytesMax));
  char* const begin = out.prepare(kWebSocketHeadBytesMax);
  char* to = begin;
  *to++ = static_cast<char>((head.last ? kLastBit : 0) | (head.compressed ? kCompressedBit : 0) |
                            static_cast<unsigned>(head.opcode));
  const unsigned masked = head.mask.has_value() ? kMaskedBit : 0;
  if (head.payload_bytes < kLengthOf16) {
    *to++ = static_cast<char>(masked | static_cast<unsigned>(head.payload_bytes));
  } else if (head.payload_bytes <= UINT16_MAX) {
    *to++ = static_cast<char>(masked | kLengthOf16);
    *to++ = static_cast<char>(head.payload_bytes >> 8);
    *to++ = static_cast<char>(head.payload_bytes);
  } else {
    *to++ = static_cast<char>(masked | kLengthOf64);
    store_u32(to, static_cast<std::uint32_t>(head.payload_bytes >> 32));
    store_u32(to + 4, static_cast<std::uint32_t>(head.payload_bytes));
    to += 8;
  }
  if (head.mask.has_value()) to = std::ranges::copy(*head.mask, to).out;
  out.commit(static_cast<std::size_t>(to - begin));
}

void write_websocket_frame(WebSocketFrameHead head, std::string_view payload, Buffer& out) {
  head.payload_bytes = payload.size();
  write_websocket_head(head, out);
  if (!head.mask.has_value()) return out.append(payload);
  apply_websocket_mask(*head.mask, 0, payload, out.prepare(payload.size()));
  out.commit(payload.size());
}

void apply_websocket_mask(WebSocketMask mask, std::uint64_t offset, std::string_view from,
                          char* to) {
  // The mask as it lies over `from`: turned by the offset, and repeated over a vector. A vector is
  // a whole number of masks, so the bytes behind the last one begin with the first byte again.
  using Lanes [[gnu::vector_size(16)]] = unsigned char;
  std::array<char, sizeof(Lanes)> repeated;
  for (std::size_t i = 0; i < repeated.size(); ++i) repeated[i] = mask[(offset + i) % mask.size()];
  Lanes key;
  std::memcpy(&key, repeated.data(), sizeof(key));

  std::size_t at = 0;
  for (; at + sizeof(Lanes) <= from.size(); at += sizeof(Lanes)) {
    Lanes bytes;
    std::memcpy(&bytes, from.data() + at, sizeof(bytes));
    bytes ^= key;
    std::memcpy(to + at, &bytes, sizeof(bytes));
  }
  for (std::size_t i = 0; at + i < from.size(); ++i) {
    to[at + i] = static_cast<char>(from[at + i] ^ repeated[i]);
  }
}

bool is_websocket_close_code(std::uint16_t code) {
  if (code >= 1000 && code <= 1014) return code < 1004 || code > 1006;
  return code >= 3000 && code <= 4999;
}

void write_websocket_close(std::uint16_t code, std::string_view text,
                           std::optional<WebSocketMask> mask, Buffer& out) {
  std::array<char, kWebSocketControlBytesMax> payload;
  std::size_t size = 0;
  if (code != 0) {
    FL_DCHECK(is_websocket_close_code(code));
    std::size_t shown = std::min(text.size(), payload.size() - kCloseCodeBytes);
    while (shown > 0 && shown < text.size() && (byte_at(text, shown) & 0xC0) == 0x80) --shown;
    payload[0] = static_cast<char>(code >> 8);
    payload[1] = static_cast<char>(code);
    size = kCloseCodeBytes + text.copy(payload.data() + kCloseCodeBytes, shown);
  }
  write_websocket_frame({.opcode = WebSocketOpcode::kClose, .mask = mask}, {payload.data(), size},
                        out);
}

}  // namespace fairlead::http::proto
