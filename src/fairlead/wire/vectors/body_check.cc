#include "fairlead/wire/vectors/body_check.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "fairlead/base/buffer.h"
#include "fairlead/base/bytes.h"
#include "fairlead/codec/codec.h"
#include "fairlead/contract/contract.h"
#include "fairlead/contract/make_zero.h"

namespace fairlead::wire::internal {
namespace {

using codec::CodecId;
using contract::FieldInfo;
using contract::StructInfo;
using contract::TypeInfo;

// The types that the original's vectors are made of. The root in XML is the struct's name.
struct Obj {
  std::string name;
  std::int64_t num = 0;
  bool flag = false;
  double rate = 0;
};
FL_STRUCT(Obj, (1, name), (2, num), (3, flag), (4, rate))

struct PbTest {
  std::int32_t a = 0, b = 0;
};
FL_STRUCT(PbTest, (1, a), (2, b))

struct Test {
  std::string author;
};
FL_STRUCT(Test, (1, author))

// Two objects of a contract type; null for void.
struct Pair {
  const TypeInfo& type;
  void* wanted;
  void* got;
};

// `body`, read, is the value that is wanted. Both are compared, and shown, as JSON.
Outcome check_read(CodecId id, std::string_view body, const Pair& values) {
  contract::make_zero(values.type, values.got);
  Status status = codec::decode(id, values.type, Bytes::borrow(body), values.got);
  Buffer got;
  Buffer wanted;
  if (status.ok()) status = codec::encode(CodecId::kJson, values.type, values.got, got);
  if (status.ok()) status = codec::encode(CodecId::kJson, values.type, values.wanted, wanted);
  return status.ok() ? compare_texts("value", got.view(), wanted.view()) : status.to_string();
}

bool holds_reals(const TypeInfo& type) {
  if (type.kind != contract::Kind::kStruct) {
    return type.kind == contract::Kind::kFloat || type.kind == contract::Kind::kDouble;
  }
  return std::ranges::any_of(type.structure->fields,
                             [](const FieldInfo& field) { return holds_reals(*field.type); });
}

// `text` with every number in it as one sign.
std::string without_numbers(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool of_number = std::string_view("0123456789.+-eE").find(c) != std::string_view::npos;
    if (!of_number) out += c;
    if (of_number && !out.ends_with('#')) out += '#';
  }
  return out;
}

Outcome check_written(const Vector& vector, std::string_view written, const Pair& values) {
  const auto id = static_cast<CodecId>(vector.body_codec);
  if (!vector.exact) return check_read(id, written, values);
  Outcome same = compare_bytes("body", written, vector.body);
  const bool text = id != CodecId::kProtobuf && id != CodecId::kThrift;
  if (same == kPassed || !text || !holds_reals(values.type)) return same;
  // A number with a point has several spellings (1e-7, 1e-07), all of them right: what stands
  // between the numbers must be the same, and ours must be read as the value.
  const Outcome between =
      compare_bytes("body", without_numbers(written), without_numbers(vector.body));
  return between == kPassed ? check_read(id, written, values) : same;
}

Outcome check_values(const Vector& vector, const Pair& values) {
  const auto id = static_cast<CodecId>(vector.body_codec);
  const Bytes value = Bytes::borrow(vector.value);
  Status status = codec::decode(CodecId::kJson, values.type, value, values.wanted);
  if (!status.ok()) return "the vector's value: " + status.to_string();

  Buffer written;
  status = codec::encode(id, values.type, values.wanted, written);
  if (!status.ok()) return "writing: " + status.to_string();
  const Outcome ours = check_written(vector, written.view(), values);
  if (ours != kPassed) return "writing: " + ours;
  const Outcome theirs = check_read(id, vector.body, values);
  return theirs == kPassed ? kPassed : "reading: " + theirs;
}

template <class T>
Outcome check_as(const Vector& vector) {
  if constexpr (std::is_void_v<T>) {
    return check_values(vector, {contract::type_info<void>(), nullptr, nullptr});
  } else {
    T wanted{};
    T got{};
    return check_values(vector, {contract::type_info<T>(), &wanted, &got});
  }
}

// Values of a form by key. Maps of lists have no form in bodies and the keys stand in the vector
// only, so the struct that has a list for each of them is described here and not by FL_STRUCT.
constexpr std::size_t kKeysMax = 32;
using Lists = std::array<std::vector<std::string>, kKeysMax>;

template <std::size_t I>
void* list_at(void* lists) {
  return &(*static_cast<Lists*>(lists))[I];
}

template <std::size_t... I>
constexpr std::array<void* (*)(void*), kKeysMax> list_accessors(std::index_sequence<I...>) {
  return {list_at<I>...};
}

Outcome check_url_values(const Vector& vector) {
  constexpr auto kAccess = list_accessors(std::make_index_sequence<kKeysMax>());
  std::vector<std::string> keys = vector.value_keys;
  if (keys.size() > kKeysMax) return "more than 32 keys";
  std::ranges::sort(keys);

  std::vector<FieldInfo> fields;
  std::vector<std::uint16_t> order;  // by name and by number alike
  for (const std::string& key : keys) {
    const std::size_t at = fields.size();
    order.push_back(static_cast<std::uint16_t>(at));
    fields.push_back({.number = static_cast<std::uint32_t>(at + 1),
                      .name = key,
                      .type = &contract::type_info<std::vector<std::string>>(),
                      .access = kAccess[at]});
  }
  const StructInfo structure{
      .name = "Values", .fields = fields, .by_number = order, .by_name = order};
  const TypeInfo type{
      .kind = contract::Kind::kStruct, .size = sizeof(Lists), .structure = &structure};
  Lists wanted;
  Lists got;
  return check_values(vector, {type, &wanted, &got});
}

struct ValueKind {
  std::string_view name;
  Outcome (*check)(const Vector& vector);
};

constexpr ValueKind kValueKinds[] = {
    {"null", check_as<void>},
    {"text", check_as<std::string>},
    {"bool", check_as<bool>},
    {"int32", check_as<std::int32_t>},
    {"int64", check_as<std::int64_t>},
    {"uint32", check_as<std::uint32_t>},
    {"uint64", check_as<std::uint64_t>},
    {"float32", check_as<float>},
    {"float64", check_as<double>},
    {"obj", check_as<Obj>},
    {"PbTest{1:a int32,2:b int32}", check_as<PbTest>},
    {"thrift test{1:string author}", check_as<Test>},
    {"url_values", check_url_values},
};

}  // namespace

std::optional<Outcome> check_body(const Vector& vector) {
  // In a contract a dot leads into a nested struct, so such keys are none of a flat one.
  const bool dotted = std::ranges::any_of(
      vector.value_keys, [](const std::string& key) { return key.find('.') != std::string::npos; });
  if (vector.value_kind == "url_values" && dotted) return std::nullopt;
  for (const ValueKind& kind : kValueKinds) {
    if (kind.name == vector.value_kind) return kind.check(vector);
  }
  return std::nullopt;
}

}  // namespace fairlead::wire::internal
