// The part of thrift-binary and thrift-struct that is the same: THeader and the message's begin.
// Private to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <utility>

#include "fairlead/base/buffer.h"
#include "fairlead/wire/protocol.h"

namespace fairlead::wire::internal {

inline constexpr std::string_view kTransformsKey = "Tp-XferPipe";
inline constexpr std::string_view kBodyCodecKey = "Tp-BodyCodec";
inline constexpr std::string_view kStatusKey = "Tp-Status";
inline constexpr std::string_view kMetadataKey = "Tp-Meta";

// Where the value of the first pair begins: its length is a varint, its key kTransformsKey.
inline constexpr std::size_t kFirstValueAt = 14 + 4 + 1 + kTransformsKey.size();

using HeaderPair = std::pair<std::string_view, std::string_view>;

// The types of messages in Thrift.
enum class ThriftType : std::uint8_t { kCall = 1, kReply = 2, kException = 3, kOneway = 4 };

// What a frame says besides the message's own fields.
struct ThriftExtras {
  std::string_view body_codec{};  // text of its pair
  bool exception = false;         // the payload is a TApplicationException, the kind REPLY
};

// Reads a frame up to the message's payload, which becomes message.body, still as it lies there.
// States kNeedMore, kMessage and kError as parse() gives.
Received read_thrift_frame(std::string_view input, const Limits& limits, ThriftExtras& extras);

std::optional<PeekedHead> peek_thrift_head(std::string_view input);

// kKindNotCarried for logins.
Fault check_thrift_kind(Kind kind);
ThriftType thrift_type_of(Kind kind);  // of a kind that is carried

// Writes a frame's begin, up to the message's payload.
void write_thrift_frame(Buffer& out, const MessageHead& head, ThriftType type,
                        std::initializer_list<HeaderPair> pairs);

// Checks the limit and writes the frame's length; on an error the frame is taken back.
Status seal_thrift_frame(Buffer& out, FrameStart start, const Limits& limits);

}  // namespace fairlead::wire::internal
