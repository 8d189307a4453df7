#include "fairlead/wire/protocol.h"

#include <array>

#include "fairlead/wire/protocols/json_protocol.h"
#include "fairlead/wire/protocols/pb_protocol.h"
#include "fairlead/wire/protocols/raw_protocol.h"
#include "fairlead/wire/protocols/thrift_protocol.h"

namespace fairlead::wire {

Status Protocol::append(Buffer& out, const MessageHead& head, std::string_view body,
                        const Limits& limits, const TransformSet* transforms) const {
  const FrameStart start = begin(out, head);
  out.append(body);
  return finish(out, start, limits, transforms);
}

std::span<const Protocol* const> protocols() {
  static constinit const RawProtocol raw;
  static constinit const JsonProtocol json;
  static constinit const PbProtocol pb;
  static constinit const ThriftBinaryProtocol thrift_binary;
  static constinit const ThriftStructProtocol thrift_struct;
  static constexpr std::array<const Protocol*, 5> kAll = {&raw, &json, &pb, &thrift_binary,
                                                          &thrift_struct};
  return kAll;
}

const Protocol* find_protocol(std::string_view name) {
  for (const Protocol* protocol : protocols()) {
    if (protocol->name() == name) return protocol;
  }
  return nullptr;
}

}  // namespace fairlead::wire
