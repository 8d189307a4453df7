#include "fairlead/wire/protocols/json_v3.h"

#include "fairlead/wire/protocols/frame_parts.h"
#include "fairlead/wire/protocols/json_scanner.h"
#include "fairlead/wire/protocols/v3_parts.h"

namespace fairlead::wire {
namespace {

bool is_byte(std::int64_t value) { return value >= 0 && value <= 255; }

}  // namespace

Result<V3Message> parse_json_v3(std::string_view input, const Limits& limits,
                                const TransformSet& transforms) {
  FL_TRY_ASSIGN(const internal::V3Payload restored,
                internal::open_v3_envelope(input, limits, transforms));
  internal::JsonFields fields;
  internal::JsonScanner scanner(restored.payload, internal::JsonForm::kV3);
  if (!scanner.read(fields)) {
    return internal::bad_layout("json v3", scanner.problem(), scanner.at()).status;
  }
  if (!is_byte(fields.kind) || !is_byte(fields.body_codec)) {
    return internal::bad_layout("json v3", "ptype or body_codec is no byte", scanner.at()).status;
  }
  V3Message message;
  message.kind = static_cast<std::uint8_t>(fields.kind);
  message.body_codec = static_cast<std::uint8_t>(fields.body_codec);
  const internal::Quoted quoted[] = {{restored.transforms, internal::Quoting::kNone},
                                     fields.seq_text,
                                     fields.method,
                                     fields.metadata,
                                     fields.body};
  std::string_view* const texts[] = {&message.transforms, &message.seq, &message.uri,
                                     &message.metadata, &message.body};
  message.owner = internal::unquote_all(quoted, texts);
  return message;
}

}  // namespace fairlead::wire
