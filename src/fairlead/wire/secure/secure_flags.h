// The metadata that says whether a body is secure and whether the reply shall be.
//
//   X-Secure         this body is secure: "true" in erpc's form, "aes-gcm" in ours
//   X-Accept-Secure  the reply: "true" or "aes-gcm" asks for it, "false" declines it
//
// Whoever asks for nothing gets a secure reply to a secure call and a plain one to a plain call, as
// with erpc's plugin. Any other value means what an absent key means.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fairlead::wire {

inline constexpr std::string_view kSecureKey = "X-Secure";
inline constexpr std::string_view kAcceptSecureKey = "X-Accept-Secure";

enum class SecureForm : std::uint8_t {
  kPlain,
  kErpc,    // erpc_body.h
  kAesGcm,  // aes_gcm_body.h
};

// Reads a value of X-Secure.
SecureForm secure_form_of(std::optional<std::string_view> value);
// The value of X-Secure for a form; empty for kPlain, which needs no such pair.
std::string_view secure_value_of(SecureForm form);

// The form of the reply to a call in the form `call` that carries this X-Accept-Secure.
SecureForm secure_reply_form(SecureForm call, std::optional<std::string_view> accept);

}  // namespace fairlead::wire
