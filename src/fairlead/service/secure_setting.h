// The setting `secure`: from where the keys of secure bodies come.
#pragma once

#include <memory>
#include <string>

#include "fairlead/base/result.h"
#include "fairlead/config/value.h"
#include "fairlead/rpc/secure_bodies.h"

namespace fairlead::service {

// Files of keys; empty: none. docs/reference/service.md shows both forms.
struct SecureSpec {
  std::string keys_file{};       // wire::KeyRing, for X-Secure=aes-gcm
  std::string erpc_keys_file{};  // a key of 16, 24 or 32 bytes a line, for X-Secure=true
  bool required = false;         // plain bodies are refused

  bool asked_for() const { return !keys_file.empty() || !erpc_keys_file.empty() || required; }
};

// Found by config::bind(). Errors: those of config::ObjectReader; kBadMessage `config.bad_value`:
// keys are required and none are given.
Status read(const config::Value& value, SecureSpec& out);

// Reads the files. Messages name the file and the line and never show a key. This blocks.
// Errors: kInvalidOperation `secure.file` (unreadable, larger than 64 KiB); those of
//         wire::KeyRing::parse() and wire::ErpcKeys::make().
Result<rpc::SecureKeys> read_secure_keys(const SecureSpec& spec);

}  // namespace fairlead::service
