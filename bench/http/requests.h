// What the load client sends and how it knows that an answer is whole. The bytes of a request never
// change, so that the client costs the same whichever server answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::bench {

inline constexpr std::string_view kUpgrade =
    "GET /socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

// A masked binary frame of up to 65,535 bytes, RFC 6455 section 5.2. The mask is fixed: nothing
// here is worth hiding.
inline std::string masked_frame(std::size_t bytes) {
  std::string frame = "\x82";
  if (bytes < 126) {
    frame += static_cast<char>(0x80U | bytes);
  } else {
    frame += '\xFE';
    frame += static_cast<char>(bytes >> 8U);
    frame += static_cast<char>(bytes & 0xFFU);
  }
  constexpr std::string_view kMask = "\x11\x22\x33\x44";
  frame += kMask;
  for (std::size_t i = 0; i < bytes; ++i) frame += static_cast<char>('x' ^ kMask[i % kMask.size()]);
  return frame;
}

// One kind of request, by its name on the command line.
struct RequestKind {
  std::string upgrade{};        // sent once after connecting, and answered by a head alone
  std::string request{};        // sent again and again
  std::size_t reply_bytes = 0;  // of each answer; 0: HTTP, its Content-Length says it
};

// get, post and json are HTTP; socket is WebSocket; tcp sends the bytes of `socket` to a server
// that knows no protocol. nullopt: no such name.
inline std::optional<RequestKind> request_kind(std::string_view name, std::size_t payload) {
  // The fields of curl.
  const std::string fields = "Host: localhost\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n";
  const auto post = [&fields](std::string_view path, std::string_view type, std::string_view body) {
    return "POST " + std::string(path) + " HTTP/1.1\r\n" + fields +
           "Content-Length: " + std::to_string(body.size()) +
           "\r\nContent-Type: " + std::string(type) + "\r\n\r\n" + std::string(body);
  };
  if (name == "get") return RequestKind{.request = "GET /plain HTTP/1.1\r\n" + fields + "\r\n"};
  if (name == "post") {
    return RequestKind{.request =
                           post("/echo", "application/octet-stream", std::string(payload, 'x'))};
  }
  if (name == "json") {
    return RequestKind{.request = post("/math/divide", "application/json", R"({"a":10,"b":2})")};
  }
  const std::string frame = masked_frame(payload);
  if (name == "socket") {
    return RequestKind{.upgrade = std::string(kUpgrade),
                       .request = frame,
                       .reply_bytes = frame.size() - 4};  // a server does not mask
  }
  if (name == "tcp") return RequestKind{.request = frame, .reply_bytes = frame.size()};
  return std::nullopt;
}

// The bytes of the HTTP answer with status 200 (or 101, which has no body) at the front of `bytes`;
// 0: it is cut; nullopt: it is another one. All servers here write "Content-Length" like this.
inline std::optional<std::size_t> answer_bytes(std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return 0;
  const std::string_view head = bytes.substr(0, end + 2);
  const std::string_view status = head.substr(0, 13);
  if (status == "HTTP/1.1 101 ") return end + 4;
  if (status != "HTTP/1.1 200 ") return std::nullopt;
  constexpr std::string_view kLength = "\r\nContent-Length: ";
  const std::size_t at = head.find(kLength);
  if (at == std::string_view::npos) return std::nullopt;
  const std::size_t whole = end + 4 + std::strtoull(head.data() + at + kLength.size(), nullptr, 10);
  return bytes.size() < whole ? 0 : whole;
}

}  // namespace fairlead::bench
