#include "chat_room.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fairlead/base/time.h>

namespace {

// What a session's values say of who is at its other end.
bool entered(const fairlead::rpc::Session& session) {
  return session.values().get("name").has_value();
}

// Those that have not entered are called by their address, which has a colon.
bool is_name(std::string_view id) { return id.find(':') == std::string_view::npos; }

// In a time that does not tell how much of a guess is right.
bool same_word(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  int differ = 0;
  for (std::size_t i = 0; i < a.size(); ++i) differ |= a[i] ^ b[i];
  return differ == 0;
}

}  // namespace

fl::Status ChatRoom::check_entering(fl::Context& context, const EnterArg& in) const {
  if (!context.session().open()) {
    return fl::error(kNoConnection, "nobody can talk to a single request: keep a connection");
  }
  const auto name = context.session().values().get("name");
  if (name.has_value() && *name != in.name) {
    return fl::error(kOtherName, "you are here as " + std::string(*name));
  }
  if (!in.admin_word.empty() && !same_word(in.admin_word, admin_word_)) {
    return fl::error(kNotAdmin, "that is not the word of the admin");
  }
  if (hub_.count() > kConnectionsMax) return fl::error(kFull, "the room is full");
  return {};
}

// What is said meanwhile, on other cores, may reach the new one twice, as history and as a
// broadcast: that is what lines have numbers for.
fl::Result<People> ChatRoom::enter(fl::Context& context, EnterArg in) {
  FL_TRY(check_entering(context, in));
  const fl::SessionRef self = hub_.of(context);
  const std::optional<fl::SessionRef> first = hub_.find(in.name);
  if (first == self) return people();
  if (first.has_value()) first->as<Room>().sent_away({.text = "you entered from elsewhere"});
  FL_TRY(self.set_id(in.name));  // sends away who had that name

  fairlead::rpc::SessionValues& values = context.session().values();
  FL_TRY(values.set("name", in.name));
  if (!in.admin_word.empty()) FL_TRY(values.set("admin", "yes"));
  {
    const fl::MutexLock lock(mutex_);
    for (const Line& line : history_) self.as<Room>().said(line);  // we are on its core: at once
  }
  if (!first.has_value()) {
    const auto others = [name = in.name](const fairlead::rpc::Session& session) {
      return entered(session) && session.values().get("name") != name;
    };
    hub_.some<Room>(others).came({.name = in.name});
  }
  return people();
}

// The lock keeps the order of numbers that of broadcasts.
fl::Broadcast ChatRoom::tell_all(std::string from, std::string text) {
  const fl::MutexLock lock(mutex_);
  if (history_.size() == kHistoryLinesMax) history_.pop_front();
  history_.push_back({.number = ++last_number_,
                      .at_ms = fairlead::wall_ms(),
                      .from = std::move(from),
                      .text = std::move(text)});
  return hub_.some<Room>(entered).said(history_.back());
}

fl::Task<fl::Result<SayResult>> ChatRoom::say(SayArg in) {
  auto telling = tell_all(std::move(in.from), std::move(in.text));
  FL_CO_TRY_ASSIGN(const fl::BroadcastResult told, co_await telling);
  co_return SayResult{.reached = static_cast<std::int64_t>(told.sent),
                      .skipped = static_cast<std::int64_t>(told.skipped)};
}

fl::Status ChatRoom::whisper(WhisperArg in) {
  const std::optional<fl::SessionRef> to = hub_.find(in.to);
  if (!to.has_value()) return fl::error(kNobody, "nobody here is called " + in.to);
  to->as<Room>().whispered(
      {.at_ms = fairlead::wall_ms(), .from = std::move(in.from), .text = std::move(in.text)});
  return {};
}

fl::Status ChatRoom::kick(KickArg in) {
  const std::optional<fl::SessionRef> who = hub_.find(in.name);
  if (!who.has_value()) return fl::error(kNobody, "nobody here is called " + in.name);
  who->as<Room>().sent_away({.text = "you were kicked by an admin"});
  who->kick("kicked by an admin");  // what was pushed leaves before
  return {};
}

People ChatRoom::who(WhoArg) const { return people(); }

People ChatRoom::people() const {
  People here;
  hub_.for_each([&here](const fl::SessionRef& session) {
    std::string id = session.id();
    if (is_name(id)) here.names.push_back(std::move(id));
  });
  std::ranges::sort(here.names);
  return here;
}

// On the session's core; its values can be read for the last time.
void ChatRoom::on_closed(const fl::SessionRef& session) {
  const auto name = session.values()->get("name");
  if (!name.has_value() || hub_.find(*name).has_value()) return;  // somebody else is it now
  hub_.some<Room>(entered).left({.name = std::string(*name)});
}
