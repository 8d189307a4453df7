// JSON in: simdjson reads the whole document strictly, then the tape is walked by the descriptors.
//
// Choices where RFC 8259 leaves one: a key given twice is refused (a filter in front of us and we
// might otherwise see different values), a byte order mark is refused, lone surrogates are refused.
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/codec/codecs.h"
#include "fairlead/codec/json_quick.h"
#include "fairlead/contract/text_value.h"

namespace fairlead::codec::internal {
namespace {

namespace dom = simdjson::dom;

// A thread keeps one parser for bodies up to this size (about 15 bytes of memory per byte of it);
// larger bodies get a parser of their own, which goes away with them.
constexpr std::size_t kKeptBodyBytes = 64 * 1024;
constexpr std::size_t kShownBytesMax = 64;
constexpr std::size_t kKeyBytesMax = 64 * 1024;
constexpr double kExactWholeMax = 9007199254740992.0;  // 2^53: beyond it doubles skip integers

// Null, or why nobody should have a key like this: many readers stop at a NUL.
const char* wrong_key(std::string_view key) {
  if (key.find('\0') != std::string_view::npos) return "a key with a NUL";
  return key.size() > kKeyBytesMax ? "a key longer than 64 KiB" : nullptr;
}

std::string describe(const dom::element& element) {
  switch (element.type()) {
    case dom::element_type::ARRAY:
      return "an array";
    case dom::element_type::OBJECT:
      return "an object";
    case dom::element_type::INT64:
      return std::to_string(element.get_int64().value_unsafe());
    case dom::element_type::UINT64:
      return std::to_string(element.get_uint64().value_unsafe());
    case dom::element_type::DOUBLE: {
      std::array<char, 32> digits;
      const auto end = std::to_chars(digits.data(), digits.data() + digits.size(),
                                     element.get_double().value_unsafe());
      return {digits.data(), end.ptr};
    }
    case dom::element_type::STRING:
      return "the text \"" + escape_text(element.get_string().value_unsafe(), kShownBytesMax) +
             "\"";
    case dom::element_type::BOOL:
      return element.get_bool().value_unsafe() ? "true" : "false";
    case dom::element_type::NULL_VALUE:
      return "null";
  }
  return "something else";
}

class JsonReader {
 public:
  explicit JsonReader(const DecodeOptions& options)
      : options_(options), budget_(options.memory_bytes_max) {}

  // False: status() says why.
  bool read(const TypeInfo& type, const dom::element& element, void* value, const FieldPath& path);
  Status status() && { return std::move(status_); }

 private:
  template <class Number>
  bool read_integer(const TypeInfo& type, const dom::element& element, void* value,
                    const FieldPath& path);
  template <class Real>
  bool read_real(const TypeInfo& type, const dom::element& element, void* value,
                 const FieldPath& path);
  bool read_text(const TypeInfo& type, const dom::element& element, void* value,
                 const FieldPath& path);
  bool read_enum(const TypeInfo& type, const dom::element& element, void* value,
                 const FieldPath& path);
  bool read_struct(const TypeInfo& type, const dom::element& element, void* value,
                   const FieldPath& path);
  bool read_list(const TypeInfo& type, const dom::element& element, void* value,
                 const FieldPath& path);
  bool read_map(const TypeInfo& type, const dom::element& element, void* value,
                const FieldPath& path);
  bool fail(const FieldPath& path, std::string_view what) {
    status_ = Status(Code::kBadMessage, "codec.json", path.to_string() + ": " + std::string(what));
    return false;
  }
  bool mismatch(const TypeInfo& type, const dom::element& element, const FieldPath& path) {
    std::string wanted(contract::kind_name(type.kind));
    if (type.structure != nullptr)
      wanted = "an object";
    else if (type.enumeration != nullptr)
      wanted = "a value of " + std::string(type.name());
    else if (type.kind == Kind::kList)
      wanted = "an array";
    else if (type.kind == Kind::kMap)
      wanted = "an object";
    return fail(path, "wanted " + wanted + ", got " + describe(element));
  }

