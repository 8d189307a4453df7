// Thrift out: the binary protocol, drawn in thrift_wire.h.
//
// Every field is written, also zeros, as generated code does for fields that are neither optional
// nor required; an optional is written when it is there.
#include <bit>
#include <limits>
#include <string>

#include "fairlead/codec/codecs.h"
#include "fairlead/codec/thrift_wire.h"

namespace fairlead::codec::internal {
namespace {

// False from any member: status() says why. `depth`: structs, lists and maps that may still open.
class ThriftWriter {
 public:
  explicit ThriftWriter(Buffer& out) : out_(out) {}

  bool write_struct(const StructInfo& structure, const void* object, const FieldPath& path,
                    int depth);
  Status status() && { return std::move(status_); }

 private:
  template <class Word>
  void write_word(Word value) {
    char* at = out_.prepare(sizeof value);
    for (std::size_t i = 0; i < sizeof value; ++i) {
      at[i] = static_cast<char>(value >> (8 * (sizeof value - 1 - i)));
    }
    out_.commit(sizeof value);
  }
  void write_type(ThriftType type) { out_.append(static_cast<char>(type)); }
  bool write_value(const TypeInfo& type, const void* value, const FieldPath& path, int depth);
  bool write_text(const TypeInfo& type, const void* value, const FieldPath& path);
  bool write_list(const TypeInfo& type, const void* value, const FieldPath& path, int depth);
  bool write_map(const TypeInfo& type, const void* value, const FieldPath& path, int depth);
  // Sizes and counts are i32.
  bool write_size(std::size_t size, const FieldPath& path) {
    if (size > std::numeric_limits<std::int32_t>::max()) {
      return fail("codec.thrift", path, "longer than 2147483647");
    }
    write_word(static_cast<std::uint32_t>(size));
    return true;
  }
  bool fail(std::string_view reason, const FieldPath& path, std::string_view what) {
    status_ = Status(Code::kEncodeFailed, reason, path.to_string() + ": " + std::string(what));
    return false;
  }
  bool too_deep(const FieldPath& path) {
    return fail("codec.depth", path, "nested deeper than 64 levels");
  }

  Buffer& out_;
  Status status_;
};

bool ThriftWriter::write_struct(const StructInfo& structure, const void* object,
                                const FieldPath& path, int depth) {
  if (depth == 0) return too_deep(path);
  for (const FieldInfo& field : structure.fields) {
    const TypeInfo* type = field.type;
    const void* value = field.in(object);
    if (type->kind == Kind::kOptional) {
      value = type->optional->get(value);
      if (value == nullptr) continue;
      type = type->element;
    }
    const FieldPath here(path, field.name);
    if (field.number > kThriftIdMax) {
      return fail("codec.thrift", here, "Thrift has no field numbers above 32767");
    }
    write_type(thrift_type_of(type->kind));
    write_word(static_cast<std::uint16_t>(field.number));
    if (!write_value(*type, value, here, depth - 1)) return false;
  }
  write_type(ThriftType::kStop);
  return true;
}

bool ThriftWriter::write_value(const TypeInfo& type, const void* value, const FieldPath& path,
                               int depth) {
  switch (type.kind) {
    case Kind::kBool:
      out_.append(*static_cast<const bool*>(value) ? '\1' : '\0');
      return true;
    case Kind::kInt32:
    case Kind::kUint32:
      write_word(*static_cast<const std::uint32_t*>(value));
      return true;
    case Kind::kInt64:
    case Kind::kUint64:
      write_word(*static_cast<const std::uint64_t*>(value));
      return true;
    case Kind::kEnum:
      write_word(static_cast<std::uint32_t>(type.enumeration->get(value)));
      return true;
    case Kind::kFloat:
      write_word(std::bit_cast<std::uint64_t>(double{*static_cast<const float*>(value)}));
      return true;
    case Kind::kDouble:
      write_word(std::bit_cast<std::uint64_t>(*static_cast<const double*>(value)));
      return true;
    case Kind::kString:
    case Kind::kBytes:
      return write_text(type, value, path);
    case Kind::kStruct:
      return write_struct(*type.structure, value, path, depth);
    case Kind::kList:
      return write_list(type, value, path, depth);
    case Kind::kMap:
      return write_map(type, value, path, depth);
    case Kind::kVoid:
    case Kind::kOptional:
    case Kind::kGenerated:
      break;
  }
  return fail("codec.thrift", path, "has no form in Thrift");
}

bool ThriftWriter::write_text(const TypeInfo& type, const void* value, const FieldPath& path) {
  const bool bytes = type.kind == Kind::kBytes;
  const std::string_view text = bytes ? static_cast<const Bytes*>(value)->view()
                                      : std::string_view(*static_cast<const std::string*>(value));
  if (!bytes && !valid_utf8(text)) return fail("codec.thrift", path, "the text is not UTF-8");
  if (!write_size(text.size(), path)) return false;
  out_.append(text);
  return true;
}

bool ThriftWriter::write_list(const TypeInfo& type, const void* value, const FieldPath& path,
                              int depth) {
  if (depth == 0) return too_deep(path);
  const TypeInfo& element = *type.element;
  const auto* data = static_cast<const std::byte*>(type.list->data(value));
  const std::size_t count = type.list->size(value);
  write_type(thrift_type_of(element.kind));
  if (!write_size(count, path)) return false;
  for (std::size_t i = 0; i < count; ++i) {
    if (!write_value(element, data + i * element.size, FieldPath(path, i), depth - 1)) return false;
  }
  return true;
}

bool ThriftWriter::write_map(const TypeInfo& type, const void* value, const FieldPath& path,
                             int depth) {
  if (depth == 0) return too_deep(path);
  write_type(thrift_type_of(type.key->kind));
  write_type(thrift_type_of(type.element->kind));
  if (!write_size(type.map->size(value), path)) return false;
  struct Visit {
    ThriftWriter& writer;
    const TypeInfo& type;
    const FieldPath& path;
    int depth;
  };
  Visit visit{*this, type, path, depth - 1};
  const auto write_entry = [](void* state, const void* key, const void* element) {
    auto& at = *static_cast<Visit*>(state);
    const FieldPath here = FieldPath::key(at.path, "");
    return at.writer.write_value(*at.type.key, key, here, at.depth) &&
           at.writer.write_value(*at.type.element, element, here, at.depth);
  };
  return type.map->each(value, &visit, write_entry);
}

}  // namespace

Status encode_thrift(const TypeInfo& type, const void* value, Buffer& out) {
  if (type.kind == Kind::kVoid) {
    out.append('\0');  // a struct without fields, as the Go codec writes for nil
    return Status();
  }
  if (type.kind != Kind::kStruct) {
    return Status(
        Code::kEncodeFailed, "codec.thrift",
        "a Thrift body is a struct: wrap the " + std::string(type.name()) + " in a struct");
  }
  ThriftWriter writer(out);
  if (writer.write_struct(*type.structure, value, FieldPath(), contract::kDepthMax)) {
    return Status();
  }
  return std::move(writer).status();
}

}  // namespace fairlead::codec::internal
