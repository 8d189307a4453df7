// The fields of a protobuf message, one after another. Private to the room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fairlead::wire::internal {

enum PbWireType : std::uint32_t {
  kPbVarint = 0,
  kPbFixed64 = 1,
  kPbBytes = 2,
  kPbGroup = 3,
  kPbGroupEnd = 4,
  kPbFixed32 = 5
};

// False from any member: problem() and at() say what is wrong and where.
class PbScanner {
 public:
  explicit PbScanner(std::string_view text) : whole_(text), rest_(text) {}

  bool at_end() const { return rest_.empty(); }
  std::string_view problem() const { return problem_; }
  std::size_t at() const { return whole_.size() - rest_.size(); }

  // The tag of the next field: its number above three bits of wire type.
  bool tag(std::uint64_t& value);
  // The value of the field whose tag was read, as an int32 is read, as text, or passed over (groups
  // nested at most 64 deep).
  bool number(std::uint64_t tag, std::int32_t& value);
  bool text(std::uint64_t tag, std::string_view& value);
  bool skip(std::uint64_t tag);

 private:
  bool skip_one(std::uint32_t type);
  bool fail(std::string_view problem) {
    problem_ = problem;
    return false;
  }

  const std::string_view whole_;
  std::string_view rest_;
  std::string_view problem_;
};

}  // namespace fairlead::wire::internal
