#include "fairlead/rpc/secure_bodies.h"

#include <cstring>

namespace fairlead::rpc {
namespace {

Status no_keys(Code code, wire::SecureForm form) {
  return Status(code, "secure.no_keys",
                form == wire::SecureForm::kErpc
                    ? "this peer has no keys for bodies with X-Secure=true"
                    : "this peer has no key ring for bodies with X-Secure=aes-gcm");
}

// Where a text goes in the memory that will own it: offsets first, for the buffer moves as it
// grows.
class Placed {
 public:
  Placed(std::string_view text, Buffer& memory) : at_(memory.size()), size_(text.size()) {
    memory.append(text);
  }
  std::string_view in(std::string_view memory) const { return memory.substr(at_, size_); }

 private:
  std::size_t at_;
  std::size_t size_;
};

}  // namespace

std::shared_ptr<const SecureKeys> SecureBodies::keys() const {
  MutexLock lock(mutex_);
  return keys_;
}

void SecureBodies::replace(SecureKeys keys) {
  auto made = std::make_shared<const SecureKeys>(std::move(keys));
  MutexLock lock(mutex_);
  keys_.swap(made);
}

Result<wire::SecureNonce> SecureBodies::seal(wire::SecureForm form,
                                             const wire::BodyBinding& binding,
                                             std::string_view body, Buffer& out) const {
  const std::shared_ptr<const SecureKeys> keys = this->keys();
  if (form == wire::SecureForm::kErpc) {
    if (!keys->erpc.has_value()) return no_keys(Code::kEncodeFailed, form);
    FL_TRY(wire::encrypt_erpc_body(*keys->erpc, binding.body_codec, body, out));
    return wire::SecureNonce{};
  }
  if (!keys->ring.has_value()) return no_keys(Code::kEncodeFailed, form);
  return wire::seal_body(*keys->ring, binding, body, out);
}

Result<SecureBodies::Opened> SecureBodies::open(wire::SecureForm form,
                                                const wire::BodyBinding& binding,
                                                wire::MessageView& message,
                                                const Bytes& input) const {
  const std::shared_ptr<const SecureKeys> keys = this->keys();
  Opened opened{};
  Buffer memory;
  const Placed method(message.method, memory);
  const Placed status(message.status, memory);
  const Placed metadata(message.metadata, memory);
  const Placed transforms(message.transforms, memory);
  const std::size_t body_at = memory.size();
  if (form == wire::SecureForm::kErpc) {
    if (!keys->erpc.has_value()) return no_keys(Code::kBadMessage, form);
    FL_TRY(wire::decrypt_erpc_body(*keys->erpc, message.body_codec,
                                   Bytes(input.chunk(), message.body), memory));
  } else {
    if (!keys->ring.has_value()) return no_keys(Code::kBadMessage, form);
    FL_TRY_ASSIGN(opened.nonce, wire::open_body(*keys->ring, binding, message.body, memory));
  }
  opened.owner = Bytes(memory.view());
  const std::string_view all = opened.owner.view();
  message.method = method.in(all);
  message.status = status.in(all);
  message.metadata = metadata.in(all);
  message.transforms = transforms.in(all);
  message.body = all.substr(body_at);
  return opened;
}

}  // namespace fairlead::rpc
