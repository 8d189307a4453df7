#include "fairlead/wire/protocols/fast_v3.h"

#include <algorithm>
#include <string>
#include <utility>

#include "fairlead/compress/gzip.h"
#include "fairlead/wire/frame.h"
#include "fairlead/wire/protocols/frame_parts.h"

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

Status restore(const TransformSet& transforms, std::uint8_t id, std::string_view input,
               std::size_t bytes_max, Buffer& output) {
  if (id == 'g') {
    compress::InflateLimits limits;
    limits.bytes_max = bytes_max;
    limits.may_be_cut = true;
    return compress::gunzip(input, limits, output);
  }
  const char text = static_cast<char>(id);
  return transforms.unpack({&text, 1}, input, bytes_max, output);
}

Status bad_layout() {
  return {Code::kBadMessage, "frame.bad_layout", "a length inside the fast frame passes its end"};
}

}  // namespace

Result<FastMessage> parse_fast_v3(std::string_view input, const Limits& limits,
                                  const TransformSet& transforms) {
  if (input.size() > limits.frame_bytes_max) {
    return fault_status(Fault::kTooBig, static_cast<std::uint32_t>(input.size()), limits);
  }
  if (input.size() < kIdsAt || load_u32(input.data()) != input.size()) {
    return fault_status(Fault::kBadSize, static_cast<std::uint32_t>(input.size()), limits);
  }
  const std::size_t count = static_cast<unsigned char>(input[kCountAt]);
  if (input[kVersionAt] != kVersion || kIdsAt + count > input.size()) return bad_layout();

  FastMessage message;
  message.transforms = input.substr(kIdsAt, count);
  Buffer current(input.substr(kIdsAt + count));
  for (const char id : message.transforms) {
    Buffer next;
    FL_TRY(restore(transforms, static_cast<std::uint8_t>(id), current.view(),
                   limits.frame_bytes_max, next));
    current.swap(next);
  }
  current.append(message.transforms);  // behind the payload: one owner for all views
  message.owner = Bytes(current.view());
  const std::size_t payload_size = current.size() - count;
  message.transforms = message.owner.view().substr(payload_size);
  FastReader reader(message.owner.view().substr(0, payload_size));
  if (!reader.text(message.seq) || !reader.byte(message.kind) || !reader.text(message.uri) ||
      !reader.text(message.metadata) || !reader.byte(message.body_codec)) {
    return bad_layout();
  }
  message.body = reader.rest();
  return message;
}

}  // namespace fairlead::wire
