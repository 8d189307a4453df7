#include "fairlead/http/proto/writer.h"

#include <array>
#include <charconv>
#include <cstring>
#include <string>

#include "fairlead/base/text.h"
#include "fairlead/http/proto/scan.h"

namespace fairlead::http::proto {
namespace {

struct StatusLine {
  int status;
  std::string_view line;  // whole, so that writing it is one copy
};
constexpr StatusLine kStatusLines[] = {
    {100, "HTTP/1.1 100 Continue\r\n"},
    {101, "HTTP/1.1 101 Switching Protocols\r\n"},
    {200, "HTTP/1.1 200 OK\r\n"},
    {201, "HTTP/1.1 201 Created\r\n"},
    {202, "HTTP/1.1 202 Accepted\r\n"},
    {204, "HTTP/1.1 204 No Content\r\n"},
    {206, "HTTP/1.1 206 Partial Content\r\n"},
    {299, "HTTP/1.1 299 Business Error\r\n"},
    {301, "HTTP/1.1 301 Moved Permanently\r\n"},
    {302, "HTTP/1.1 302 Found\r\n"},
    {303, "HTTP/1.1 303 See Other\r\n"},
    {304, "HTTP/1.1 304 Not Modified\r\n"},
    {307, "HTTP/1.1 307 Temporary Redirect\r\n"},
    {308, "HTTP/1.1 308 Permanent Redirect\r\n"},
    {400, "HTTP/1.1 400 Bad Request\r\n"},
    {401, "HTTP/1.1 401 Unauthorized\r\n"},
    {403, "HTTP/1.1 403 Forbidden\r\n"},
    {404, "HTTP/1.1 404 Not Found\r\n"},
    {405, "HTTP/1.1 405 Method Not Allowed\r\n"},
    {406, "HTTP/1.1 406 Not Acceptable\r\n"},
    {408, "HTTP/1.1 408 Request Timeout\r\n"},
    {409, "HTTP/1.1 409 Conflict\r\n"},
    {410, "HTTP/1.1 410 Gone\r\n"},
    {411, "HTTP/1.1 411 Length Required\r\n"},
    {412, "HTTP/1.1 412 Precondition Failed\r\n"},
    {413, "HTTP/1.1 413 Content Too Large\r\n"},
    {414, "HTTP/1.1 414 URI Too Long\r\n"},
    {415, "HTTP/1.1 415 Unsupported Media Type\r\n"},
    {416, "HTTP/1.1 416 Range Not Satisfiable\r\n"},
    {417, "HTTP/1.1 417 Expectation Failed\r\n"},
    {421, "HTTP/1.1 421 Misdirected Request\r\n"},
    {422, "HTTP/1.1 422 Unprocessable Content\r\n"},
    {425, "HTTP/1.1 425 Too Early\r\n"},
    {426, "HTTP/1.1 426 Upgrade Required\r\n"},
    {428, "HTTP/1.1 428 Precondition Required\r\n"},
    {429, "HTTP/1.1 429 Too Many Requests\r\n"},
    {431, "HTTP/1.1 431 Request Header Fields Too Large\r\n"},
    {499, "HTTP/1.1 499 Client Closed Request\r\n"},
    {500, "HTTP/1.1 500 Internal Server Error\r\n"},
    {501, "HTTP/1.1 501 Not Implemented\r\n"},
    {502, "HTTP/1.1 502 Bad Gateway\r\n"},
    {503, "HTTP/1.1 503 Service Unavailable\r\n"},
    {504, "HTTP/1.1 504 Gateway Timeout\r\n"},
    {505, "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
};

constexpr int kStatusMin = 100;
constexpr int kStatusMax = 599;

// Index of a status in kStatusLines plus one; 0: it has no phrase.
constexpr auto kLineIndex = [] {
  std::array<std::uint8_t, kStatusMax - kStatusMin + 1> index{};
  std::uint8_t next = 0;
  for (const StatusLine& row : kStatusLines) {
    index[static_cast<std::size_t>(row.status - kStatusMin)] = ++next;
  }
  return index;
}();

// Empty for a number without a usual phrase.
std::string_view status_line_of(int status) {
  if (status < kStatusMin || status > kStatusMax) return {};
  const std::size_t index = kLineIndex[static_cast<std::size_t>(status - kStatusMin)];
  return index == 0 ? std::string_view() : kStatusLines[index - 1].line;
}

bool is_value(std::string_view text) {
  if (text.empty()) return true;
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  return internal::has_no_stop(text) && !blank(text.front()) && !blank(text.back());
}

char* put(char* at, std::string_view text) {
  if (!text.empty()) std::memcpy(at, text.data(), text.size());
  return at + text.size();
}

constexpr std::size_t kDigitsMax = 20;

}  // namespace

std::string_view reason_phrase(int status) {
  const std::string_view line = status_line_of(status);
  constexpr std::size_t kBefore = std::string_view("HTTP/1.1 200 ").size();
  return line.empty() ? line : line.substr(kBefore, line.size() - kBefore - 2);
}

void HeadWriter::status_line(int status) {
  if (status < kStatusMin || status > kStatusMax) {
    return fail("http.bad_start_line", "a status is a number from 100 to 599");
  }
  if (const std::string_view line = status_line_of(status); !line.empty()) return out_.append(line);
  char* const begin = out_.prepare(kDigitsMax);
  char* end = put(begin, "HTTP/1.1 ");
  end = std::to_chars(end, begin + kDigitsMax, status).ptr;
  end = put(end, " \r\n");
  out_.commit(static_cast<std::size_t>(end - begin));
}

void HeadWriter::request_line(std::string_view method, std::string_view target) {
  if (!internal::is_token(method) || !is_all(target, kQueryChar)) {
    return fail("http.bad_start_line", "the method or the target holds a byte that it may not");
  }
  out_.append(method);
  out_.append(' ');
  out_.append(target);
  out_.append(" HTTP/1.1\r\n");
}

void HeadWriter::field(std::string_view name, std::string_view value) {
  if (!status_.ok()) return;
  if (!internal::is_token(name)) {
    return fail("http.bad_field", "'" + escape_text(name) + "' cannot be the name of a field");
  }
  if (!is_value(value)) {
    return fail("http.bad_field",
                "the value of " + std::string(name) + " holds a byte that it may not");
  }
  char* const begin = out_.prepare(name.size() + value.size() + 4);
  char* const end = put(put(put(put(begin, name), ": "), value), "\r\n");
  out_.commit(static_cast<std::size_t>(end - begin));
}

void HeadWriter::content_length(std::uint64_t length) {
  if (!status_.ok()) return;
  constexpr std::string_view kName = "Content-Length: ";
  char* const begin = out_.prepare(kName.size() + kDigitsMax + 2);
  char* const digits = put(begin, kName);
  char* const end = put(std::to_chars(digits, digits + kDigitsMax, length).ptr, "\r\n");
  out_.commit(static_cast<std::size_t>(end - begin));
}

Status HeadWriter::finish() {
  if (!status_.ok()) {
    out_.truncate(begin_);
    return status_;
  }
  out_.append("\r\n");
  return {};
}

void HeadWriter::fail(std::string_view reason, std::string_view message) {
  if (status_.ok()) status_ = Status(Code::kEncodeFailed, reason, message);
}

}  // namespace fairlead::http::proto
