// The code table: one number space for every error, on the wire and off it.
//
// The table is data (`code_table()`); everything that maps codes reads it. Its documentation page,
// docs/reference/codes.md, is generated from it and compared by a test.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fairlead {

// Known codes. A Status may carry any other number too: business codes start at 1000, and codes of
// other peers are kept as they came.
enum class Code : std::int32_t {
  kUnknownError = -1,
  kOk = 0,
  kInvalidOperation = 1,
  kWrongConnection = 100,
  kConnectionClosed = 102,
  kWriteFailed = 104,
  kDialFailed = 105,
  kNoEndpoint = 106,
  kBreakerOpen = 107,
  kLocalLimit = 108,
  kDeadlineExceeded = 109,
  kCancelled = 110,
  kSendQueueFull = 111,
  kEncodeFailed = 112,
  kDecodeReplyFailed = 113,
  kBadMessage = 400,
  kUnauthenticated = 401,
  kForbidden = 403,
  kNotFound = 404,
  kKindNotAllowed = 405,
  kExpired = 408,
  kConflict = 409,
  kPreconditionFailed = 412,
  kTooLarge = 413,
  kRateLimited = 429,
  kCancelledByCaller = 499,
  kInternal = 500,
  kBadGateway = 502,
  kOverloaded = 503,
  kHandlerTimeout = 504,
};

inline constexpr std::int32_t kGrpcCodeBase = 600;      // 600 + n carries gRPC status n, 1..16
inline constexpr std::int32_t kBusinessCodeMin = 1000;  // first business code

// What is known about one attempt; it decides whether the attempt may be repeated.
enum class Outcome : std::uint8_t {
  kNotSent,       // no byte reached the kernel: always safe to repeat
  kNotProcessed,  // the peer says that it refused before the handler: safe to repeat
  kUnknown,       // sent, no reply: only if idempotent
  kProcessed,     // the handler answered: the caller decides
};

// How HTTP answers show business codes.
enum class HttpStyle : std::uint8_t {
  kStrict,  // business codes are 422, so that caches and monitors see an error
  kBiz299,  // business codes are 299, as the Go framework's gateway answers them
};

// One row of the table.
struct CodeRow {
  Code code;
  std::string_view name;     // token for tools and docs, "not_found"
  std::string_view text;     // default message for people
  Outcome outcome;           // class when nothing more is known of the attempt
  bool refusal;              // a marked refusal with this code is kNotProcessed
  std::int32_t grpc;         // gRPC status
  std::int32_t http_strict;  // HTTP status
  std::int32_t http_biz299;
};

// All rows with a code of their own, in ascending order.
std::span<const CodeRow> code_table();

// The row of `code`, or null for business codes, gRPC carriers and numbers we do not know.
const CodeRow* find_code(Code code);

std::string_view code_name(Code code);  // "business", "grpc.not_found" or "unlisted" off the table
std::string_view code_text(Code code);  // empty off the table
Outcome outcome_of(Code code);          // class of an unmarked attempt with this code
std::int32_t http_status_of(Code code, HttpStyle style);
std::int32_t grpc_status_of(Code code);

// The documentation page of the table, as Markdown.
std::string code_table_markdown();

}  // namespace fairlead
