// Terminal: one who talks in the chat from a terminal. Serves Room, and calls Chat over the same
// connection with what is typed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <fairlead/fairlead.h>

#include "chat.h"
#include "keyboard.h"

// Thread: the one core of the program; made before it runs. Lifetime: the App's.
class Terminal {
 public:
  // `keys`: a pool of one thread, which waits for the keyboard. `admin_word`: empty for most.
  Terminal(const fl::Pool& keys, std::string name, std::string admin_word)
      : keys_(keys), name_(std::move(name)), admin_word_(std::move(admin_word)) {}

  // Enters, and talks until the input ends, or the connection. Gives the program's exit code.
  fl::Task<int> talk(fl::SessionRef server);
  // Of the hub: the connection has ended.
  void on_closed(const fl::SessionRef& server, const fl::Status& how);

  // What the chat pushes. The rules of the contract were checked: nothing here is invisible.
  void said(const Line& in);
  void whispered(const Line& in);
  void came(const Person& in);
  void left(const Person& in);
  void sent_away(Reason in) { why_ = std::move(in.text); }

 private:
  fl::Task<fl::Status> obey(fl::SessionRef server, std::string typed);

  const fl::Pool keys_;
  const std::string name_;
  const std::string admin_word_;
  Keyboard keyboard_;
  std::int64_t shown_ = 0;  // number of the last line; what comes again is not shown
  bool leaving_ = false;
  std::string why_;  // the chat's own words, when it sends us away
};
