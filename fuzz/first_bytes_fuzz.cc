// Target: what a connection speaks, told by its first bytes.
#include <algorithm>
#include <memory>

#include "fairlead/base/check.h"
#include "fairlead/rpc/first_bytes.h"
#include "targets.h"

namespace fairlead::fuzz {
namespace {

using rpc::FirstBytes;

bool may_be(FirstBytes answer, const rpc::ExpectedBytes& expected) {
  switch (answer) {
    case FirstBytes::kFrame:
      return expected.frames;
    case FirstBytes::kThrift:
      return expected.thrift;
    case FirstBytes::kHttp:
    case FirstBytes::kHttp2:
      return expected.http;
    case FirstBytes::kTls:
      return expected.tls;
    case FirstBytes::kNeedMore:
    case FirstBytes::kUnknown:
      return true;
  }
  return false;
}

}  // namespace

// The first byte says what may come; the rest are the bytes of the connection, cut everywhere.
void first_bytes(std::string_view input) {
  if (input.empty()) return;
  const auto bits = static_cast<unsigned char>(input.front());
  input.remove_prefix(1);
  const rpc::ExpectedBytes expected{.frames = (bits & 1U) != 0,
                                    .thrift = (bits & 2U) != 0,
                                    .http = (bits & 4U) != 0,
                                    .tls = (bits & 8U) != 0};
  const FirstBytes whole = rpc::classify_first_bytes(input, expected);
  FL_CHECK(may_be(whole, expected));
  if (whole == FirstBytes::kUnknown) FL_CHECK(!rpc::describe_first_bytes(input).empty());
  bool decided = false;
  for (std::size_t size = 0; size <= std::min(input.size(), 2 * rpc::kFirstBytesMax); ++size) {
    // A block of its own, so that the address sanitizer sees one byte too far.
    const auto cut = std::make_unique<char[]>(size);
    std::copy_n(input.data(), size, cut.get());
    const FirstBytes answer = rpc::classify_first_bytes({cut.get(), size}, expected);
    FL_CHECK(answer == whole || (!decided && answer == FirstBytes::kNeedMore));
    decided = answer != FirstBytes::kNeedMore;
    FL_CHECK(decided || size < rpc::kFirstBytesMax);
  }
}

}  // namespace fairlead::fuzz
