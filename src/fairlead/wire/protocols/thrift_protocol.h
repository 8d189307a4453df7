// thrift-binary and thrift-struct: messages in the THeader framing of Apache Thrift, compatible
// with erpc v7. Integers are big-endian.
//
//   u32  length of the frame, without these 4 bytes
//   u16  0x0FFF   u16  flags   i32  seq   u16  size of the header, in words of 4 bytes
//   ---- header ----
//   varint 0 (binary protocol)   varint 0 (no THeader transforms)
//   varint 1 (key/value pairs)   varint count   varint length, key, varint length, value ...
//   zero bytes up to a whole word
//   ---- message of the strict binary protocol ----
//   u16  0x8001   u8  0   u8  type: 1 CALL, 2 REPLY, 3 EXCEPTION, 4 ONEWAY, which is PUSH
//   i32  length of method; method   i32  seq
//   binary: i32  length of body; body, passed through the transforms      struct: body, one struct
//
// An EXCEPTION is a REPLY with an error; what follows is a TApplicationException, {1: string
// message, 2: i32 type}, in both. struct writes it for every reply with an error, binary never.
//
// Keys: Tp-XferPipe (transform ids), Tp-BodyCodec (one byte), Tp-Status, Tp-Meta. Written in this
// order, so that equal messages have equal bytes; struct has only the last two.
// Read: pairs in any order, the last of a repeated key counts, unknown keys and unknown kinds of
// info are skipped. Frames count against frame_bytes_max with their length bytes.
#pragma once

#include "fairlead/wire/protocol.h"

namespace fairlead::wire {

// Any codec, transforms over the body alone. No login: Thrift has no such message type.
// What transforms cannot restore is kBadBody: the head is known, and where the next frame begins.
// Exceptions of plain Thrift are read as in thrift-struct.
class ThriftBinaryProtocol final : public Protocol {
 public:
  std::string_view name() const override { return "thrift-binary"; }
  Carries carries() const override { return {.login = false, .hello = false}; }
  Received parse(std::string_view input, const Limits& limits,
                 const TransformSet* transforms) const override;
  std::optional<PeekedHead> peek_head(std::string_view input) const override;
  FrameStart begin(Buffer& out, const MessageHead& head) const override;
  Status finish(Buffer& out, FrameStart start, const Limits& limits,
                const TransformSet* transforms) const override;
};

// For peers that speak plain Thrift structs: no login, no transforms, and every body is one Thrift
// struct. A body that is not is kBadBody `frame.bad_body`, when writing kEncodeFailed.
//
// A REPLY with an error has no body and is an EXCEPTION, which every Thrift client understands; its
// Tp-Status holds the whole status. An EXCEPTION without that pair, or with one that says OK, is
// read as kInternal `thrift.exception`, UNKNOWN_METHOD as kNotFound, with its message as the cause.
class ThriftStructProtocol final : public Protocol {
 public:
  std::string_view name() const override { return "thrift-struct"; }
  Carries carries() const override {
    return {.login = false, .hello = false, .transforms = false, .only_codec = kThriftCodec};
  }
  Received parse(std::string_view input, const Limits& limits,
                 const TransformSet* transforms) const override;
  std::optional<PeekedHead> peek_head(std::string_view input) const override;
  FrameStart begin(Buffer& out, const MessageHead& head) const override;
  Status finish(Buffer& out, FrameStart start, const Limits& limits,
                const TransformSet* transforms) const override;
};

}  // namespace fairlead::wire
