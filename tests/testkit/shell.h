// What other people's programs say, for tests that ask them.
#pragma once

#include <array>
#include <cstdio>
#include <string>

#include <gtest/gtest.h>

namespace fairlead::testkit {

// What a command prints, to both of its outputs.
inline std::string output_of(const std::string& command) {
  std::string text;
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  EXPECT_NE(pipe, nullptr);
  if (pipe == nullptr) return text;
  std::array<char, 4096> part{};
  while (const std::size_t size = fread(part.data(), 1, part.size(), pipe)) {
    text.append(part.data(), size);
  }
  pclose(pipe);
  return text;
}

}  // namespace fairlead::testkit
