#include "fairlead/rpc/hooked_message.h"

#include <utility>

namespace fairlead::rpc {

void IncomingHead::set_method(std::string_view method) {
  std::string kept(method);  // `method` may lie in what it replaces
  hooked_.message.method = hooked_.add().method = std::move(kept);
}

Status IncomingHead::set_meta(std::string_view key, std::string_view value) {
  FL_TRY_ASSIGN(wire::Metadata pairs, wire::parse_metadata_text(metadata_text()));
  pairs.remove(key);
  pairs.add(key, value);
  return replace_metadata(pairs);
}

Status IncomingHead::remove_meta(std::string_view key) {
  if (!meta(key).has_value()) return {};
  FL_TRY_ASSIGN(wire::Metadata pairs, wire::parse_metadata_text(metadata_text()));
  pairs.remove(key);
  return replace_metadata(pairs);
}

Status IncomingHead::replace_metadata(const wire::Metadata& pairs) {
  std::string text;
  FL_TRY(wire::append_metadata_text(text, pairs));
  hooked_.message.metadata = hooked_.add().metadata = std::move(text);
  return {};
}

}  // namespace fairlead::rpc
