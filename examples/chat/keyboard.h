// Keyboard: lines of standard input, for a thread that may wait for them.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

class Keyboard {
 public:
  static constexpr std::size_t kLineBytesMax = 4096;  // what is longer comes in parts

  Keyboard();
  ~Keyboard();
  Keyboard(const Keyboard&) = delete;
  Keyboard& operator=(const Keyboard&) = delete;

  // The next line; none at the end of the input, or after close(). Waits; one thread at a time.
  std::optional<std::string> next_line();
  // Ends the waiting, now and later. Any thread.
  void close();

 private:
  bool wait_for_input() const;
  std::string take(std::size_t bytes);

  int closed_;  // an eventfd: readable after close()
  bool ended_ = false;
  std::string typed_;
};
