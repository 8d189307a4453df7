// Thrift in: one pass over the body, straight into the value. The binary protocol is drawn in
// thrift_wire.h.
//
// As code of the Thrift compiler does: fields may come in any order, the last one of a number wins,
// a field of another type than its own is unknown, and unknown fields are skipped. Beyond that, a
// count is believed only when as many values can follow, so that no memory is taken for promises.
#include <bit>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "fairlead/codec/codecs.h"
#include "fairlead/codec/thrift_wire.h"

namespace fairlead::codec::internal {
namespace {

// What a value takes in memory whose type we do not know: a number itself, anything else in the
// order of a string or a small generated struct.
std::size_t memory_of(ThriftType type) {
  constexpr std::size_t kUnknownBytes = 64;
  if (type == ThriftType::kString || type >= ThriftType::kStruct) return kUnknownBytes;
  return thrift_bytes_min(type);
}

std::string_view name_of(ThriftType type) {
  switch (type) {
    case ThriftType::kBool:
      return "bool";
    case ThriftType::kByte:
      return "i8";
    case ThriftType::kDouble:
      return "double";
    case ThriftType::kI16:
      return "i16";
    case ThriftType::kI32:
      return "i32";
    case ThriftType::kI64:
      return "i64";
    case ThriftType::kString:
      return "string";
    case ThriftType::kStruct:
      return "struct";
    case ThriftType::kMap:
      return "map";
    case ThriftType::kSet:
      return "set";
    case ThriftType::kList:
      return "list";
    case ThriftType::kStop:
      break;
  }
  return "nothing";
}

// False from any member: status() says why. `depth`: structs, lists and maps that may still open.
class ThriftReader {
 public:
  ThriftReader(const Bytes& body, std::size_t memory_bytes_max)
      : body_(body), at_(body.data()), end_(body.data() + body.size()), budget_(memory_bytes_max) {}

  bool read_struct(const StructInfo& structure, void* object, const FieldPath& path, int depth);
  // `counted`: elements take of the budget, for a reader behind us that will keep them.
  bool skip(ThriftType type, const FieldPath& path, int depth, bool counted);
  bool at_end() { return at_ == end_ || fail(FieldPath(), "bytes behind the end of the struct"); }
  Status status() && { return std::move(status_); }

 private:
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  template <class Word>
  bool read_word(Word& value, const FieldPath& path);
  bool read_type(ThriftType& type, const FieldPath& path);
  bool read_field_head(ThriftType& type, std::uint16_t& id, const FieldPath& path);
  bool read_size(std::size_t& size, std::size_t bytes_each, const FieldPath& path);
  bool read_span(std::string_view& span, const FieldPath& path);

  bool read_value(const TypeInfo& type, void* value, const FieldPath& path, int depth);
  bool read_real(const TypeInfo& type, void* value, const FieldPath& path);
  bool read_text(const TypeInfo& type, void* value, const FieldPath& path);
  bool read_list(const TypeInfo& type, void* value, const FieldPath& path, int depth);
  bool read_map(const TypeInfo& type, void* value, const FieldPath& path, int depth);
  bool read_key(const TypeInfo& key, MapKey& out, const FieldPath& path);
  bool skip_struct(const FieldPath& path, int depth, bool counted);
  bool skip_elements(ThriftType element, const ThriftType* value, const FieldPath& path, int depth,
                     bool counted);
  bool take(std::size_t count, std::size_t bytes_each, const FieldPath& path) {
    if (budget_.take(count, bytes_each)) return true;
    status_ = budget_.exceeded(path);
    return false;
  }
  bool fail(const FieldPath& path, std::string_view what) {
    const auto at = static_cast<std::size_t>(at_ - body_.data());
    status_ =
        Status(Code::kBadMessage, "codec.thrift",
               path.to_string() + ": " + std::string(what) + " (byte " + std::to_string(at) + ")");
    return false;
  }
  bool too_deep(const FieldPath& path) {
    status_ = Status(Code::kBadMessage, "codec.depth", path.to_string() + ": nested too deep");
    return false;
  }

