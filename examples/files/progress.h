// Progress: one line in a terminal that says how far a transfer is.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>

#include <fairlead/fairlead.h>

// Draws at most ten times a second, and only where somebody looks. Thread: one owner.
class Progress {
 public:
  explicit Progress(std::string name)
      : name_(std::move(name)), terminal_(::isatty(STDOUT_FILENO) == 1) {}

  // `there`: bytes that need not travel.
  void begin(std::int64_t there, std::int64_t bytes, fl::Time now) {
    if (there > 0) say("resuming at " + std::to_string(there) + " of " + std::to_string(bytes));
    done_ = begin_ = there;
    bytes_ = bytes;
    since_ = now;
  }
  void add(std::int64_t bytes, fl::Time now) {
    done_ += bytes;
    moved_ = true;
    if (!terminal_ || (now - drawn_ < std::chrono::milliseconds(100) && done_ != bytes_)) return;
    drawn_ = now;
    const double seconds = std::max(1e-3, std::chrono::duration<double>(now - since_).count());
    std::printf("\r%s  %.1f of %.1f MiB  %3.0f %%  %.1f MiB/s\x1b[K", name_.c_str(), mib(done_),
                mib(bytes_), 100.0 * static_cast<double>(done_) / static_cast<double>(bytes_),
                mib(done_ - begin_) / seconds);
    std::fflush(stdout);
  }
  // A line of its own.
  void say(const std::string& line) {
    end_line();
    std::printf("%s: %s\n", name_.c_str(), line.c_str());
    std::fflush(stdout);
  }
  void end_line() {
    if (drawn_ == fl::Time()) return;
    std::printf("\n");
    std::fflush(stdout);
    drawn_ = fl::Time();
  }
  // Whether something came further since it was asked last.
  bool take_moved() { return std::exchange(moved_, false); }

 private:
  static double mib(std::int64_t bytes) { return static_cast<double>(bytes) / (1024.0 * 1024.0); }

  const std::string name_;
  const bool terminal_;
  std::int64_t begin_ = 0;
  std::int64_t done_ = 0;
  std::int64_t bytes_ = 0;
  fl::Time since_;
  fl::Time drawn_;  // epoch: the cursor is at the beginning of a line
  bool moved_ = false;
};
