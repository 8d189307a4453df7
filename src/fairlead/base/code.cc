#include "fairlead/base/code.h"

#include <algorithm>
#include <array>

namespace fairlead {
namespace {

using enum Outcome;

constexpr std::array kTable = std::to_array<CodeRow>({
    {Code::kUnknownError, "unknown_error", "Unknown Error", kUnknown, false, 2, 500, 500},
    {Code::kOk, "ok", "", kProcessed, false, 0, 200, 200},
    {Code::kInvalidOperation, "invalid_operation", "Invalid Operation", kNotSent, false, 9, 500,
     500},
    {Code::kWrongConnection, "wrong_connection", "Wrong Connection", kNotSent, false, 14, 502, 500},
    {Code::kConnectionClosed, "connection_closed", "Connection Closed", kUnknown, false, 14, 502,
     500},
    {Code::kWriteFailed, "write_failed", "Write Failed", kUnknown, false, 14, 502, 500},
    {Code::kDialFailed, "dial_failed", "Dial Failed", kNotSent, false, 14, 503, 500},
    {Code::kNoEndpoint, "no_endpoint", "No Endpoint", kNotSent, false, 14, 503, 500},
    {Code::kBreakerOpen, "breaker_open", "Breaker Open", kNotSent, false, 14, 503, 500},
    {Code::kLocalLimit, "local_limit", "Local Limit", kNotSent, false, 8, 503, 500},
    {Code::kDeadlineExceeded, "deadline_exceeded", "Deadline Exceeded", kUnknown, false, 4, 504,
     500},
    {Code::kCancelled, "cancelled", "Cancelled", kUnknown, false, 1, 499, 500},
    {Code::kSendQueueFull, "send_queue_full", "Send Queue Full", kNotSent, false, 8, 503, 500},
    {Code::kEncodeFailed, "encode_failed", "Encode Failed", kNotSent, false, 13, 500, 500},
    {Code::kDecodeReplyFailed, "decode_reply_failed", "Decode Reply Failed", kProcessed, false, 13,
     502, 500},
    {Code::kBadMessage, "bad_message", "Bad Message", kProcessed, true, 3, 400, 400},
    {Code::kUnauthenticated, "unauthenticated", "Unauthorized", kProcessed, true, 16, 401, 401},
    {Code::kForbidden, "forbidden", "Forbidden", kProcessed, true, 7, 403, 403},
    {Code::kNotFound, "not_found", "Not Found", kProcessed, true, 12, 404, 404},
    {Code::kKindNotAllowed, "kind_not_allowed", "Message Type Not Allowed", kProcessed, true, 12,
     405, 405},
    {Code::kExpired, "expired", "Handle Timeout", kProcessed, true, 4, 504, 408},
    {Code::kConflict, "conflict", "Conflict", kProcessed, false, 10, 409, 409},
    {Code::kPreconditionFailed, "precondition_failed", "Precondition Failed", kProcessed, false, 9,
     412, 412},
    {Code::kTooLarge, "too_large", "Too Large", kProcessed, true, 8, 413, 413},
    {Code::kRateLimited, "rate_limited", "Rate Limited", kProcessed, true, 8, 429, 429},
    {Code::kCancelledByCaller, "cancelled_by_caller", "Cancelled By Caller", kUnknown, false, 1,
     499, 499},
    {Code::kInternal, "internal", "Internal Server Error", kProcessed, false, 13, 500, 500},
    {Code::kBadGateway, "bad_gateway", "Bad Gateway", kUnknown, false, 14, 502, 502},
    {Code::kOverloaded, "overloaded", "Overloaded", kUnknown, true, 14, 503, 503},
    {Code::kHandlerTimeout, "handler_timeout", "Handler Timeout", kUnknown, false, 4, 504, 504},
});

// gRPC status -> name and HTTP status, the usual table of gRPC gateways.
struct GrpcRow {
  std::string_view name;
  std::int32_t http;
};
constexpr std::array kGrpc = std::to_array<GrpcRow>({
    {"grpc.ok", 200},
    {"grpc.cancelled", 499},
    {"grpc.unknown", 500},
    {"grpc.invalid_argument", 400},
    {"grpc.deadline_exceeded", 504},
    {"grpc.not_found", 404},
    {"grpc.already_exists", 409},
    {"grpc.permission_denied", 403},
    {"grpc.resource_exhausted", 429},
    {"grpc.failed_precondition", 400},
    {"grpc.aborted", 409},
    {"grpc.out_of_range", 400},
    {"grpc.unimplemented", 501},
    {"grpc.internal", 500},
    {"grpc.unavailable", 503},
    {"grpc.data_loss", 500},
    {"grpc.unauthenticated", 401},
});

// n of a code 600 + n, or 0.
std::size_t grpc_number(Code code) {
  const std::int32_t n = static_cast<std::int32_t>(code) - kGrpcCodeBase;
  return n >= 1 && n <= 16 ? static_cast<std::size_t>(n) : 0;
}

bool is_business(Code code) { return static_cast<std::int32_t>(code) >= kBusinessCodeMin; }

std::string_view outcome_text(const CodeRow& row) {
  if (row.refusal) return "refused*";
  switch (row.code) {
    case Code::kConnectionClosed:
    case Code::kWriteFailed:
      return "as known: NOT_SENT or UNKNOWN";
    case Code::kDeadlineExceeded:
      return "UNKNOWN; NOT_SENT when it ended before sending";
    case Code::kBadGateway:
      return "as told, else UNKNOWN";
    default:
      break;
  }
  switch (row.outcome) {
    case kNotSent:
      return "NOT_SENT";
    case kNotProcessed:
      return "NOT_PROCESSED";
    case kUnknown:
      return "UNKNOWN";
    case kProcessed:
      return "PROCESSED";
  }
  return "";
}

}  // namespace

std::span<const CodeRow> code_table() { return kTable; }

const CodeRow* find_code(Code code) {
  const auto row = std::ranges::lower_bound(kTable, code, {}, &CodeRow::code);
  return row != kTable.end() && row->code == code ? &*row : nullptr;
}

std::string_view code_name(Code code) {
  if (const CodeRow* row = find_code(code)) return row->name;
  if (const std::size_t n = grpc_number(code)) return kGrpc[n].name;
  return is_business(code) ? "business" : "unlisted";
}

std::string_view code_text(Code code) {
  const CodeRow* row = find_code(code);
  return row != nullptr ? row->text : std::string_view{};
}

Outcome outcome_of(Code code) {
  if (const CodeRow* row = find_code(code)) return row->outcome;
  return kProcessed;
}

std::int32_t http_status_of(Code code, HttpStyle style) {
  const bool strict = style == HttpStyle::kStrict;
  if (const CodeRow* row = find_code(code)) return strict ? row->http_strict : row->http_biz299;
  if (const std::size_t n = grpc_number(code)) return strict ? kGrpc[n].http : 299;
  const auto number = static_cast<std::int32_t>(code);
  if (is_business(code)) return strict ? 422 : 299;
  if (number >= 200 && number <= 599) return number;
  return strict || number < 200 ? 500 : 299;
}

std::int32_t grpc_status_of(Code code) {
  if (const CodeRow* row = find_code(code)) return row->grpc;
  if (const std::size_t n = grpc_number(code)) return static_cast<std::int32_t>(n);
  return 2;
}

std::string code_table_markdown() {
  std::string page =
      "# Codes\n\n"
      "Generated from `src/fairlead/base/code.cc`; a test compares the two. One number space for\n"
      "errors of every kind: it travels in replies, and every mapping reads this table.\n\n"
      "| Code | Name | Text | Outcome class | gRPC | HTTP `strict` | HTTP `biz299` |\n"
      "|--:|---|---|---|--:|--:|--:|\n";
  for (const CodeRow& row : kTable) {
    page += "| " + std::to_string(static_cast<std::int32_t>(row.code)) + " | " +
            std::string(row.name) + " | " + std::string(row.text) + " | " +
            std::string(outcome_text(row)) + " | " + std::to_string(row.grpc) + " | " +
            std::to_string(row.http_strict) + " | " + std::to_string(row.http_biz299) + " |\n";
  }
  for (std::size_t n = 1; n < kGrpc.size(); ++n) {
    page += "| " + std::to_string(kGrpcCodeBase + static_cast<std::int32_t>(n)) + " | " +
            std::string(kGrpc[n].name) + " |  | as sent by the peer | " + std::to_string(n) +
            " | " + std::to_string(kGrpc[n].http) + " | 299 |\n";
  }
  page +=
      "| ≥ 1000 | business |  | PROCESSED | 2 | 422 | 299 |\n"
      "| others 200–599 | unlisted |  | PROCESSED | 2 | as is | as is |\n"
      "| others | unlisted |  | PROCESSED | 2 | 500 | 500 below 200, else 299 |\n\n"
      "\\* The class belongs to the outcome, not to the code. NOT_PROCESSED, safe to repeat, is\n"
      "claimed only when the framework itself refused before any handler ran and marked the\n"
      "refusal on a link that said hello. The same code from a handler or from an unmarked peer "
      "is\n"
      "PROCESSED, and UNKNOWN for 5xx.\n";
  return page;
}

}  // namespace fairlead
