// Targets: the texts inside frames.
#include <string>

#include "fairlead/base/check.h"
#include "fairlead/wire/metadata.h"
#include "fairlead/wire/status_text.h"
#include "targets.h"

namespace fairlead::fuzz {

void metadata_text(std::string_view input) {
  const auto metadata = wire::parse_metadata_text(input);
  if (!metadata.ok()) return;
  std::string text;
  FL_CHECK(append_metadata_text(text, *metadata).ok());
  const auto again = wire::parse_metadata_text(text);
  FL_CHECK(again.ok() && *again == *metadata);
  for (const auto& [key, value] : metadata->pairs()) {
    FL_CHECK(wire::find_in_encoded(input, key) == metadata->get(key));
  }
}

void status_text(std::string_view input) {
  const Status status = wire::parse_status_text(input);
  std::string text;
  wire::append_status_text(text, status);
  FL_CHECK(text.size() <= 65535);
  const Status again = wire::parse_status_text(text);
  FL_CHECK(again.code() == status.code());
  // Beyond these sizes texts are shortened.
  if (input.size() < 10000 && status.reason().size() <= 40) {
    FL_CHECK(again.message() == status.message() && again.reason() == status.reason());
    FL_CHECK((again.cause() == nullptr) == (status.cause() == nullptr));
    FL_CHECK(status.cause() == nullptr || *again.cause() == *status.cause());
  }
  std::string json;
  wire::append_status_json(json, status);
}

}  // namespace fairlead::fuzz
