// Targets: what a peer says of messages that come again, and the window that they meet.
#include <string>

#include "fairlead/base/check.h"
#include "fairlead/rpc/duplicate_window.h"
#include "fairlead/rpc/resume_words.h"
#include "targets.h"

namespace fairlead::fuzz {

void resume_words(std::string_view input) {
  if (const auto secret = rpc::ResumeSecret::parse(input)) {
    FL_CHECK(secret->text() == input);
    FL_CHECK(secret->equals(*rpc::ResumeSecret::parse(secret->text())));
  }
  if (const auto name = rpc::parse_hex(input)) FL_CHECK(rpc::hex_text(*name) == input);
  if (const auto id = rpc::parse_message_id(input)) FL_CHECK(std::to_string(*id) == input);
}

// Two bytes a step: what happens, and to which number. No number is served twice.
void duplicate_window(std::string_view input) {
  using Window = rpc::DuplicateWindow;
  const rpc::DuplicateOptions options{.ids_max = 8, .reply_bytes_max = 1000};
  Window window;
  Time now{std::chrono::hours(1)};
  std::string served(256, '\0');
  int waiting = 0;
  const auto waiter = [&waiting](const std::shared_ptr<const rpc::KeptReply>&) { --waiting; };
  for (std::size_t at = 0; at + 1 < input.size(); at += 2) {
    const auto step = static_cast<unsigned char>(input[at]);
    const auto id = static_cast<unsigned char>(input[at + 1]);
    if (step % 4 == 0) {
      auto reply = std::make_shared<rpc::KeptReply>();
      reply->body.assign(step, 'x');
      for (const auto& one : window.complete(id, reply, options, now)) one(reply);
    } else if (step % 4 == 1) {
      now += std::chrono::seconds(step);
    } else {
      const auto answer = window.look(id, step % 16 == 2 ? 1 : 0, options, now, 1, waiter);
      if (answer.seen == Window::Seen::kNew) FL_CHECK(served[id]++ == 0);
      if (answer.seen == Window::Seen::kInProgress) ++waiting;
    }
    FL_CHECK(window.ids() <= options.ids_max && waiting >= 0);
    FL_CHECK(window.reply_bytes() <= options.reply_bytes_max);
  }
}

}  // namespace fairlead::fuzz
