#include "fairlead/wire/secure/secure_flags.h"

namespace fairlead::wire {
namespace {

constexpr std::string_view kErpcValue = "true";
constexpr std::string_view kAesGcmValue = "aes-gcm";

}  // namespace

SecureForm secure_form_of(std::optional<std::string_view> value) {
  if (value == kErpcValue) return SecureForm::kErpc;
  if (value == kAesGcmValue) return SecureForm::kAesGcm;
  return SecureForm::kPlain;
}

std::string_view secure_value_of(SecureForm form) {
  switch (form) {
    case SecureForm::kErpc:
      return kErpcValue;
    case SecureForm::kAesGcm:
      return kAesGcmValue;
    default:
      return {};
  }
}

SecureForm secure_reply_form(SecureForm call, std::optional<std::string_view> accept) {
  if (accept == "false") return SecureForm::kPlain;
  // A secure call is answered in its own form: "true" asks for no other.
  if (call != SecureForm::kPlain && accept != kAesGcmValue) return call;
  return secure_form_of(accept);
}

}  // namespace fairlead::wire
