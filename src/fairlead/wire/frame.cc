#include "fairlead/wire/frame.h"

#include <string>
#include <string_view>

namespace fairlead::wire {
namespace {

// What a length that makes no sense looks like to people who reached the wrong port.
std::string_view looks_like(std::uint32_t length) {
  switch (length) {
    case 0x47455420:
    case 0x504F5354:
    case 0x50555420:
    case 0x48454144:
    case 0x44454C45:
    case 0x4F505449:
    case 0x50415443:
    case 0x434F4E4E:
      return "; these bytes look like an HTTP request: is this the right port?";
    case 0x50524920:
      return "; these bytes look like HTTP/2: is this the right port?";
    case 0x5353482D:
      return "; these bytes look like SSH: is this the right port?";
    default:
      break;
  }
  if (length >> 16 == 0x1603) return "; these bytes look like TLS: this port speaks plain text";
  return {};
}

}  // namespace

Status fault_status(Fault fault, std::uint32_t detail, const Limits& limits) {
  const std::string number = std::to_string(detail);
  const auto not_sent = [](std::string_view reason, std::string_view message) {
    return Status(Code::kEncodeFailed, reason, message);
  };
  switch (fault) {
    case Fault::kNone:
      return {};
    case Fault::kTooBig:
      return {Code::kTooLarge, "frame.too_big",
              "a frame of " + number + " bytes; frame_bytes_max is " +
                  std::to_string(limits.frame_bytes_max) + std::string(looks_like(detail))};
    case Fault::kBadSize:
      return {Code::kBadMessage, "frame.bad_size",
              "a frame that claims " + number + " bytes is too short to be one"};
    case Fault::kBadLayout:
      return {Code::kBadMessage, "frame.bad_layout",
              "a length inside the frame of " + number + " bytes passes its end"};
    case Fault::kBadSeq:
      return {Code::kBadMessage, "frame.bad_seq", "seq is not a 32-bit number"};
    case Fault::kBadKind:
      return {Code::kBadMessage, "frame.bad_kind", "unsupported message kind " + number};
    case Fault::kMethodTooLong:
      return not_sent("frame.method_too_long", "the method is longer than 255 bytes");
    case Fault::kStatusTooLong:
      return not_sent("frame.status_too_long", "the status text is longer than 65535 bytes");
    case Fault::kMetadataTooLong:
      return not_sent("frame.metadata_too_long", "the metadata text is longer than 65535 bytes");
    case Fault::kTooManyTransforms:
      return not_sent("frame.too_many_transforms", "more than 255 transforms");
    case Fault::kKindNotCarried:
      return not_sent("frame.kind_not_carried",
                      "the connection's protocol has no messages of this kind");
    case Fault::kCodecNotCarried:
      return not_sent("frame.codec_not_carried",
                      "the connection's protocol carries no body in this codec");
    case Fault::kTransformsNotCarried:
      return not_sent("frame.transforms_not_carried",
                      "the connection's protocol carries no such transforms");
    case Fault::kMetadataNotCarried:
      return not_sent("frame.metadata_not_carried",
                      "a pair of the metadata, or all together, make no headers");
    case Fault::kStatusNotCarried:
      return not_sent("frame.status_not_carried", "a request cannot carry an error");
  }
  return {};
}

}  // namespace fairlead::wire
