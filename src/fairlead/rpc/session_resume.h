// A numbered message while its handler works on it. Private to the session's sources.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "fairlead/rpc/duplicate_windows.h"

namespace fairlead::rpc::internal {

// Its end tells the window, if nothing else has.
struct Admitted {
  Admitted(io::Core& on, std::shared_ptr<SharedWindow> in, std::uint64_t number)
      : core(on), window(std::move(in)), id(number) {}
  Admitted(const Admitted&) = delete;
  Admitted& operator=(const Admitted&) = delete;
  ~Admitted() {
    if (window != nullptr) window->complete(id, nullptr, core.now());
  }

  io::Core& core;
  std::shared_ptr<SharedWindow> window;  // null: settled
  const std::uint64_t id;
  // Of its reply, which is under construction.
  std::size_t body_from = 0;
  std::string transforms{};
  std::uint8_t body_codec = 0;
};

}  // namespace fairlead::rpc::internal
