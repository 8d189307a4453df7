#include "fairlead/http/proto/writer.h"

#include <charconv>
#include <string>

#include "fairlead/base/text.h"
#include "fairlead/http/proto/chars.h"

namespace fairlead::http::proto {
namespace {

bool is_value(std::string_view text) {
  if (text.empty()) return true;
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  return is_all(text, kValueChar) && !blank(text.front()) && !blank(text.back());
}

void append_number(Buffer& out, std::uint64_t number) {
  char* begin = out.prepare(20);
  const auto end = std::to_chars(begin, begin + 20, number).ptr;
  out.commit(static_cast<std::size_t>(end - begin));
}

}  // namespace

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100:
      return "Continue";
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 299:
      return "Business Error";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 411:
      return "Length Required";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 425:
      return "Too Early";
    case 426:
      return "Upgrade Required";
    case 428:
      return "Precondition Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

void HeadWriter::status_line(int status) {
  if (status < 100 || status > 599) {
    return fail("http.bad_start_line", "a status is a number from 100 to 599");
  }
  out_.append("HTTP/1.1 ");
  append_number(out_, static_cast<std::uint64_t>(status));
  out_.append(' ');
  out_.append(reason_phrase(status));
  out_.append("\r\n");
}

void HeadWriter::request_line(std::string_view method, std::string_view target) {
  if (!is_all(method, kTokenChar) || !is_all(target, kQueryChar)) {
    return fail("http.bad_start_line", "the method or the target holds a byte that it may not");
  }
  out_.append(method);
  out_.append(' ');
  out_.append(target);
  out_.append(" HTTP/1.1\r\n");
}

void HeadWriter::field(std::string_view name, std::string_view value) {
  if (!status_.ok()) return;
  if (!is_all(name, kTokenChar)) {
    return fail("http.bad_field", "'" + escape_text(name) + "' cannot be the name of a field");
  }
  if (!is_value(value)) {
    return fail("http.bad_field",
                "the value of " + std::string(name) + " holds a byte that it may not");
  }
  out_.append(name);
  out_.append(": ");
  out_.append(value);
  out_.append("\r\n");
}

void HeadWriter::content_length(std::uint64_t length) {
  if (!status_.ok()) return;
  out_.append("Content-Length: ");
  append_number(out_, length);
  out_.append("\r\n");
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
