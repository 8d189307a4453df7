#include "fairlead/service/default_codec.h"

namespace fairlead::service {

codec::CodecId default_codec(const contract::TypeInfo& type) {
  switch (type.kind) {
    case contract::Kind::kVoid:
      return codec::CodecId::kNone;
    case contract::Kind::kStruct:
      return codec::CodecId::kProtobuf;
    case contract::Kind::kList:
    case contract::Kind::kMap:
    case contract::Kind::kOptional:
      return codec::CodecId::kJson;
    case contract::Kind::kGenerated:
      return static_cast<codec::CodecId>(type.generated->codecs.front());
    default:
      return codec::CodecId::kPlain;
  }
}

}  // namespace fairlead::service
