// Bodies that are sealed: those of our calls and pushes, those that we serve, and the replies.
#include <optional>

#include "fairlead/rpc/session_frame.h"
#include "fairlead/rpc/session_seldom.h"
#include "fairlead/wire/metadata.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::rpc {
namespace {

struct Told {
  wire::SecureForm form = wire::SecureForm::kPlain;
  std::optional<std::string> accept{};
};

Told told_by(std::string_view metadata) {
  if (metadata.empty()) return {};
  return {.form = wire::secure_form_of(wire::find_in_encoded(metadata, wire::kSecureKey)),
          .accept = wire::find_in_encoded(metadata, wire::kAcceptSecureKey)};
}

}  // namespace

// False: `refused` says why the message must not go out.
bool Session::begin_sealing(PendingCall* call, wire::Kind kind, const CallHead& head,
                            std::string_view& metadata, Status& refused) {
  const Told told = told_by(head.metadata);
  const wire::SecureForm form = head.secure != wire::SecureForm::kPlain ? head.secure : told.form;
  const wire::SecureForm reply = wire::secure_reply_form(form, told.accept);
  if (form == wire::SecureForm::kPlain && reply == wire::SecureForm::kPlain) return true;
  if (peer_.options_.secure == nullptr) {
    refused =
        Status(Code::kEncodeFailed, "secure.no_keys", "this peer has no keys for secure bodies")
            .with_outcome(Outcome::kNotSent);
    return false;
  }
  if (call != nullptr) {
    if (call->extras_ == nullptr) call->extras_ = std::make_unique<internal::CallExtras>();
    call->extras_->secure = {.method = std::string(head.method),
                             .nonce = {},
                             .reply_must_be_secure = reply != wire::SecureForm::kPlain};
  }
  if (form == wire::SecureForm::kPlain) return true;
  std::unique_ptr<internal::Sealing>& sealing = seldom().sealing;
  seals_ = true;
  sealing = std::make_unique<internal::Sealing>(
      internal::Sealing{.form = form,
                        .kind = kind,
                        .body_codec = head.body_codec,
                        .method = std::string(head.method),
                        .metadata = std::string(head.metadata)});
  if (told.form == wire::SecureForm::kPlain) {
    wire::append_metadata_pair(sealing->metadata, wire::kSecureKey, wire::secure_value_of(form));
  }
  metadata = sealing->metadata;
  return true;
}

Buffer& Session::sealed_body() { return seldom_->sealing->plain; }

void Session::stop_sealing() {
  if (std::exchange(seals_, false)) seldom_->sealing.reset();
}

Status Session::seal_frame(PendingCall* call) {
  seals_ = false;
  const auto sealing = std::move(seldom_->sealing);
  const wire::BodyBinding binding{
      .kind = sealing->kind, .body_codec = sealing->body_codec, .method = sealing->method};
  const Result<wire::SecureNonce> nonce =
      peer_.options_.secure->seal(sealing->form, binding, sealing->plain.view(), stream_->output());
  if (nonce.ok() && call != nullptr && sealing->form == wire::SecureForm::kAesGcm) {
    call->extras_->secure->nonce = *nonce;
  }
  return nonce.status();
}

void Session::serve_secure(const wire::MessageView& message, std::string_view method,
                           const Bytes& input) {
  const SecureBodies& secure = *peer_.options_.secure;
  const Told told = told_by(message.metadata);
  internal::SecureExchange exchange{.reply_form = wire::secure_reply_form(told.form, told.accept)};
  wire::MessageView opened = message;
  Bytes memory = input;
  Status refused;
  if (told.form != wire::SecureForm::kPlain) {
    Result<SecureBodies::Opened> owner = secure.open(
        told.form, {.kind = message.kind, .body_codec = message.body_codec, .method = method},
        opened, input);
    if (owner.ok()) {
      memory = std::move(owner->owner);
      if (told.form == wire::SecureForm::kAesGcm) exchange.nonce = owner->nonce;
    } else {
      refused = owner.status();
    }
  } else if (secure.required() && !message.body.empty()) {
    refused = Status(Code::kForbidden, "secure.required",
                     "this peer takes secure bodies only; X-Secure says which form");
  }
  if (!refused.ok()) {
    const bool is_call = message.kind == wire::Kind::kCall;
    (is_call ? metrics().calls_received : metrics().pushes_received).add();
    return refuse(message, refused);
  }
  if (exchange.reply_form != wire::SecureForm::kPlain) {
    exchange.method = method;
    if (next_extras_ == nullptr) next_extras_ = std::make_unique<Context::Extras>();
    next_extras_->secure = std::make_unique<internal::SecureExchange>(std::move(exchange));
  }
  serve(opened, memory);
  next_extras_.reset();  // refused before a context took it
}

Status Session::seal_reply(Context& context) {
  const internal::SecureExchange& exchange = *context.extras_->secure;
  const std::size_t metadata_bytes = context.reply_metadata_.size();
  context.add_reply_meta(wire::kSecureKey, wire::secure_value_of(exchange.reply_form));
  Buffer* out = context.begin_frame(exchange.body_codec);
  frame_open_ = false;
  const wire::BodyBinding binding{.kind = wire::Kind::kReply,
                                  .body_codec = exchange.body_codec,
                                  .method = exchange.method,
                                  .call = exchange.nonce.has_value() ? &*exchange.nonce : nullptr};
  const Result<wire::SecureNonce> sealed =
      peer_.options_.secure->seal(exchange.reply_form, binding, exchange.plain.view(), *out);
  if (sealed.ok()) return {};
  wire::Protocol::abandon(*out, *context.reply_);
  context.reply_.reset();
  context.reply_metadata_.resize(metadata_bytes);
  return Status(Code::kInternal, sealed.status().reason(), sealed.status().message());
}

void Session::open_reply(const internal::CallExtras& extras, wire::MessageView& message,
                         Status& status, Bytes& input) const {
  const internal::SecureCall& secure = *extras.secure;
  const Told told = told_by(message.metadata);
  if (told.form == wire::SecureForm::kPlain) {
    if (secure.reply_must_be_secure && status.ok() && !message.body.empty()) {
      status = Status(Code::kDecodeReplyFailed, "secure.reply_not_secure",
                      "a secure reply was asked for and a plain one came");
    }
    return;
  }
  const auto open_for = [&](const wire::SecureNonce* call) {
    return peer_.options_.secure->open(told.form,
                                       {.kind = wire::Kind::kReply,
                                        .body_codec = message.body_codec,
                                        .method = secure.method,
                                        .call = call},
                                       message, input);
  };
  Result<SecureBodies::Opened> owner =
      open_for(secure.nonce.has_value() ? &*secure.nonce : nullptr);
  for (const wire::SecureNonce& before : extras.earlier) {
    if (!owner.ok() && owner.status().reason() == "secure.not_authentic") owner = open_for(&before);
  }
  if (owner.ok()) {
    input = std::move(owner->owner);
    return;
  }
  status = Status(Code::kDecodeReplyFailed, owner.status().reason(), owner.status().message());
  message = wire::MessageView{};
  input = Bytes();
}

}  // namespace fairlead::rpc
