// Predecessor: the process whose place this one takes, as it is seen from here.
//
//   find() ─► take_sockets() ─► listen, register ─► take_over(): it stops, this one serves on
//
// The other side is upgrade.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/io/listening_sockets.h"

namespace fairlead::runtime {

struct HandOver;

// Thread: the main thread: both calls may block.
class Predecessor {
 public:
  // Null: this process was started in the usual way. Takes the variable that says so away: call it
  // once, before there are threads. Errors: kInvalidOperation `upgrade.bad_hand_over`: there is
  // something, and it is no process of ours, or of another version.
  static Result<std::unique_ptr<Predecessor>> find();
  Predecessor(const Predecessor&) = delete;
  Predecessor& operator=(const Predecessor&) = delete;
  ~Predecessor();

  // How many processes there were, this one included; 2 and more.
  std::uint32_t generation() const { return generation_; }
  // Its id in the registry, with which this process goes on; empty: it had none.
  const std::string& instance() const { return instance_; }
  // Its listening sockets, whose descriptors are the caller's then. Once.
  std::vector<io::ListeningSockets::Socket> take_sockets();
  // Says that this process serves, and waits until the old one has heard it. Also when the old one
  // is gone without a word, this one serves on. Errors: kCancelled `upgrade.called_off`: the old
  // one goes on, or says nothing within `patience`; this process must end.
  Status take_over(Duration patience = std::chrono::seconds(10));

 private:
  Predecessor(int control, HandOver hand_over);

  const int control_;  // our end of the pair, ours
  const std::uint32_t generation_;
  const std::string instance_;
  std::vector<io::ListeningSockets::Socket> sockets_;  // descriptors are ours until taken
};

}  // namespace fairlead::runtime
