// UntilEof: ends the program, as TERM would, when its input ends: for a server that must not
// outlive whoever started it.
#pragma once

#include <thread>

namespace teleport_peer {

// Thread: made and destroyed by main.
class UntilEof {
 public:
  // Make it when the program has taken over its signals (App::on_ready).
  UntilEof();
  ~UntilEof();
  UntilEof(const UntilEof&) = delete;
  UntilEof& operator=(const UntilEof&) = delete;

 private:
  void watch() const;

  int wake_;  // an eventfd that ends the watch
  std::thread thread_;
};

}  // namespace teleport_peer
