// A peer that is not ours: writes frames by hand and ends in ways in which ours never would.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "fairlead/io/core.h"
#include "fairlead/io/simulation.h"

namespace fairlead::simulation {

// Calls /echo a few times, then ends its sending (perhaps inside a frame) and reads on, resets, or
// falls silent. Or asks for far more than it ever reads.
class Stranger final : private io::StreamHandler {
 public:
  using Fail = std::function<void(std::string what)>;

  // Takes a connection that was just made. `fail` hears of replies that are wrong.
  Stranger(io::Simulation& simulation, io::Core& core, std::unique_ptr<io::Stream> stream,
           Fail fail);
  ~Stranger();
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  // `greed_bytes`: how much a greedy one asks for with each call.
  void speak(std::size_t greed_bytes);
  void abort();
  bool gone() const { return gone_; }

 private:
  io::ReadResult on_read(const Bytes& input) override;
  void on_end() override { stream_->close(); }
  void on_close(Status) override { gone_ = true; }
  void check(std::int32_t seq, std::string_view body);
  void call(Buffer& frames, std::string_view method, std::int32_t seq, std::string body);
  void ask_for_much(std::size_t bytes);
  void send(std::string_view bytes);

  io::Simulation& simulation_;
  io::Core& core_;
  std::unique_ptr<io::Stream> stream_;
  const Fail fail_;
  std::map<std::int32_t, std::string> asked_;  // by number, until the reply comes
  bool gone_ = false;
};

}  // namespace fairlead::simulation
