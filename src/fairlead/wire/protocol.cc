#include "fairlead/wire/protocol.h"

#include <array>

#include "fairlead/wire/protocols/http_protocol.h"
#include "fairlead/wire/protocols/json_protocol.h"
#include "fairlead/wire/protocols/pb_protocol.h"
#include "fairlead/wire/protocols/raw_protocol.h"
#include "fairlead/wire/protocols/thrift_protocol.h"
#include "fairlead/wire/protocols/ws_json_protocol.h"
#include "fairlead/wire/protocols/ws_pb_protocol.h"

namespace fairlead::wire {
namespace {

const Protocol* find_in(std::span<const Protocol* const> all, std::string_view name) {
  for (const Protocol* protocol : all) {
    if (protocol->name() == name) return protocol;
  }
  return nullptr;
}

}  // namespace

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

std::span<const Protocol* const> carried_protocols() {
  static constinit const WsJsonProtocol ws_json;
  static constinit const WsPbProtocol ws_pb;
  static constinit const HttpProtocol http;
  static constexpr std::array<const Protocol*, 3> kAll = {&ws_json, &ws_pb, &http};
  return kAll;
}

const Protocol* find_protocol(std::string_view name) { return find_in(protocols(), name); }

const Protocol* find_carried_protocol(std::string_view name) {
  return find_in(carried_protocols(), name);
}

}  // namespace fairlead::wire