  const Bytes& body_;
  const char* at_;
  const char* const end_;
  MemoryBudget budget_;
  Status status_;
};

template <class Word>
bool ThriftReader::read_word(Word& value, const FieldPath& path) {
  if (left() < sizeof value) return fail(path, "the body ends inside a value");
  value = 0;
  for (std::size_t i = 0; i < sizeof value; ++i) {
    value = static_cast<Word>(value << 8 | static_cast<unsigned char>(*at_++));
  }
  return true;
}

template <>
bool ThriftReader::read_word(std::uint8_t& value, const FieldPath& path) {
  if (left() == 0) return fail(path, "the body ends inside a value");
  value = static_cast<std::uint8_t>(*at_++);
  return true;
}

bool ThriftReader::read_type(ThriftType& type, const FieldPath& path) {
  std::uint8_t byte = 0;
  if (!read_word(byte, path)) return false;
  type = static_cast<ThriftType>(byte);
  return true;
}

// kStop ends the struct; any other type is followed by an id.
bool ThriftReader::read_field_head(ThriftType& type, std::uint16_t& id, const FieldPath& path) {
  if (!read_type(type, path)) return false;
  if (type == ThriftType::kStop) return true;
  if (thrift_bytes_min(type) == 0) {
    --at_;
    return fail(path, "a type that does not exist");
  }
  return read_word(id, path);
}

// A count of things that take at least `bytes_each` each.
bool ThriftReader::read_size(std::size_t& size, std::size_t bytes_each, const FieldPath& path) {
  std::uint32_t bits = 0;
  if (!read_word(bits, path)) return false;
  size = bits;
  if (static_cast<std::int32_t>(bits) < 0) return fail(path, "a negative size");
  if (size > left() / bytes_each) return fail(path, "a size that runs past the end");
  return true;
}

bool ThriftReader::read_span(std::string_view& span, const FieldPath& path) {
  std::size_t size = 0;
  if (!read_size(size, 1, path)) return false;
  span = {at_, size};
  at_ += size;
  return true;
}

bool ThriftReader::read_struct(const StructInfo& structure, void* object, const FieldPath& path,
                               int depth) {
  if (depth == 0) return too_deep(path);
  std::size_t next = 0;  // fields mostly come in the order of declaration
  while (true) {
    ThriftType type{};
    std::uint16_t id = 0;
    if (!read_field_head(type, id, path)) return false;
    if (type == ThriftType::kStop) return true;
    const FieldInfo* field = next < structure.fields.size() && structure.fields[next].number == id
                                 ? &structure.fields[next]
                                 : structure.find(id <= kThriftIdMax ? std::uint32_t{id} : 0);
    const bool optional = field != nullptr && field->type->kind == Kind::kOptional;
    const TypeInfo* wanted =
        field == nullptr ? nullptr : (optional ? field->type->element : field->type);
    const bool set_for_list = wanted != nullptr && wanted->kind == Kind::kList;
    if (wanted == nullptr ||
        (thrift_type_of(wanted->kind) != type && !(set_for_list && type == ThriftType::kSet))) {
      if (!skip(type, path, depth - 1, false)) return false;
      continue;
    }
    next = static_cast<std::size_t>(field - structure.fields.data()) + 1;
    void* value = field->in(object);
    if (optional) value = field->type->optional->emplace(value);
    if (!read_value(*wanted, value, FieldPath(path, field->name), depth - 1)) return false;
  }
}

bool ThriftReader::read_value(const TypeInfo& type, void* value, const FieldPath& path, int depth) {
  switch (type.kind) {
    case Kind::kBool: {
      std::uint8_t byte = 0;
      if (!read_word(byte, path)) return false;
      *static_cast<bool*>(value) = byte != 0;
      return true;
    }
    case Kind::kInt32:
    case Kind::kUint32:
      return read_word(*static_cast<std::uint32_t*>(value), path);
    case Kind::kInt64:
    case Kind::kUint64:
      return read_word(*static_cast<std::uint64_t*>(value), path);
    case Kind::kEnum: {
      std::uint32_t bits = 0;
      if (!read_word(bits, path)) return false;
      if (type.enumeration->set(value, static_cast<std::int32_t>(bits))) return true;
      at_ -= sizeof bits;
      return fail(path, "a number that does not fit the enum " + std::string(type.name()));
    }
    case Kind::kFloat:
    case Kind::kDouble:
      return read_real(type, value, path);
    case Kind::kString:
    case Kind::kBytes:
      return read_text(type, value, path);
    case Kind::kStruct:
      return read_struct(*type.structure, value, path, depth);
    case Kind::kList:
      return read_list(type, value, path, depth);
    case Kind::kMap:
      return read_map(type, value, path, depth);
    case Kind::kVoid:
    case Kind::kOptional:
    case Kind::kGenerated:
      break;
  }
  return fail(path, "has no form in Thrift");
}

bool ThriftReader::read_real(const TypeInfo& type, void* value, const FieldPath& path) {
  std::uint64_t bits = 0;
  if (!read_word(bits, path)) return false;
  const auto real = std::bit_cast<double>(bits);
  if (type.kind == Kind::kDouble) {
    *static_cast<double*>(value) = real;
    return true;
  }
  const auto single = static_cast<float>(real);
  if (std::isinf(single) && !std::isinf(real)) {
    at_ -= sizeof bits;
    return fail(path, "a number that a float cannot hold");
  }
  *static_cast<float*>(value) = single;
  return true;
}

bool ThriftReader::read_text(const TypeInfo& type, void* value, const FieldPath& path) {
  std::string_view span;
  if (!read_span(span, path)) return false;
  if (type.kind == Kind::kBytes) {
    const auto from = static_cast<std::size_t>(span.data() - body_.data());
    *static_cast<Bytes*>(value) = body_.slice(from, span.size()).own();
    return true;
  }
  if (!valid_utf8(span)) return fail(path, "wanted UTF-8 text");
  static_cast<std::string*>(value)->assign(span);
  return true;
}

bool ThriftReader::read_list(const TypeInfo& type, void* value, const FieldPath& path, int depth) {
  if (depth == 0) return too_deep(path);
  const TypeInfo& element = *type.element;
  const ThriftType wanted = thrift_type_of(element.kind);
  ThriftType got{};
  if (!read_type(got, path)) return false;
  std::size_t count = 0;
  if (!read_size(count, thrift_bytes_min(wanted), path)) return false;
  if (count > 0 && got != wanted) {
    return fail(path, "wanted a list of " + std::string(name_of(wanted)) + ", got one of " +
                          std::string(name_of(got)));
  }
  if (!take(count, element.size, path)) return false;
  type.list->clear(value);
  type.list->reserve(value, count);
  for (std::size_t i = 0; i < count; ++i) {
    if (!read_value(element, type.list->append(value), FieldPath(path, i), depth - 1)) return false;
  }
  return true;
}

bool ThriftReader::read_map(const TypeInfo& type, void* value, const FieldPath& path, int depth) {
  if (depth == 0) return too_deep(path);
  const ThriftType wanted_key = thrift_type_of(type.key->kind);
  const ThriftType wanted = thrift_type_of(type.element->kind);
  ThriftType got_key{};
  ThriftType got{};
  std::size_t count = 0;
  if (!read_type(got_key, path) || !read_type(got, path)) return false;
  if (!read_size(count, thrift_bytes_min(wanted_key) + thrift_bytes_min(wanted), path)) {
    return false;
  }
  if (count > 0 && (got_key != wanted_key || got != wanted)) {
    return fail(path, "wanted a map of " + std::string(name_of(wanted_key)) + " to " +
                          std::string(name_of(wanted)));
  }
  type.map->clear(value);
  for (std::size_t i = 0; i < count; ++i) {
    MapKey key;
    if (!read_key(*type.key, key, path)) return false;
    if (!take(1, type.element->size + type.key->size + kMapNodeBytes, path)) return false;
    bool inserted = false;
    void* target = type.map->emplace(value, key, inserted);
    if (!inserted) type.map->zero(target);
    if (!read_value(*type.element, target, FieldPath::key(path, key.text), depth - 1)) return false;
  }
  return true;
}

bool ThriftReader::read_key(const TypeInfo& key, MapKey& out, const FieldPath& path) {
  if (key.kind == Kind::kString) {
    if (!read_span(out.text, path)) return false;
    return valid_utf8(out.text) || fail(path, "wanted a key in UTF-8");
  }
  if (key.kind == Kind::kBool) {
    std::uint8_t byte = 0;
    if (!read_word(byte, path)) return false;
    out.number = byte != 0 ? 1 : 0;
    return true;
  }
  if (thrift_type_of(key.kind) == ThriftType::kI64) {
    std::uint64_t bits = 0;
    if (!read_word(bits, path)) return false;
    out.number = static_cast<std::int64_t>(bits);
    return true;
  }
  std::uint32_t bits = 0;
  if (!read_word(bits, path)) return false;
  out.number = key.kind == Kind::kUint32 ? std::int64_t{bits} : static_cast<std::int32_t>(bits);
  return true;
}

bool ThriftReader::skip(ThriftType type, const FieldPath& path, int depth, bool counted) {
  switch (type) {
    case ThriftType::kString: {
      std::string_view ignored;
      return read_span(ignored, path);
    }
    case ThriftType::kStruct:
      return skip_struct(path, depth, counted);
    case ThriftType::kList:
    case ThriftType::kSet: {
      ThriftType element{};
      return read_type(element, path) && skip_elements(element, nullptr, path, depth, counted);
    }
    case ThriftType::kMap: {
      ThriftType key{};
      ThriftType value{};
      return read_type(key, path) && read_type(value, path) &&
             skip_elements(key, &value, path, depth, counted);
    }
    default:
      break;
  }
  const std::size_t size = thrift_bytes_min(type);
  if (size == 0) return fail(path, "a type that does not exist");
  if (left() < size) return fail(path, "the body ends inside a value");
  at_ += size;
  return true;
}

bool ThriftReader::skip_struct(const FieldPath& path, int depth, bool counted) {
  if (depth == 0) return too_deep(path);
  while (true) {
    ThriftType type{};
    std::uint16_t id = 0;
    if (!read_field_head(type, id, path)) return false;
    if (type == ThriftType::kStop) return true;
    const std::string number = counted ? "#" + std::to_string(static_cast<std::int16_t>(id)) : "";
    const FieldPath here(path, number);
    if (!skip(type, counted ? here : path, depth - 1, counted)) return false;
  }
}

// The elements of a list or set, or the entries of a map: `value` is null for the former. An empty
// one may be of the type kStop, but of none that does not exist: libthrift turns it into an enum.
bool ThriftReader::skip_elements(ThriftType element, const ThriftType* value, const FieldPath& path,
                                 int depth, bool counted) {
  if (depth == 0) return too_deep(path);
  const auto exists = [](ThriftType type) {
    return type == ThriftType::kStop || thrift_bytes_min(type) != 0;
  };
  if (!exists(element) || (value != nullptr && !exists(*value))) {
    return fail(path, "a type that does not exist");
  }
  std::size_t bytes_each = thrift_bytes_min(element);
  std::size_t memory_each = memory_of(element);
  if (value != nullptr) {
    bytes_each += thrift_bytes_min(*value);
    memory_each += memory_of(*value) + kMapNodeBytes;
  }
  std::size_t count = 0;
  if (!read_size(count, bytes_each == 0 ? 1 : bytes_each, path)) return false;
  if (counted && !take(count, memory_each, path)) return false;
  for (std::size_t i = 0; i < count; ++i) {
    const FieldPath here(path, i);
    if (!skip(element, here, depth - 1, counted)) return false;
    if (value != nullptr && !skip(*value, here, depth - 1, counted)) return false;
  }
  return true;
}

}  // namespace

Status decode_thrift(const TypeInfo& type, const Bytes& body, void* value,
                     const DecodeOptions& options) {
  if (type.kind == Kind::kVoid) return body.empty() ? Status() : check_thrift(body, options);
  if (type.kind != Kind::kStruct) {
    return Status(Code::kBadMessage, "codec.thrift",
                  "a Thrift body is a struct, not a " + std::string(type.name()));
  }
  ThriftReader reader(body, options.memory_bytes_max);
  if (reader.read_struct(*type.structure, value, FieldPath(), contract::kDepthMax) &&
      reader.at_end()) {
    return Status();
  }
  return std::move(reader).status();
}

Status check_thrift(const Bytes& body, const DecodeOptions& options) {
  ThriftReader reader(body, options.memory_bytes_max);
  if (reader.skip(ThriftType::kStruct, FieldPath(), contract::kDepthMax, true) && reader.at_end()) {
    return Status();
  }
  return std::move(reader).status();
}

}  // namespace fairlead::codec::internal
