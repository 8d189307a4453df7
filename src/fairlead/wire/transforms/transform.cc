#include "fairlead/wire/transforms/transform.h"

#include <ranges>
#include <string>
#include <utility>

#include "fairlead/base/result.h"
#include "fairlead/wire/transforms/crc32c_transform.h"
#include "fairlead/wire/transforms/gzip_transform.h"
#include "fairlead/wire/transforms/md5_transform.h"
#include "fairlead/wire/transforms/zstd_transform.h"

namespace fairlead::wire {
namespace {

// A chain of 255 stages must not cost 255 times the limit.
constexpr std::size_t kWorkFactor = 4;

Status unknown(Code code, std::uint8_t id) {
  return {code, "frame.unknown_transform",
          "transform id " + std::to_string(id) + " is not registered here"};
}

}  // namespace

Status TransformSet::add(std::unique_ptr<Transform> transform) {
  if (find(transform->id()) != nullptr) {
    return {Code::kConflict, "transform.id_taken",
            "transform id " + std::to_string(transform->id()) + " is registered twice"};
  }
  if (find_name(transform->name()) != nullptr) {
    return {Code::kConflict, "transform.name_taken",
            "transform " + std::string(transform->name()) + " is registered twice"};
  }
  transforms_.push_back(std::move(transform));
  return {};
}

const Transform* TransformSet::find(std::uint8_t id) const {
  for (const auto& transform : transforms_) {
    if (transform->id() == id) return transform.get();
  }
  return nullptr;
}

const Transform* TransformSet::find_name(std::string_view name) const {
  for (const auto& transform : transforms_) {
    if (transform->name() == name) return transform.get();
  }
  return nullptr;
}

Status TransformSet::pack(std::string_view ids, std::string_view input, Buffer& output) const {
  Buffer current(input);
  for (const char id : std::views::reverse(ids)) {
    const Transform* transform = find(static_cast<std::uint8_t>(id));
    if (transform == nullptr) return unknown(Code::kEncodeFailed, static_cast<std::uint8_t>(id));
    Buffer next;
    FL_TRY(transform->pack(current.view(), next));
    current.swap(next);
  }
  output.append(current.view());
  return {};
}

Status TransformSet::unpack(std::string_view ids, std::string_view input, std::size_t bytes_max,
                            Buffer& output) const {
  Buffer current;
  std::size_t work = 0;
  for (const char id : ids) {
    const Transform* transform = find(static_cast<std::uint8_t>(id));
    if (transform == nullptr) return unknown(Code::kBadMessage, static_cast<std::uint8_t>(id));
    Buffer next;
    FL_TRY(transform->unpack(input, bytes_max, next));
    work += next.size();
    if (work > kWorkFactor * bytes_max) {
      return {Code::kTooLarge, "frame.too_big",
              "a chain of " + std::to_string(ids.size()) +
                  " transforms makes more than 4 times the frame limit"};
    }
    current.swap(next);
    input = current.view();
  }
  output.append(input);
  return {};
}

Status add_builtin_transforms(TransformSet& transforms) {
  FL_TRY(transforms.add(std::make_unique<GzipTransform>()));
  FL_TRY(transforms.add(std::make_unique<Md5Transform>()));
  FL_TRY(transforms.add(std::make_unique<ZstdTransform>()));
  FL_TRY(transforms.add(std::make_unique<Crc32cTransform>()));
  return {};
}

}  // namespace fairlead::wire
