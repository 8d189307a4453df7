#include "fairlead/wire/protocols/fast_v3.h"

#include <cstdint>
#include <utility>

#include "fairlead/wire/frame.h"
#include "fairlead/wire/protocols/frame_parts.h"
#include "fairlead/wire/protocols/v3_parts.h"

namespace fairlead::wire {
namespace {

constexpr std::size_t kVersionAt = internal::kLengthBytes;
constexpr std::size_t kCountAt = kVersionAt + 1;
constexpr std::size_t kIdsAt = kCountAt + 1;
constexpr char kVersion = 'f';

class FastReader {
 public:
  explicit FastReader(std::string_view payload) : rest_(payload) {}

  bool text(std::string_view& value) {
    if (rest_.size() < internal::kLengthBytes) return false;
    const std::size_t size = load_u32(rest_.data());
    rest_.remove_prefix(internal::kLengthBytes);
    if (size > rest_.size()) return false;
    value = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return true;
  }
  bool byte(std::uint8_t& value) {
    if (rest_.empty()) return false;
    value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return true;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

Status bad_layout() {
  return {Code::kBadMessage, "frame.bad_layout", "a length inside the fast frame passes its end"};
}

}  // namespace

Result<V3Message> parse_fast_v3(std::string_view input, const Limits& limits,
                                const TransformSet& transforms) {
  if (input.size() > limits.frame_bytes_max) {
    return fault_status(Fault::kTooBig, static_cast<std::uint32_t>(input.size()), limits);
  }
  if (input.size() < kIdsAt || load_u32(input.data()) != input.size()) {
    return fault_status(Fault::kBadSize, static_cast<std::uint32_t>(input.size()), limits);
  }
  const std::size_t count = static_cast<unsigned char>(input[kCountAt]);
  if (input[kVersionAt] != kVersion || kIdsAt + count > input.size()) return bad_layout();

  FL_TRY_ASSIGN(internal::V3Payload restored,
                internal::restore_v3(input.substr(kIdsAt, count), input.substr(kIdsAt + count),
                                     limits, transforms));
  V3Message message;
  FastReader reader(restored.payload);
  if (!reader.text(message.seq) || !reader.byte(message.kind) || !reader.text(message.uri) ||
      !reader.text(message.metadata) || !reader.byte(message.body_codec)) {
    return bad_layout();
  }
  message.body = reader.rest();
  message.transforms = restored.transforms;
  message.owner = std::move(restored.owner);
  return message;
}

}  // namespace fairlead::wire
