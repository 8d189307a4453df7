// Any bytes as a body of the codec form: read or refused, and what was read can be written and read
// back to the same bytes, or is refused in writing with a reason of the codec.
#include "codec_types.h"
#include "fairlead/codec/codec.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fairlead::fuzz::round_trip(fairlead::codec::CodecId::kForm, data, size);
  return 0;
}
