#include "fairlead/runtime/memory_limit.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "fairlead/base/text.h"

// Of mimalloc, in programs that are linked with it.
extern "C" __attribute__((weak)) void mi_collect(bool force);

namespace fairlead::runtime {
namespace {

std::optional<std::uint64_t> number_in_file(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  if (!(file >> word)) return std::nullopt;
  return parse_uint64(word);  // "max" is none
}

// The limits of a cgroup and of all above it, from "/a/b" to "/".
std::uint64_t least_limit(const std::string& mount, std::string group, const char* name) {
  std::uint64_t least = ~std::uint64_t{0};
  while (true) {
    least = std::min(least, number_in_file(mount + group + "/" + name).value_or(least));
    if (group.empty()) return least;
    group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
}

}  // namespace

std::uint64_t memory_limit(const std::string& root) {
  const auto pages = static_cast<std::uint64_t>(std::max(1L, sysconf(_SC_PHYS_PAGES)));
  std::uint64_t limit = pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  // A line is "0::/group" (version 2) or "7:cpu,memory:/group" (version 1).
  std::ifstream groups(root + "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first == std::string::npos ? first : first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    std::string group = line.substr(second + 1);
    if (group == "/") group.clear();
    if (controllers == ",,") {
      limit = std::min(limit, least_limit(root + "sys/fs/cgroup", group, "memory.max"));
    } else if (controllers.find(",memory,") != std::string::npos) {
      limit = std::min(limit,
                       least_limit(root + "sys/fs/cgroup/memory", group, "memory.limit_in_bytes"));
    }
  }
  return std::max<std::uint64_t>(limit, 1);
}

std::uint64_t memory_used() {
  // Without a byte of the heap: it is asked for some times a second, also when there is none left.
  const int file = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  char text[128];
  const ssize_t count = ::read(file, text, sizeof(text));
  ::close(file);
  // "whole resident shared ...", in pages
  const std::string_view words(text, count > 0 ? static_cast<std::size_t>(count) : 0);
  const std::size_t begin = words.find(' ');
  if (begin == std::string_view::npos) return 0;
  const std::string_view rest = words.substr(begin + 1);
  const std::uint64_t resident = parse_uint64(rest.substr(0, rest.find(' '))).value_or(0);
  return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void release_idle_memory() {
  if (mi_collect != nullptr) mi_collect(true);
  malloc_trim(0);
}

}  // namespace fairlead::runtime
