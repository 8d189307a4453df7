// fairlead_fuzz TARGET [libFuzzer's folders and options]: one target under libFuzzer.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "targets.h"

namespace {
const fairlead::fuzz::Target* chosen = nullptr;
}  // namespace

// Takes the target's name off the arguments before libFuzzer reads them.
extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const std::string_view word = *argc > 1 ? (*argv)[1] : "";
  if (word == "--list") {
    for (const auto& target : fairlead::fuzz::targets()) {
      std::printf("%s\n", std::string(target.name).c_str());
    }
    std::exit(0);
  }
  // Child processes of libFuzzer (-fork, -merge) get the name from the environment.
  const char* inherited = std::getenv("FL_FUZZ_TARGET");
  chosen = fairlead::fuzz::find_target(word);
  if (chosen != nullptr) {
    ::setenv("FL_FUZZ_TARGET", std::string(word).c_str(), 1);
    for (int i = 1; i < *argc; ++i) (*argv)[i] = (*argv)[i + 1];
    --*argc;
  } else if (inherited != nullptr) {
    chosen = fairlead::fuzz::find_target(inherited);
  }
  if (chosen == nullptr) {
    std::fprintf(stderr, "fairlead_fuzz: say which target first; --list names them\n");
    std::exit(2);
  }
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  chosen->run({reinterpret_cast<const char*>(data), size});
  return 0;
}
