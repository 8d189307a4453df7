// Messages that protoc made, as arguments and replies of a contract and as bodies.
//
//   #include "fairlead/codec/protobuf_message.h"
//   #include "shop.pb.h"
//
//   struct Shop { static shop::Order order(shop::Basket); };
//   FL_SERVICE(Shop, (order))
//
// Include it before the contract. The program links the target fairlead::codec_protobuf, which
// brings libprotobuf; this header needs none of its headers. Bodies are protobuf (used when nobody
// chose) or JSON by the proto3 mapping, fields at their default left out. Other codecs are refused
// with `codec.unsupported`. Messages of the lite runtime have no descriptor and do not work.
//
// Limits: 64 messages inside each other, and what the parts of a repeated or nested message are
// estimated to take is held against DecodeOptions::memory_bytes_max, both before libprotobuf sees
// the body. Cost: a body is looked through once for that.
// Errors: kBadMessage `codec.protobuf`, `codec.json` (message: path of the field; missing required
//         fields of proto2 all at once), `codec.depth`; kTooLarge `codec.memory`;
//         kEncodeFailed `codec.protobuf`, `codec.json`.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/status.h"
#include "fairlead/contract/describe.h"
#include "fairlead/contract/type_info.h"

namespace google::protobuf {
class Message;
}  // namespace google::protobuf

namespace fairlead::codec::internal {

std::string_view name_of_message(const google::protobuf::Message& message);
Status encode_message(std::uint8_t codec, const google::protobuf::Message& message, Buffer& out);
Status decode_message(std::uint8_t codec, const Bytes& body, google::protobuf::Message& message,
                      bool refuse_unknown, std::size_t memory_bytes_max);

}  // namespace fairlead::codec::internal

namespace fairlead::contract {

template <std::derived_from<google::protobuf::Message> M>
struct Generated<M> {
  static constexpr GeneratedOps ops = {
      .name = [] { return codec::internal::name_of_message(M::default_instance()); },
      .codecs = "pj",
      .encode =
          [](std::uint8_t codec, const void* value, Buffer& out) {
            return codec::internal::encode_message(codec, *static_cast<const M*>(value), out);
          },
      .decode =
          [](std::uint8_t codec, const Bytes& body, void* value, bool refuse_unknown,
             std::size_t memory_bytes_max) {
            return codec::internal::decode_message(codec, body, *static_cast<M*>(value),
                                                   refuse_unknown, memory_bytes_max);
          }};
};

}  // namespace fairlead::contract
