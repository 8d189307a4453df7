// Messages with numbers, which may come again. The dialling side shows a secret and numbers what
// its ResendLine sends; the accepting side keeps a window of what it has served.
#include "fairlead/rpc/session_resume.h"

#include <bit>
#include <functional>
#include <utility>

#include "fairlead/rpc/resend_line.h"
#include "fairlead/rpc/session_control.h"
#include "fairlead/rpc/session_frame.h"
#include "fairlead/rpc/session_seldom.h"
#include "fairlead/wire/metadata.h"
#include "fairlead/wire/status_text.h"

namespace fairlead::rpc {
namespace {

// Tells messages apart. Sealed bodies differ whenever they are sealed.
std::uint64_t print_of(const wire::MessageView& message) {
  const std::hash<std::string_view> hash;
  const bool sealed = wire::find_in_encoded(message.metadata, wire::kSecureKey).has_value();
  const std::uint64_t body = sealed ? 0 : hash(message.body);
  return std::rotl<std::uint64_t>(hash(message.method), 21) ^ body ^
         (static_cast<std::uint64_t>(message.kind) << 8 | message.body_codec);
}

Status dropped() {
  return Status(Code::kConflict, "resend.reply_dropped",
                "the message was served before, and its answer is not kept");
}

Status full() {
  return Status(Code::kOverloaded, "dedup.full", "too much is under way for this sender");
}

std::string text_of(const Status& status) {
  std::string text;
  wire::append_status_text(text, status);
  return text;
}

bool says_refused(std::string_view metadata) {
  return !metadata.empty() && wire::find_in_encoded(metadata, wire::kRefusedKey).has_value();
}

// What is told of a message that is neither served nor answered from the window.
Status refusal(DuplicateWindow::Seen seen) {
  switch (seen) {
    case DuplicateWindow::Seen::kForgotten:
      return Status(Code::kUnknownError, "resend.forgotten",
                    "the message is older than the window: it may have been served");
    case DuplicateWindow::Seen::kOther:
      return Status(Code::kBadMessage, "resend.other_message",
                    "the number belonged to another message");
    case DuplicateWindow::Seen::kFull:
    case DuplicateWindow::Seen::kCrowded:
      return full();
    default:
      return dropped();
  }
}

}  // namespace

// ---- the dialling side

void Session::show_secret() {
  if (hello_waits()) return;  // when it is answered, again
  say_hello();
  if (!hello_waits()) line()->answered(*this, 0, true);
}

bool Session::line_waits() const { return line() != nullptr && line()->waits_on(*this); }

bool Session::waits_for_answers() const { return a_call_waits() || line_waits(); }

void Session::add_resume_words(std::string& metadata) const {
  if (line() != nullptr) wire::append_metadata_pair(metadata, "resume", line()->secret_.text());
  if (has_window_) {
    wire::append_metadata_pair(metadata, "window", hex_text(seldom_->lease->window()->name()));
  }
}

// `heard`: the peer answered our hello, in whatever way.
void Session::hear_window(bool showed_secret, bool heard, std::string_view metadata) {
  if ((features_ & kResumes) == 0) return line()->answered(*this, 0, heard);
  if (!showed_secret) return say_hello();
  const std::string name = wire::find_in_encoded(metadata, "window").value_or("");
  line()->answered(*this, parse_hex(name).value_or(0), true);
}

void Session::hear_ack(std::string_view metadata) {
  const auto id = parse_message_id(wire::find_in_encoded(metadata, "id").value_or(""));
  if (line() == nullptr || !id.has_value()) return;
  const std::string status = wire::find_in_encoded(metadata, "status").value_or("");
  Status told = wire::parse_status_text(status);
  line()->acknowledged(*id, told.ok() ? std::move(told) : judged(std::move(told), metadata));
}

// ---- the accepting side

void Session::take_window(std::string_view metadata) {
  if ((features_ & kResumes) == 0 || dialled()) return;
  const auto secret = ResumeSecret::parse(wire::find_in_encoded(metadata, "resume").value_or(""));
  if (!secret.has_value()) return;
  seldom().lease = peer_.options_.windows->take(*secret, core());
  has_window_ = seldom_->lease != nullptr;
  if (!has_window_) {  // and it sends without numbers
    return peer_.hit(observe::Bound::kWindows, peer_.options_.windows->options().windows_max);
  }
  std::shared_ptr<Session*>& self = seldom().self;
  if (self == nullptr) self = std::make_shared<Session*>(this);
}

bool Session::admit(const wire::MessageView& message) {
  if (message.metadata.empty() || message.method.starts_with(kControlPrefix)) return true;
  const auto text = wire::find_in_encoded(message.metadata, wire::kMessageIdKey);
  if (!text.has_value()) return true;
  const bool is_call = message.kind == wire::Kind::kCall;
  const std::optional<std::uint64_t> id = parse_message_id(*text);
  if (!id.has_value()) {
    (is_call ? metrics().calls_received : metrics().pushes_received).add();
    refuse(message, Status(Code::kBadMessage, "resend.bad_id", "X-Fl-Id is no message's number"));
    return false;
  }
  const auto waiter = [core = &core(), self = seldom().self, seq = message.seq, kind = message.kind,
                       transforms = std::string(message.transforms),
                       number = *id](std::shared_ptr<const KeptReply> reply) {
    core->post([self, seq, kind, transforms, number, reply = std::move(reply)] {
      if (*self != nullptr) (*self)->answer_again(seq, kind, transforms, number, reply.get());
    });
  };
  const std::shared_ptr<internal::SharedWindow>& window = seldom_->lease->window();
  std::optional<DuplicateWindow::Answer> answer =
      window->look(*id, print_of(message), core().now(), seldom_->lease->owner(), waiter);
  if (answer.has_value() && answer->seen == DuplicateWindow::Seen::kNew) {
    next_extras_ = std::make_unique<Context::Extras>();
    next_extras_->admitted = std::make_unique<internal::Admitted>(core(), window, *id);
    return true;
  }
  (is_call ? metrics().calls_received : metrics().pushes_received).add();
  if (answer.has_value()) {
    repeat(message, *id, *answer);
  } else if (is_call) {
    reply_error(message, {},
                Status(Code::kOverloaded, "resend.superseded",
                       "another connection has shown the secret of this one"));
  }
  return false;
}

void Session::repeat(const wire::MessageView& message, std::uint64_t id,
                     const DuplicateWindow::Answer& answer) {
  using enum DuplicateWindow::Seen;
  if (answer.seen == kFull) {
    refuse(message, full());
    if (message.kind == wire::Kind::kPush) acknowledge(id, text_of(full()), true);
    return;
  }
  const bool hit = answer.seen == kInProgress || answer.seen == kReplied || answer.seen == kDropped;
  if (hit) metrics().dedup_hits.add();
  if (answer.seen == kInProgress) return;
  if (answer.seen == kReplied || answer.seen == kDropped) {
    return answer_again(message.seq, message.kind, message.transforms, id, answer.reply.get());
  }
  const Status refused = refusal(answer.seen);
  if (message.kind == wire::Kind::kCall) return reply_error(message, {}, refused);
  acknowledge(id, text_of(refused));
}

// `reply`: null when it is not kept.
void Session::answer_again(std::int32_t seq, wire::Kind kind, std::string_view transforms,
                           std::uint64_t id, const KeptReply* reply) {
  if (state_ == State::kClosed || cut()) return;
  if (reply == nullptr) {  // perhaps it was an error, so there is no OK in its place
    if (kind == wire::Kind::kPush) return acknowledge(id, text_of(dropped()));
    return reply_error({.seq = seq, .kind = kind, .transforms = transforms}, {}, dropped());
  }
  if (kind == wire::Kind::kPush) {
    return acknowledge(id, reply->status, says_refused(reply->metadata));
  }
  const wire::FrameStart start = begin_on_wire({.seq = seq,
                                                .kind = wire::Kind::kReply,
                                                .body_codec = reply->body_codec,
                                                .status = reply->status,
                                                .metadata = reply->metadata,
                                                .transforms = reply->transforms});
  stream_->output().append(reply->body);
  if (send_frame(start, Bytes(), peer_.options_.transforms).ok()) bound_unsent();
}

void Session::acknowledge(std::uint64_t id, std::string_view status, bool refused) {
  if (state_ == State::kClosed || cut()) return;
  std::string metadata;
  wire::append_metadata_pair(metadata, "id", std::to_string(id));
  if (!status.empty()) wire::append_metadata_pair(metadata, "status", status);
  if (refused) wire::append_metadata_pair(metadata, wire::kRefusedKey, "1");
  push_control(kAckMethod, metadata);
}

void Session::settle(Context& context, const Status& status) {
  internal::Admitted& numbered = *context.admitted();
  if (numbered.window == nullptr) return;
  auto kept = std::make_shared<KeptReply>();
  kept->transforms = context.message_.transforms;
  if (!status.ok()) {
    kept->status = text_of(status);
  } else if (context.kind() == wire::Kind::kCall) {
    if (!context.reply_.has_value()) {
      context.begin_frame(wire::kNoCodec);
      frame_open_ = false;
    }
    kept->body_codec = numbered.body_codec;
    kept->transforms = numbered.transforms;
    kept->body = stream_->output().view().substr(numbered.body_from);
    kept->body.append(context.shared_body_.view());
  }
  kept->metadata = context.reply_metadata_;
  if (context.kind() == wire::Kind::kPush) {
    acknowledge(numbered.id, kept->status, says_refused(kept->metadata));
  }
  std::exchange(numbered.window, nullptr)->complete(numbered.id, std::move(kept), core().now());
}

// Of a message whose connection is ended before a handler ran: it is not served when it comes again
// either, and told why.
void Session::settle_refused(const wire::MessageView& message, const Status& status) {
  internal::Admitted& numbered = *next_extras_->admitted;
  auto kept = std::make_shared<KeptReply>();
  kept->status = text_of(status);
  kept->metadata = kRefusedMark;
  kept->transforms = message.transforms;
  std::exchange(numbered.window, nullptr)->complete(numbered.id, std::move(kept), core().now());
}

}  // namespace fairlead::rpc
