// ChatRoom: who is here and what was said last; what the server does for the methods of Chat.
//
//   say() ─► history, and one broadcast: encoded once, to every session that has entered
//   enter() ─► history to the new one, over its own connection; came() to the others
//   the hub tells the end of a session ─► left() to the others
//
// Who is here is known by the hub alone: a name is the id of a session. Cores share the history,
// and nothing else.
#pragma once

#include <cstddef>
#include <deque>
#include <string>
#include <string_view>

#include <fairlead/base/mutex.h>
#include <fairlead/fairlead.h>

#include "chat.h"

// Thread: any core. Lifetime: the App's.
class ChatRoom {
 public:
  static constexpr std::size_t kHistoryLinesMax = 50;
  static constexpr std::size_t kConnectionsMax = 1000;  // also those that have not entered

  // `admin_word`: who says it when entering may kick; empty: nobody may.
  ChatRoom(fl::Hub& hub, std::string admin_word) : hub_(hub), admin_word_(std::move(admin_word)) {}

  fl::Result<People> enter(fl::Context& context, EnterArg in) FL_EXCLUDES(mutex_);
  People who(WhoArg in) const;
  fl::Task<fl::Result<SayResult>> say(SayArg in);
  fl::Status whisper(WhisperArg in);
  fl::Status kick(KickArg in);

  // Of the hub: a session has ended.
  void on_closed(const fl::SessionRef& session);

 private:
  fl::Status check_entering(fl::Context& context, const EnterArg& in) const;
  fl::Broadcast tell_all(std::string from, std::string text) FL_EXCLUDES(mutex_);
  People people() const;

  fl::Hub& hub_;
  const std::string admin_word_;
  fl::Mutex mutex_;
  std::deque<Line> history_ FL_GUARDED_BY(mutex_);
  std::int64_t last_number_ FL_GUARDED_BY(mutex_) = 0;
};
