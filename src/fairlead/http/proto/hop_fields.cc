#include "fairlead/http/proto/hop_fields.h"

#include <algorithm>
#include <array>

#include "fairlead/base/text.h"

namespace fairlead::http::proto {
namespace {

constexpr std::string_view kConnection = "Connection";

bool has_connection(const FieldsView& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (equals_ignoring_case(fields[i].name, kConnection)) return true;
  }
  return false;
}

}  // namespace

bool is_hop_field(std::string_view name) {
  static constexpr std::array<std::string_view, 10> kNames = {kConnection,
                                                              "Keep-Alive",
                                                              "Proxy-Connection",
                                                              "TE",
                                                              "Trailer",
                                                              "Transfer-Encoding",
                                                              "Upgrade",
                                                              "Proxy-Authenticate",
                                                              "Proxy-Authentication-Info",
                                                              "Proxy-Authorization"};
  return std::ranges::any_of(kNames, [name](std::string_view one) {
    return name.size() == one.size() && equals_ignoring_case(name, one);
  });
}

HopFields::HopFields(FieldsView fields) : fields_(fields), named_(has_connection(fields)) {}

bool HopFields::names(std::string_view name) const {
  if (!named_ || name.empty()) return false;  // an empty item of the list names nothing
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const Field field = fields_[i];
    if (!equals_ignoring_case(field.name, kConnection)) continue;
    for (std::string_view rest = field.value; !rest.empty();) {
      if (equals_ignoring_case(next_list_item(rest), name)) return true;
    }
  }
  return false;
}

}  // namespace fairlead::http::proto
