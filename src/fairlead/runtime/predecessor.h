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

#include "fairlead/async/event.h"
#include "fairlead/async/task.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/io/core.h"
#include "fairlead/io/listening_sockets.h"

namespace fairlead::runtime {

struct HandOver;

// Thread: find() before there are threads, then the core that listens. Destroying it tells the old
// process that whoever looks for this one finds it, or that it has failed.
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
  // is gone without a word, this one serves on. Once. Errors: kCancelled `upgrade.called_off`: the
  // old one goes on and cannot give way any more, because it said so, said nothing within
  // `patience`, or give_up() came before its word; this process must end. Those of
  // io::Core::watch_readable().
  Task<Status> take_over(io::Core& core, Duration patience = std::chrono::seconds(10));
  // This process ends: take_over() is over soon, and has failed unless the old one has given way.
  void give_up() { heard_.set(); }

 private:
  Predecessor(int control, HandOver hand_over);

  const int control_;  // our end of the pair, ours
  const std::uint32_t generation_;
  const std::string instance_;
  std::vector<io::ListeningSockets::Socket> sockets_;  // descriptors are ours until taken
  Event heard_;                                        // a word, its end, or that we give up
};

}  // namespace fairlead::runtime
