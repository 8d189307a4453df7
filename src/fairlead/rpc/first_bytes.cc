#include "fairlead/rpc/first_bytes.h"

#include <algorithm>
#include <array>

#include "fairlead/base/text.h"

namespace fairlead::rpc {
namespace {

constexpr std::string_view kHttp2 = "PRI ";
constexpr std::string_view kEmptyLine = "\r\n";
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

// What clients of other protocols say first. Each could begin a request of a method that nobody
// has, so it is looked for only where somebody else may be meant.
struct Greeting {
  std::string_view text;
  std::string_view protocol;
};
constexpr std::array<Greeting, 3> kGreetings = {{
    {"SSH-", "SSH"},    // RFC 4253 section 4.2
    {"EHLO ", "SMTP"},  // RFC 5321 section 4.1.1.1
    {"HELO ", "SMTP"},  // the same
}};

bool is_text(char c) { return c >= ' ' && c <= '~'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The name of the protocol whose client greets so; empty: none. `cut`: it may be one.
std::string_view greeting_of(std::string_view first, bool& cut) {
  cut = first == "*";
  // Redis: an array of so many words.
  if (first.size() > 1 && first[0] == '*' && is_digit(first[1])) return "Redis";
  for (const Greeting& greeting : kGreetings) {
    switch (match(first, greeting.text)) {
      case Match::kYes:
        return greeting.protocol;
      case Match::kSoFar:
        cut = true;
        break;
      case Match::kNo:
        break;
    }
  }
  return {};
}

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

FirstBytes http_of(std::string_view first, bool alone) {
  bool cut = false;
  if (!alone && !greeting_of(first, cut).empty()) return FirstBytes::kUnknown;
  if (cut) return FirstBytes::kNeedMore;
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
  const bool http_alone = expected.http && !expected.frames && !expected.thrift;
  if (http_alone && (byte == '\r' || byte == '\n')) return FirstBytes::kHttp;
  if (expected.http) {
    switch (match(first, kEmptyLine)) {
      case Match::kYes:
        return FirstBytes::kHttp;
      case Match::kSoFar:
        return FirstBytes::kNeedMore;
      case Match::kNo:
        break;
    }
  }
  if (byte < kTlsHandshake) return frame_or_thrift(first, expected);
  if (byte == kTlsHandshake) return expected.tls ? FirstBytes::kTls : FirstBytes::kUnknown;
  if (byte == kBareThrift) return expected.thrift ? FirstBytes::kThrift : FirstBytes::kUnknown;
  if (expected.http && is_text(first.front())) return http_of(first, http_alone);
  return FirstBytes::kUnknown;
}

std::string describe_first_bytes(std::string_view first) {
  bool cut = false;
  if (const std::string_view greeting = greeting_of(first, cut); !greeting.empty()) {
    return std::string(greeting) + ", which is not spoken here";
  }
  const auto byte = static_cast<unsigned char>(first.empty() ? '\0' : first.front());
  if (byte == kTlsHandshake) {
    return "TLS, and this listener speaks none here: set tls.certificates, and tls not to false";
  }
  if (byte == kBareThrift) return "Thrift, which is not among the protocols of this listener";
  if (byte < kTlsHandshake) return "a frame, and no protocol with frames is set for this listener";
  if (!first.empty() && is_text(first.front())) {
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
