#include "fairlead/rpc/first_bytes.h"

#include <algorithm>

#include "fairlead/base/text.h"
#include "fairlead/http/proto/chars.h"

namespace fairlead::rpc {
namespace {

constexpr std::string_view kHttp2 = "PRI ";
constexpr std::string_view kHeaderMagic = "\x0F\xFF";
constexpr std::size_t kMagicAt = 4;
constexpr unsigned char kTlsHandshake = 0x16;
constexpr unsigned char kBareThrift = 0x80;
static_assert(kFirstFrameBytesMax == std::uint32_t{kTlsHandshake} << 24U);

// How far `input` goes along with `pattern`.
enum class Match : std::uint8_t { kNo, kSoFar, kYes };
Match match(std::string_view input, std::string_view pattern) {
  const std::size_t common = std::min(input.size(), pattern.size());
  if (input.substr(0, common) != pattern.substr(0, common)) return Match::kNo;
  return common == pattern.size() ? Match::kYes : Match::kSoFar;
}

bool is_token_char(char c) { return http::proto::is_all({&c, 1}, http::proto::kTokenChar); }

FirstBytes frame_or_thrift(std::string_view first, ExpectedBytes expected) {
  if (!expected.thrift) return expected.frames ? FirstBytes::kFrame : FirstBytes::kUnknown;
  if (!expected.frames) return FirstBytes::kThrift;
  if (first.size() <= kMagicAt) return FirstBytes::kNeedMore;
  switch (match(first.substr(kMagicAt), kHeaderMagic)) {
    case Match::kYes:
      return FirstBytes::kThrift;
    case Match::kSoFar:
      return FirstBytes::kNeedMore;
    case Match::kNo:
      break;
  }
  return FirstBytes::kFrame;
}

FirstBytes http_of(std::string_view first) {
  switch (match(first, kHttp2)) {
    case Match::kYes:
      return FirstBytes::kHttp2;
    case Match::kSoFar:
      return FirstBytes::kNeedMore;
    case Match::kNo:
      break;
  }
  return FirstBytes::kHttp;
}

}  // namespace

FirstBytes classify_first_bytes(std::string_view first, ExpectedBytes expected) {
  if (first.empty()) return FirstBytes::kNeedMore;
  const auto byte = static_cast<unsigned char>(first.front());
  // An empty line before a request is to be ignored (RFC 9112 section 2.2), but a frame's length
  // may begin so too.
  const bool line_end = first.front() == '\r' || first.front() == '\n';
  if (expected.http && line_end && !expected.frames && !expected.thrift) return FirstBytes::kHttp;
  if (byte < kTlsHandshake) return frame_or_thrift(first, expected);
  if (byte == kTlsHandshake) return expected.tls ? FirstBytes::kTls : FirstBytes::kUnknown;
  if (byte == kBareThrift) return expected.thrift ? FirstBytes::kThrift : FirstBytes::kUnknown;
  if (expected.http && is_token_char(first.front())) return http_of(first);
  return FirstBytes::kUnknown;
}

std::string describe_first_bytes(std::string_view first, ExpectedBytes expected) {
  if (first.starts_with("SSH-")) return "SSH";
  const auto byte = static_cast<unsigned char>(first.empty() ? '\0' : first.front());
  if (byte == kTlsHandshake) {
    return "TLS, and this listener speaks none here: set tls.certificates, and tls not to false";
  }
  if (byte == kBareThrift) return "Thrift, which is not among the protocols of this listener";
  if (byte < kTlsHandshake) return "a frame, and no protocol with frames is set for this listener";
  if (!expected.http && is_token_char(first.front())) {
    return "HTTP or text, and http is not among the protocols of this listener";
  }
  return "'" + escape_text(first, 16) + "', which no protocol of this listener begins with";
}

bool is_erpc_http(std::string_view head) {
  const auto has = [head](std::string_view line_begin) {
    return head.find(line_begin) != std::string_view::npos;
  };
  return has("\nX-Seq:") && has("\nX-Mtype:");
}

}  // namespace fairlead::rpc
