// SecureBodies: the keys and the rule by which a peer opens and seals the bodies of its messages.
//
// A CALL or PUSH whose metadata says X-Secure (wire/secure/secure_flags.h) is opened before its
// handler sees it, and its reply is sealed in the same form unless X-Accept-Secure says otherwise.
// A call of ours is sealed when CallHead::secure says so. docs/wire/secure_bodies.md has the forms.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/secure/aes_gcm_body.h"
#include "fairlead/wire/secure/erpc_body.h"
#include "fairlead/wire/secure/key_ring.h"
#include "fairlead/wire/secure/secure_flags.h"

namespace fairlead::rpc {

// What a program knows; either may be missing, and then messages of that form are refused.
struct SecureKeys {
  std::optional<wire::KeyRing> ring{};   // X-Secure=aes-gcm
  std::optional<wire::ErpcKeys> erpc{};  // X-Secure=true
};

// Thread: any. Lifetime: outlives the peers that use it.
class SecureBodies {
 public:
  // `required`: CALLs and PUSHes whose body is not secure are refused with `secure.required`.
  explicit SecureBodies(SecureKeys keys, bool required = false)
      : required_(required), keys_(std::make_shared<const SecureKeys>(std::move(keys))) {}

  // New keys for every message from now on; those of a call under way included.
  void replace(SecureKeys keys);
  bool required() const { return required_; }

  // Appends `body` to `out`, sealed in `form`, which is not kPlain; gives the nonce that the reply
  // is bound to (erpc's form has none).
  // Errors: kEncodeFailed `secure.no_keys` (none for this form), `secure.codec`; kInternal
  //         `secure.no_random`, `secure.crypto_failed`. `out` is then as before.
  Result<wire::SecureNonce> seal(wire::SecureForm form, const wire::BodyBinding& binding,
                                 std::string_view body, Buffer& out) const;

  struct Opened {
    Bytes owner;              // every view of the message lies in it afterwards
    wire::SecureNonce nonce;  // what its reply is bound to
  };
  // Opens the body of `message`, whose views lie in `input`.
  // Errors: kBadMessage `secure.no_keys`, `secure.bad_body`, `secure.unknown_key`,
  //         `secure.not_authentic`, `secure.codec`; kInternal `secure.crypto_failed`.
  Result<Opened> open(wire::SecureForm form, const wire::BodyBinding& binding,
                      wire::MessageView& message, const Bytes& input) const;

 private:
  std::shared_ptr<const SecureKeys> keys() const;

  const bool required_;
  mutable Mutex mutex_;
  std::shared_ptr<const SecureKeys> keys_ FL_GUARDED_BY(mutex_);
};

namespace internal {

// A body of ours on its way out: the codec writes it here, then it is sealed into the frame.
struct Sealing {
  wire::SecureForm form = wire::SecureForm::kPlain;
  wire::Kind kind = wire::Kind::kCall;
  std::uint8_t body_codec = wire::kNoCodec;
  std::string method{};
  std::string metadata{};  // of the frame, with X-Secure
  Buffer plain{};
};

// What a call of ours must remember to open its reply.
struct SecureCall {
  std::string method{};
  std::optional<wire::SecureNonce> nonce{};  // of the sealed call
  bool reply_must_be_secure = false;
};

// What a call that we serve must remember to seal its reply.
struct SecureExchange {
  wire::SecureForm reply_form = wire::SecureForm::kPlain;
  std::string method{};                      // as it was sent, whatever a plugin made of it
  std::optional<wire::SecureNonce> nonce{};  // of the sealed call
  std::uint8_t body_codec = wire::kNoCodec;
  Buffer plain{};
};

}  // namespace internal
}  // namespace fairlead::rpc
