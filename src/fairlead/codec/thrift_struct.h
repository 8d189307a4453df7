// Structs that the Thrift compiler made (C++, libthrift 0.17), as arguments and replies of a
// contract and as bodies.
//
//   #include "fairlead/codec/thrift_struct.h"
//   #include "gen-cpp/shop_types.h"
//
//   struct Shop { static shop::Order order(shop::Basket); };
//   FL_SERVICE(Shop, (order))
//
// Include it before the contract. This header needs libthrift's, and the program links libthrift,
// as whoever has such structs does anyway; nothing else of this project asks for it. Bodies are the
// binary protocol of the struct; other codecs are refused with `codec.unsupported`.
//
// Limits: 64 levels, and what lists and maps are estimated to take is held against
// DecodeOptions::memory_bytes_max, both before libthrift sees the body. Cost: the body is looked
// through once for that.
// Errors: kBadMessage `codec.thrift` (message: the numbers of the fields, "#3[2].#1"; or
// libthrift's
//         own, when a required field is missing), `codec.depth`; kTooLarge `codec.memory`;
//         kEncodeFailed `codec.thrift`.
#pragma once

#include <thrift/TBase.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/status.h"
#include "fairlead/codec/thrift_input.h"
#include "fairlead/contract/describe.h"
#include "fairlead/contract/type_info.h"

namespace fairlead::codec::internal {

using ThriftMemory = apache::thrift::transport::TMemoryBuffer;
using ThriftBinary = apache::thrift::protocol::TBinaryProtocolT<ThriftMemory>;

inline Status encode_thrift_struct(const apache::thrift::TBase& value, Buffer& out) {
  const auto memory = std::make_shared<ThriftMemory>();
  ThriftBinary protocol(memory);
  try {
    value.write(&protocol);
  } catch (const apache::thrift::TException& error) {
    return Status(Code::kEncodeFailed, "codec.thrift", error.what());
  }
  std::uint8_t* data = nullptr;
  std::uint32_t size = 0;
  memory->getBuffer(&data, &size);
  out.append(std::string_view(reinterpret_cast<const char*>(data), size));
  return Status();
}

// The body has been checked: it is one whole struct with true sizes.
inline Status decode_thrift_struct(const Bytes& body, apache::thrift::TBase& value) {
  constexpr int kSizeMax = std::numeric_limits<int>::max();
  const auto config = std::make_shared<apache::thrift::TConfiguration>(kSizeMax);
  auto* data = reinterpret_cast<std::uint8_t*>(const_cast<char*>(body.data()));  // only observed
  const auto memory = std::make_shared<ThriftMemory>(data, static_cast<std::uint32_t>(body.size()),
                                                     ThriftMemory::OBSERVE, config);
  StrictThriftInput protocol(std::make_shared<ThriftBinary>(memory));
  try {
    value.read(&protocol);
  } catch (const apache::thrift::TException& error) {
    const std::string what = protocol.wrong_type() ? "elements of another type" : error.what();
    return Status(Code::kBadMessage, "codec.thrift", "the body: " + what);
  }
  return Status();
}

}  // namespace fairlead::codec::internal

namespace fairlead::contract {

template <std::derived_from<apache::thrift::TBase> T>
struct Generated<T> {
  static constexpr GeneratedOps ops = {
      .name = []() -> std::string_view { return "a Thrift struct"; },
      .codecs = "t",
      .encode =
          [](std::uint8_t, const void* value, Buffer& out) {
            return codec::internal::encode_thrift_struct(*static_cast<const T*>(value), out);
          },
      .decode =
          [](std::uint8_t, const Bytes& body, void* value, bool, std::size_t) {
            return codec::internal::decode_thrift_struct(body, *static_cast<T*>(value));
          }};
};

}  // namespace fairlead::contract
