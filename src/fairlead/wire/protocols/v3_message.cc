#include "fairlead/wire/protocols/v3_message.h"

#include "fairlead/wire/protocols/fast_v3.h"
#include "fairlead/wire/protocols/json_v3.h"
#include "fairlead/wire/protocols/pb_v3.h"

namespace fairlead::wire {

V3Parser find_v3_parser(std::string_view name) {
  if (name == "fast") return parse_fast_v3;
  if (name == "json") return parse_json_v3;
  if (name == "pb") return parse_pb_v3;
  return nullptr;
}

}  // namespace fairlead::wire