  const DecodeOptions& options_;
  MemoryBudget budget_;
  Status status_;
};

bool JsonReader::read(const TypeInfo& type, const dom::element& element, void* value,
                      const FieldPath& path) {
  switch (type.kind) {
    case Kind::kVoid:
      return element.is_null() || element.is_object() ||
             fail(path, "wanted an empty body, null or an object, got " + describe(element));
    case Kind::kBool:
      if (element.get(*static_cast<bool*>(value)) == simdjson::SUCCESS) return true;
      return mismatch(type, element, path);
    case Kind::kInt32:
      return read_integer<std::int32_t>(type, element, value, path);
    case Kind::kInt64:
      return read_integer<std::int64_t>(type, element, value, path);
    case Kind::kUint32:
      return read_integer<std::uint32_t>(type, element, value, path);
    case Kind::kUint64:
      return read_integer<std::uint64_t>(type, element, value, path);
    case Kind::kFloat:
      return read_real<float>(type, element, value, path);
    case Kind::kDouble:
      return read_real<double>(type, element, value, path);
    case Kind::kString:
    case Kind::kBytes:
      return read_text(type, element, value, path);
    case Kind::kEnum:
      return read_enum(type, element, value, path);
    case Kind::kStruct:
      return read_struct(type, element, value, path);
    case Kind::kList:
      return read_list(type, element, value, path);
    case Kind::kMap:
      return read_map(type, element, value, path);
    case Kind::kOptional:
      if (element.is_null()) return type.optional->reset(value), true;
      return read(*type.element, element, type.optional->emplace(value), path);
    case Kind::kGenerated:
      break;
  }
  return fail(path, "has no form in JSON");
}

// A number with point or exponent is taken when it is whole and exact: 1e2 and 3.0 are integers.
template <class Number>
bool JsonReader::read_integer(const TypeInfo& type, const dom::element& element, void* value,
                              const FieldPath& path) {
  auto& out = *static_cast<Number*>(value);
  switch (element.type()) {
    case dom::element_type::INT64: {
      const std::int64_t number = element.get_int64().value_unsafe();
      if (!std::in_range<Number>(number)) break;
      out = static_cast<Number>(number);
      return true;
    }
    case dom::element_type::UINT64: {
      const std::uint64_t number = element.get_uint64().value_unsafe();
      if (!std::in_range<Number>(number)) break;
      out = static_cast<Number>(number);
      return true;
    }
    case dom::element_type::DOUBLE: {
      const double number = element.get_double().value_unsafe();
      if (std::fabs(number) > kExactWholeMax || number != std::trunc(number)) break;
      const auto whole = static_cast<std::int64_t>(number);
      if (!std::in_range<Number>(whole)) break;
      out = static_cast<Number>(whole);
      return true;
    }
    case dom::element_type::STRING:
      if (contract::value_from_text(type, value, element.get_string().value_unsafe()).ok()) {
        return true;
      }
      break;
    default:
      break;
  }
  return mismatch(type, element, path);
}

template <class Real>
bool JsonReader::read_real(const TypeInfo& type, const dom::element& element, void* value,
                           const FieldPath& path) {
  auto& out = *static_cast<Real*>(value);
  if (double number = 0; element.get(number) == simdjson::SUCCESS) {
    out = static_cast<Real>(number);
    // A double too large for a float must not turn into infinity silently.
    return std::isfinite(out) || mismatch(type, element, path);
  }
  if (std::string_view text; element.get(text) == simdjson::SUCCESS) {
    if (text == "NaN" || text == "Infinity" || text == "-Infinity") {
      return contract::value_from_text(type, value, text).ok();
    }
  }
  return mismatch(type, element, path);
}

bool JsonReader::read_text(const TypeInfo& type, const dom::element& element, void* value,
                           const FieldPath& path) {
  std::string_view text;
  if (element.get(text) != simdjson::SUCCESS) return mismatch(type, element, path);
  if (type.kind == Kind::kString) {
    static_cast<std::string*>(value)->assign(text);
    return true;
  }
  if (read_base64(text, *static_cast<Bytes*>(value))) return true;
  return fail(path, "wanted base64, got " + describe(element));
}

bool JsonReader::read_enum(const TypeInfo& type, const dom::element& element, void* value,
                           const FieldPath& path) {
  if (std::string_view text; element.get(text) == simdjson::SUCCESS) {
    const contract::EnumValue* known = type.enumeration->find(text);
    return (known != nullptr && type.enumeration->set(value, known->number)) ||
           mismatch(type, element, path);
  }
  std::int64_t number = 0;
  if (element.get(number) == simdjson::SUCCESS && std::in_range<std::int32_t>(number) &&
      type.enumeration->set(value, static_cast<std::int32_t>(number))) {
    return true;
  }
  return mismatch(type, element, path);
}

bool JsonReader::read_struct(const TypeInfo& type, const dom::element& element, void* value,
                             const FieldPath& path) {
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return mismatch(type, element, path);
  const StructInfo& structure = *type.structure;
  std::array<std::uint64_t, 4> seen{};  // one bit per field
  std::size_t next = 0;                 // fields mostly come in the order of declaration
  for (const auto [key, member] : object) {
    const FieldInfo* field = next < structure.fields.size() && structure.fields[next].name == key
                                 ? &structure.fields[next]
                                 : structure.find(key);
    if (field == nullptr) {
      if (const char* wrong = wrong_key(key)) return fail(path, wrong);
      if (options_.unknown_fields == DecodeOptions::Unknown::kIgnore) continue;
      status_ = unknown_field(structure, path, key);
      return false;
    }
    const auto index = static_cast<std::size_t>(field - structure.fields.data());
    next = index + 1;
    const FieldPath here(path, field->name);
    const std::uint64_t bit = std::uint64_t{1} << (index % 64);
    if ((seen[index / 64] & bit) != 0) return fail(here, "the field is given twice");
    seen[index / 64] |= bit;
    if (member.is_null()) continue;
    if (read(*field->type, member, field->in(value), here)) continue;
    return field->secret ? fail(here, "wanted " + std::string(field->type->name())) : false;
  }
  return true;
}

bool JsonReader::read_list(const TypeInfo& type, const dom::element& element, void* value,
                           const FieldPath& path) {
  dom::array array;
  if (element.get(array) != simdjson::SUCCESS) return mismatch(type, element, path);
  const std::size_t size = array.size();
  if (!budget_.take(size, type.element->size)) {
    status_ = budget_.exceeded(path);
    return false;
  }
  type.list->clear(value);
  type.list->reserve(value, size);
  std::size_t index = 0;
  for (const dom::element member : array) {
    if (!read(*type.element, member, type.list->append(value), FieldPath(path, index++)))
      return false;
  }
  return true;
}

bool JsonReader::read_map(const TypeInfo& type, const dom::element& element, void* value,
                          const FieldPath& path) {
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return mismatch(type, element, path);
  type.map->clear(value);
  for (const auto [name, member] : object) {
    const FieldPath here = FieldPath::key(path, name);
    if (const char* wrong = wrong_key(name)) return fail(path, wrong);
    MapKey key;
    if (!read_map_key(*type.key, name, key)) {
      return fail(here, "wanted a key of type " + std::string(type.key->name()));
    }
    if (!budget_.take(1, type.element->size + type.key->size + kMapNodeBytes)) {
      status_ = budget_.exceeded(path);
      return false;
    }
    bool inserted = false;
    void* target = type.map->emplace(value, key, inserted);
    if (!inserted) return fail(here, "the key is given twice");
    if (!read(*type.element, member, target, here)) return false;
  }
  return true;
}

// Answers with the parser for a body of this size: the thread's own, or `large`.
dom::parser& parser_for(std::size_t size, std::unique_ptr<dom::parser>& large) {
  // One level more than ours: simdjson counts the document itself.
  constexpr std::size_t kDepth = contract::kDepthMax + 1;
  if (size > kKeptBodyBytes) {
    large = std::make_unique<dom::parser>();
    FL_CHECK(large->allocate(size, kDepth) == simdjson::SUCCESS);  // out of memory otherwise
    return *large;
  }
  thread_local std::unique_ptr<dom::parser> kept;
  if (kept == nullptr) {
    kept = std::make_unique<dom::parser>();
    FL_CHECK(kept->allocate(kKeptBodyBytes, kDepth) == simdjson::SUCCESS);
    FL_CHECK(kept->doc.allocate(kKeptBodyBytes) == simdjson::SUCCESS);
  }
  return *kept;
}

Status syntax_error(std::string_view text, simdjson::error_code error) {
  Status found = explain_json(text, contract::kDepthMax);
  if (!found.ok()) return found;
  return Status(Code::kBadMessage, "codec.json",
                "the body: " + std::string(simdjson::error_message(error)));
}

// `root` lives in the thread's parser, or in `large`.
Status parse(const Bytes& body, std::unique_ptr<dom::parser>& large, dom::element& root) {
  if (body.empty()) {
    return Status(Code::kBadMessage, "codec.json", "the body: wanted JSON, got an empty body");
  }
  dom::parser* parser = &parser_for(body.size(), large);
  // Copies the body into the parser's own memory: simdjson reads up to 32 bytes beyond the end.
  auto error = parser->parse(body.data(), body.size()).get(root);
  if (error == simdjson::NUMBER_ERROR) {
    const std::string wider = widen_json(body.view());
    parser = &parser_for(wider.size(), large);
    error = parser->parse(wider.data(), wider.size()).get(root);
  }
  return error == simdjson::SUCCESS ? Status() : syntax_error(body.view(), error);
}

// Every object in `element` has each key once. Recurses at most as deep as the parser went.
Status check_keys(const dom::element& element, const FieldPath& path) {
  if (dom::array array; element.get(array) == simdjson::SUCCESS) {
    std::size_t index = 0;
    for (const dom::element member : array) FL_TRY(check_keys(member, FieldPath(path, index++)));
    return Status();
  }
  dom::object object;
  if (element.get(object) != simdjson::SUCCESS) return Status();
  std::vector<std::string_view> keys;
  for (const auto [key, member] : object) {
    const FieldPath here(path, key);
    if (const char* wrong = wrong_key(key)) {
      return Status(Code::kBadMessage, "codec.json", path.to_string() + ": " + wrong);
    }
    keys.push_back(key);
    FL_TRY(check_keys(member, here));
  }
  std::ranges::sort(keys);
  const auto twin = std::ranges::adjacent_find(keys);
  if (twin == keys.end()) return Status();
  return Status(Code::kBadMessage, "codec.json",
                FieldPath(path, *twin).to_string() + ": the field is given twice");
}

}  // namespace

Status check_json(const Bytes& body, bool& is_null) {
  std::unique_ptr<dom::parser> large;
  dom::element root;
  FL_TRY(parse(body, large, root));
  is_null = root.is_null();
  return check_keys(root, FieldPath());
}

Status decode_json(const TypeInfo& type, const Bytes& body, void* value,
                   const DecodeOptions& options) {
  constexpr std::size_t kQuickBytesMax = 16 * 1024;
  if (type.kind == Kind::kStruct && body.size() <= kQuickBytesMax &&
      quick_read_json(*type.structure, body.view(), value)) {
    return Status();
  }
  return decode_json_document(type, body, value, options);
}

Status decode_json_document(const TypeInfo& type, const Bytes& body, void* value,
                            const DecodeOptions& options) {
  if (body.empty() && type.kind == Kind::kVoid) return Status();
  std::unique_ptr<dom::parser> large;
  dom::element root;
  FL_TRY(parse(body, large, root));
  if (type.kind == Kind::kStruct && root.is_null()) return Status();
  JsonReader reader(options);
  if (reader.read(type, root, value, FieldPath())) return Status();
  return std::move(reader).status();
}

}  // namespace fairlead::codec::internal
