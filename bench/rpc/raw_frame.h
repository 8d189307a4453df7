// Frames of the raw protocol (docs/wire/raw.md), written for this one purpose: what the ceilings
// need and no more. No transforms; lengths are checked, texts are not looked into.
#pragma once

#include <arpa/inet.h>

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace fairlead::bench {

inline constexpr std::uint8_t kCall = 1;
inline constexpr std::uint8_t kReply = 2;
inline constexpr std::size_t kFrameBytesMax = 8 * 1024 * 1024;

struct RawFrame {
  std::size_t size = 0;  // 0: not all there yet
  bool bad = false;      // close the connection
  std::uint8_t kind = 0;
  std::uint8_t codec = 0;
  std::string_view seq{};
  std::string_view status{};
  std::string_view body{};
};

inline RawFrame parse_raw_frame(const char* data, std::size_t bytes) {
  constexpr std::size_t kBytesMin = 14;
  RawFrame frame;
  if (bytes < 4) return frame;
  std::uint32_t length = 0;
  std::memcpy(&length, data, sizeof(length));
  length = ntohl(length);
  const auto byte = [data](std::size_t at) { return static_cast<std::uint8_t>(data[at]); };
  const auto word = [byte](std::size_t at) {
    return static_cast<std::size_t>(byte(at) << 8 | byte(at + 1));
  };
  frame.bad = length < kBytesMin || length > kFrameBytesMax;
  if (frame.bad || bytes < length) return frame;
  frame.bad = true;
  if (byte(4) != 0) return frame;
  const std::size_t kind_at = 6 + byte(5);
  if (kind_at + 8 > length) return frame;
  frame.seq = {data + 6, byte(5)};
  frame.kind = byte(kind_at);
  const std::size_t status_at = kind_at + 2 + byte(kind_at + 1);
  if (status_at + 5 > length) return frame;
  frame.status = {data + status_at + 2, word(status_at)};
  const std::size_t metadata_at = status_at + 2 + word(status_at);
  if (metadata_at + 3 > length) return frame;
  const std::size_t codec_at = metadata_at + 2 + word(metadata_at);
  if (codec_at + 1 > length) return frame;
  frame.codec = byte(codec_at);
  frame.body = {data + codec_at + 1, length - codec_at - 1};
  frame.size = length;
  frame.bad = false;
  return frame;
}

// A frame up to its body. `head`: what stands between seq and body, made once by raw_frame_head().
inline void append_raw_head(std::string& out, std::string_view seq, std::string_view head,
                            std::size_t body_bytes) {
  const std::uint32_t length =
      htonl(static_cast<std::uint32_t>(6 + seq.size() + head.size() + body_bytes));
  out.append(reinterpret_cast<const char*>(&length), sizeof(length));
  out.append(1, '\0').append(1, static_cast<char>(seq.size())).append(seq).append(head);
}

inline std::string raw_frame_head(std::uint8_t kind, std::string_view method, char codec) {
  std::string head{static_cast<char>(kind), static_cast<char>(method.size())};
  head.append(method).append(std::string_view("\0\6code=0\0\0", 10)).append(1, codec);
  return head;
}

inline constexpr int kSeqBase = 36;

// A number that is none reads as 0.
inline std::uint32_t parse_seq(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, kSeqBase);
  return error == std::errc{} && end == text.data() + text.size() ? value : 0;
}

struct SeqText {
  explicit SeqText(std::uint32_t seq)
      : size(static_cast<std::size_t>(std::to_chars(text, text + sizeof(text), seq, kSeqBase).ptr -
                                      text)) {}
  std::string_view view() const { return {text, size}; }
  char text[8];
  std::size_t size;
};

}  // namespace fairlead::bench
