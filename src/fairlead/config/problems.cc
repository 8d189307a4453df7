#include "fairlead/config/problems.h"

#include "fairlead/base/text.h"

namespace fairlead::config {

void Problems::add(const Place& place, std::string_view reason, std::string_view text) {
  add(Status(Code::kBadMessage, reason, place.to_string().append(": ").append(text)));
}

void Problems::add(const Status& status) {
  if (status.ok()) return;
  if (first_.ok()) first_ = status;
  for (const std::string_view line : split(status.message(), '\n')) {
    if (lines_.size() < kProblemsShownMax)
      lines_.emplace_back(line);
    else
      ++hidden_;
  }
}

Status Problems::status() const {
  if (first_.ok()) return {};
  std::string message;
  for (const std::string& line : lines_) message.append(message.empty() ? "" : "\n").append(line);
  if (hidden_ > 0) message += "\n... and " + std::to_string(hidden_) + " more";
  return Status(first_.code(), first_.reason(), message);
}

}  // namespace fairlead::config
