// What the tests of Entrance share: one end of a connection.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "fairlead/io/core.h"
#include "fairlead/io/stream.h"

namespace fairlead::rpc {

// Collects what comes to one end of a connection. Destroyed outside of the core's turns.
struct End final : io::StreamHandler {
  End(io::Core& owner, std::unique_ptr<io::Stream> made) : core(owner), stream(std::move(made)) {
    stream->start(*this);
  }
  End(const End&) = delete;
  End& operator=(const End&) = delete;
  io::ReadResult on_read(const Bytes& input) override {
    received.append(input.view());
    if (echo) write(input.view());
    return {input.size(), 0};
  }
  void on_end() override {
    received_at_end = received;
    ended = true;
    stream->close();
  }
  void on_close(Status status) override {
    closed = true;
    why = std::move(status);
  }
  void write(std::string_view text) {
    stream->output().append(text);
    stream->wrote();
  }

  io::Core& core;
  std::unique_ptr<io::Stream> stream;
  std::string door;  // which one it came through
  std::string received;
  std::string received_at_end;
  bool echo = false;
  bool ended = false;
  bool closed = false;
  Status why;
};

}  // namespace fairlead::rpc
