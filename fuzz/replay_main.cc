// fuzz_replay TARGET PATH...: runs files, and all files of folders, through one target. Any
// compiler can build it, so the corpora are replayed wherever tests run.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "targets.h"

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(int count, char** paths) {
  std::vector<fs::path> files;
  for (int i = 0; i < count; ++i) {
    if (!fs::is_directory(paths[i])) {
      files.emplace_back(paths[i]);
      continue;
    }
    for (const auto& entry : fs::directory_iterator(paths[i])) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

// Input in a block of its exact size, so that the address sanitizer sees one byte too far; then
// each of its beginnings, which is what a peer that dies leaves behind.
void run(const fairlead::fuzz::Target& target, const std::string& input) {
  constexpr std::size_t kCutsMax = 512;
  for (std::size_t size = std::min(input.size(), kCutsMax); size > 0; --size) {
    const auto copy = std::make_unique<char[]>(size);
    std::copy_n(input.data(), size, copy.get());
    target.run({copy.get(), size});
  }
  target.run(input);
  target.run({});
}

}  // namespace

int main(int argc, char** argv) {
  const auto* target = argc > 2 ? fairlead::fuzz::find_target(argv[1]) : nullptr;
  if (target == nullptr) {
    std::fprintf(stderr, "fuzz_replay TARGET PATH...; targets are the folders of fuzz/corpus\n");
    return 2;
  }
  int ran = 0;
  for (const fs::path& path : files_of(argc - 2, argv + 2)) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "fuzz_replay: cannot read %s\n", path.c_str());
      return 1;
    }
    std::printf("%s\n", path.filename().c_str());
    std::fflush(stdout);  // the last name printed is the one that broke
    run(*target, {std::istreambuf_iterator<char>(file), {}});
    ++ran;
  }
  std::printf("%d inputs of %s\n", ran, argv[1]);
  return ran > 0 ? 0 : 1;
}
