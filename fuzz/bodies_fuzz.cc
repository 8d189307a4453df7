// Targets: the codecs of bodies.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fairlead/base/check.h"
#include "fairlead/codec/codec.h"
#include "fairlead/contract/contract.h"
#include "targets.h"

namespace fairlead::fuzz {

enum class Color : std::int32_t { kRed, kGreen, kBlue = 7 };
FL_ENUM(Color, (kRed, "red"), (kGreen, "green"), (kBlue, "blue"))

struct Part {
  std::string name{};
  std::vector<std::int32_t> numbers{};
  std::vector<Part> parts{};
};
FL_STRUCT(Part, (1, name), (2, numbers), (3, parts))

// Something of every kind.
struct Sample {
  bool flag = false;
  std::int32_t i32 = 0;
  std::int64_t i64 = 0;
  std::uint32_t u32 = 0;
  std::uint64_t u64 = 0;
  std::int64_t zigzag = 0;
  float single = 0;
  double real = 0;
  std::string text{};
  Bytes bytes{};
  Color color = Color::kRed;
  Part part{};
  std::vector<double> reals{};
  std::vector<std::string> texts{};
  std::map<std::string, std::int32_t> by_text{};
  std::map<std::int32_t, Part> by_number{};
  std::optional<std::string> maybe{};
};
FL_STRUCT(Sample, (1, flag), (2, i32), (3, i64), (4, u32), (5, u64), (6, zigzag, sint), (7, single),
          (8, real), (9, text), (10, bytes), (11, color), (12, part), (13, reals), (14, texts),
          (15, by_text), (16, by_number), (17, maybe))

namespace {

void check_reason(const Status& status) {
  FL_CHECK(status.ok() || status.reason().starts_with("codec."));
}

// What was read is written, read and written again: the two writings are equal. Writing may refuse
// what a body held (a text that XML cannot say), with a reason of the codec.
void fuzz_codec(codec::CodecId id, std::string_view input) {
  const codec::DecodeOptions options{.memory_bytes_max = 1U << 20};
  const Bytes body = Bytes::borrow(input);
  check_reason(codec::decode<void>(id, body, options).status());
  check_reason(codec::decode<std::string>(id, body, options).status());
  const auto value = codec::decode<Sample>(id, body, options);
  check_reason(value.status());
  if (!value.ok()) return;
  Buffer first;
  const Status written = codec::encode(id, *value, first);
  check_reason(written);
  if (!written.ok()) return;
  const auto again = codec::decode<Sample>(id, Bytes::borrow(first.view()));
  FL_CHECK(again.ok());
  Buffer second;
  FL_CHECK(codec::encode(id, *again, second).ok());
  FL_CHECK(first.view() == second.view());
}

}  // namespace

void body_json(std::string_view input) { fuzz_codec(codec::CodecId::kJson, input); }
void body_protobuf(std::string_view input) { fuzz_codec(codec::CodecId::kProtobuf, input); }
void body_form(std::string_view input) { fuzz_codec(codec::CodecId::kForm, input); }
void body_thrift(std::string_view input) { fuzz_codec(codec::CodecId::kThrift, input); }
void body_xml(std::string_view input) { fuzz_codec(codec::CodecId::kXml, input); }

}  // namespace fairlead::fuzz
