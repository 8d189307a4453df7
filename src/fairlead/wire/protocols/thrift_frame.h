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

// Reads a frame up to the message's payload, which becomes message.body, still as it lies there.
// `body_codec` is the text of its header. States kNeedMore, kMessage and kError as parse() gives.
Received read_thrift_frame(std::string_view input, const Limits& limits,
                           std::string_view& body_codec);

std::optional<PeekedHead> peek_thrift_head(std::string_view input);

// kKindNotCarried for logins.
Fault check_thrift_kind(Kind kind);

// Writes a frame's begin, up to the message's payload. `start.fault` is none.
void write_thrift_frame(Buffer& out, const MessageHead& head,
                        std::initializer_list<HeaderPair> pairs);

// Checks the limit and writes the frame's length; on an error the frame is taken back.
Status seal_thrift_frame(Buffer& out, FrameStart start, const Limits& limits);

}  // namespace fairlead::wire::internal
