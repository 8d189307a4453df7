// Message: what every protocol carries, whatever its bytes look like.
#pragma once

#include <cstdint>
#include <string_view>

#include "fairlead/base/status.h"

namespace fairlead::wire {

// The five kinds of message; the numbers are those on the wire.
enum class Kind : std::uint8_t {
  kCall = 1,      // wants a REPLY with the same seq
  kReply = 2,     // carries no method
  kPush = 3,      // wants nothing
  kAuthCall = 4,  // first message of a session with login
  kAuthReply = 5,
};

// "CALL", "REPLY", ...; "UNDEFINED" for numbers that are no kind.
std::string_view kind_name(Kind kind);

inline constexpr std::uint8_t kNoCodec = 0;  // body_codec of a message without a body

// Ids of body codecs, equal in every protocol.
inline constexpr std::uint8_t kJsonCodec = 'j';
inline constexpr std::uint8_t kProtobufCodec = 'p';
inline constexpr std::uint8_t kPlainCodec = 's';
inline constexpr std::uint8_t kThriftCodec = 't';

// One message as it lies in the input: every text is still in its encoded form. The views live as
// long as the bytes that were parsed.
struct MessageView {
  std::int32_t seq = 0;
  Kind kind = Kind::kCall;
  std::uint8_t body_codec = kNoCodec;
  std::string_view method{};
  std::string_view status{};      // query form, status_text.h
  std::string_view metadata{};    // query form, metadata.h
  std::string_view transforms{};  // ids, outermost first; the body here is already restored
  std::string_view body{};
};

// What the builder of a frame has to know. Views are read before the builder returns.
struct MessageHead {
  std::int32_t seq = 0;
  Kind kind = Kind::kCall;
  std::uint8_t body_codec = kNoCodec;
  std::string_view method{};      // at most 255 bytes
  std::string_view status{};      // query form, at most 65535 bytes; empty means OK
  std::string_view metadata{};    // query form, at most 65535 bytes
  std::string_view transforms{};  // ids, outermost first, at most 255
};

inline constexpr std::size_t kMethodBytesMax = 255;
inline constexpr std::size_t kStatusBytesMax = 65535;
inline constexpr std::size_t kMetadataBytesMax = 65535;
inline constexpr std::size_t kTransformsMax = 255;

inline constexpr std::uint32_t kFrameBytesMin = 20;  // the smallest frame a peer writes

// Bounds of one frame, in both directions.
struct Limits {
  // Whole frame, and what transforms restore from it. Length bytes count as the original counts
  // them: those of raw and thrift do, those of json and pb do not.
  // kFrameBytesMin .. 2^31 - 1.
  std::uint32_t frame_bytes_max = 8U << 20;

  // Errors: kInvalidOperation `frame.bad_limit`.
  Status validate() const;
};

}  // namespace fairlead::wire
