#include "fairlead/runtime/program_start.h"

#include <sys/auxv.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "fairlead/base/text.h"

namespace fairlead::runtime {

Result<ProgramStart> ProgramStart::of_this_process() {
  const Status unknown(Code::kInternal, "upgrade.no_program",
                       "the system does not say how this process was started (is /proc there?)");
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string words((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  const auto* const name = reinterpret_cast<const char*>(getauxval(AT_EXECFN));
  if (words.empty() || name == nullptr) return unknown;
  std::error_code failed;
  std::filesystem::path program = std::filesystem::absolute(name, failed);
  // Started by a sanitizer or a tool by way of its own descriptor: that names whoever asks.
  if (!failed && program.string().starts_with("/proc/")) {
    program = std::filesystem::read_symlink("/proc/self/exe", failed);
  }
  if (failed) return unknown;
  ProgramStart start{.program = program.string()};
  // Each word ends with a zero, the last one too.
  for (const std::string_view word :
       split(std::string_view(words).substr(0, words.size() - 1), '\0'))
    start.arguments.emplace_back(word);
  return start;
}

}  // namespace fairlead::runtime
