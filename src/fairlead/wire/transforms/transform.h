// Transforms: reversible steps over a frame's payload, named on the wire by one byte each.
//
//   packing:   payload -> last id -> ... -> first id -> wire
//   unpacking: wire -> first id -> ... -> last id -> payload
//
// To add one: write its pair of files beside gzip_transform, and one line in
// add_builtin_transforms().
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "fairlead/base/buffer.h"
#include "fairlead/base/status.h"

namespace fairlead::wire {

// One kind of transform. Thread: const and stateless, so one object serves all cores.
class Transform {
 public:
  virtual ~Transform() = default;

  virtual std::uint8_t id() const = 0;
  virtual std::string_view name() const = 0;  // for configuration and people

  // Both append their result to `output`, which does not overlap `input`; on an error it may hold
  // a part. pack() fails with kEncodeFailed or kInternal, unpack() with kBadMessage or kTooLarge.
  // unpack() never makes more than `bytes_max` bytes.
  virtual Status pack(std::string_view input, Buffer& output) const = 0;
  virtual Status unpack(std::string_view input, std::size_t bytes_max, Buffer& output) const = 0;
};

// The transforms a process knows, made by main and read-only afterwards.
class TransformSet {
 public:
  // Errors: kConflict `transform.id_taken`, kConflict `transform.name_taken`.
  Status add(std::unique_ptr<Transform> transform);

  const Transform* find(std::uint8_t id) const;             // null when unknown
  const Transform* find_name(std::string_view name) const;  // null when unknown

  // Run the chain `ids` over `input` and append the result to `output`.
  // Errors: kEncodeFailed or kBadMessage `frame.unknown_transform`; what a transform says;
  //         unpack: kTooLarge `frame.too_big` when all stages together make more than
  //         4 * `bytes_max` bytes.
  Status pack(std::string_view ids, std::string_view input, Buffer& output) const;
  Status unpack(std::string_view ids, std::string_view input, std::size_t bytes_max,
                Buffer& output) const;

 private:
  std::vector<std::unique_ptr<Transform>> transforms_;
};

// gzip `g` at level 5 and md5 `m`, the ids by which erpc applications agree to call them; zstd `z`
// at level 3 and crc32c `c`, which are ours: a peer that does not know an id closes the connection,
// so they are for links between peers that are known to have them.
// Errors: as TransformSet::add().
Status add_builtin_transforms(TransformSet& transforms);

}  // namespace fairlead::wire
