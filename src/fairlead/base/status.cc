#include "fairlead/base/status.h"

#include <ostream>

namespace fairlead {

Status::Status(Code code, std::string_view reason, std::string_view message) {
  if (code == Code::kOk) return;
  rep_.reset(new Rep{code, std::nullopt, std::string(reason), std::string(message), std::nullopt});
}

void Status::Free::operator()(Rep* rep) const noexcept { delete rep; }

Status::Status(const Status& other)
    : rep_(other.rep_ == nullptr ? nullptr : new Rep(*other.rep_)) {}

Status& Status::operator=(const Status& other) {
  if (this != &other) rep_.reset(other.rep_ == nullptr ? nullptr : new Rep(*other.rep_));
  return *this;
}

std::string_view Status::reason() const {
  return rep_ == nullptr ? std::string_view{} : std::string_view(rep_->reason);
}

std::string_view Status::message() const {
  if (rep_ == nullptr) return {};
  if (!rep_->message.empty()) return rep_->message;
  return code_text(rep_->code);
}

const std::string* Status::cause() const {
  return rep_ != nullptr && rep_->cause.has_value() ? &*rep_->cause : nullptr;
}

Outcome Status::outcome() const {
  if (rep_ != nullptr && rep_->outcome.has_value()) return *rep_->outcome;
  return outcome_of(code());
}

Status Status::with_cause(std::string_view cause) && {
  if (rep_ != nullptr) rep_->cause = std::string(cause);
  return std::move(*this);
}

Status Status::with_outcome(Outcome outcome) && {
  if (rep_ != nullptr) rep_->outcome = outcome;
  return std::move(*this);
}

Status Status::with_context(std::string_view context) && {
  if (rep_ != nullptr) {
    std::string message(context);
    message += ": ";
    message += this->message();
    rep_->message = std::move(message);
  }
  return std::move(*this);
}

std::string Status::to_string() const {
  if (rep_ == nullptr) return "ok";
  std::string text(code_name(rep_->code));
  text += " (" + std::to_string(static_cast<std::int32_t>(rep_->code)) + ")";
  if (!rep_->reason.empty()) text += " " + rep_->reason;
  const std::string_view said = message();
  if (!said.empty()) text.append(": ").append(said);
  if (rep_->cause.has_value()) text += " [cause: " + *rep_->cause + "]";
  return text;
}

bool operator==(const Status& a, const Status& b) {
  if (a.ok() || b.ok()) return a.ok() == b.ok();
  return a.rep_->code == b.rep_->code && a.rep_->reason == b.rep_->reason &&
         a.rep_->message == b.rep_->message && a.rep_->cause == b.rep_->cause;
}

std::ostream& operator<<(std::ostream& out, const Status& status) {
  return out << status.to_string();
}

}  // namespace fairlead
