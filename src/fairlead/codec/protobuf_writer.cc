// Protobuf out: the wire format of protobuf.dev/programming-guides/encoding, proto3 rules.
//
//   field    = tag varint (number << 3 | wire type), then the value
//   wire 0 varint   wire 1 eight bytes   wire 2 length varint + bytes   wire 5 four bytes
//
// Zero values of plain fields are not written; an optional that is there always is. Scalar lists
// are packed.
#include <array>
#include <bit>
#include <cstring>
#include <string>

#include "fairlead/codec/codecs.h"
#include "fairlead/codec/protobuf_wire.h"

namespace fairlead::codec::internal {
namespace {

// Writes one value or field; false: status() says why. `depth`: messages that may still open.
class ProtobufWriter {
 public:
  explicit ProtobufWriter(Buffer& out) : out_(out) {}

  bool write_message(const StructInfo& structure, const void* object, const FieldPath& path,
                     int depth);
  Status status() && { return std::move(status_); }

 private:
  void write_varint(std::uint64_t value) {
    char* at = out_.prepare(kVarintBytesMax);
    std::size_t size = 0;
    while (value >= 0x80) {
      at[size++] = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    at[size++] = static_cast<char>(value);
    out_.commit(size);
  }
  void write_tag(std::uint32_t number, WireType wire) {
    write_varint(std::uint64_t{number} << 3 | static_cast<std::uint64_t>(wire));
  }
  template <class Word>
  void write_fixed(Word bits) {
    static_assert(std::endian::native == std::endian::little);
    std::memcpy(out_.prepare(sizeof bits), &bits, sizeof bits);
    out_.commit(sizeof bits);
  }
  // A length that is known only when its content is written: one byte is kept for it, and the rare
  // longer content moves up.
  std::size_t begin_length() {
    out_.append('\0');
    return out_.size();
  }
  void end_length(std::size_t begin);

  void write_number(Kind kind, bool zigzag, const TypeInfo& type, const void* value);
  bool write_field(const FieldInfo& field, const TypeInfo& type, const void* value, bool zero_too,
                   const FieldPath& path, int depth);
  bool write_list(const FieldInfo& field, const void* value, const FieldPath& path, int depth);
  bool write_map(const FieldInfo& field, const void* value, const FieldPath& path, int depth);
  bool fail(std::string_view reason, const FieldPath& path, std::string_view what) {
    status_ = Status(Code::kEncodeFailed, reason, path.to_string() + ": " + std::string(what));
    return false;
  }

  Buffer& out_;
  Status status_;
};

void ProtobufWriter::end_length(std::size_t begin) {
  const std::size_t size = out_.size() - begin;
  if (size < 0x80) {
    *out_.at(begin - 1) = static_cast<char>(size);
    return;
  }
  std::array<char, kVarintBytesMax> length;
  std::size_t bytes = 0;
  std::size_t left = size;
  for (; left >= 0x80; left >>= 7) length[bytes++] = static_cast<char>(left | 0x80);
  length[bytes++] = static_cast<char>(left);
  out_.prepare(bytes - 1);
  out_.commit(bytes - 1);
  std::memmove(out_.at(begin + bytes - 1), out_.at(begin), size);
  std::memcpy(out_.at(begin - 1), length.data(), bytes);
}

// The bits of a number as they go out, also to tell whether it is zero.
std::uint64_t number_bits(const TypeInfo& type, bool zigzag, const void* value) {
  switch (type.kind) {
    case Kind::kBool:
      return *static_cast<const bool*>(value) ? 1 : 0;
    case Kind::kUint32:
      return *static_cast<const std::uint32_t*>(value);
    case Kind::kUint64:
      return *static_cast<const std::uint64_t*>(value);
    case Kind::kFloat:
      return std::bit_cast<std::uint32_t>(*static_cast<const float*>(value));
    case Kind::kDouble:
      return std::bit_cast<std::uint64_t>(*static_cast<const double*>(value));
    case Kind::kEnum:
      return static_cast<std::uint64_t>(std::int64_t{type.enumeration->get(value)});
    case Kind::kInt32:
    case Kind::kInt64: {
      const std::int64_t number = type.kind == Kind::kInt32
                                      ? *static_cast<const std::int32_t*>(value)
                                      : *static_cast<const std::int64_t*>(value);
      const auto bits = static_cast<std::uint64_t>(number);
      return zigzag ? bits << 1 ^ static_cast<std::uint64_t>(number >> 63) : bits;
    }
    default:
      return 0;
  }
}

void ProtobufWriter::write_number(Kind kind, bool zigzag, const TypeInfo& type, const void* value) {
  const std::uint64_t bits = number_bits(type, zigzag, value);
  if (kind == Kind::kFloat)
    write_fixed(static_cast<std::uint32_t>(bits));
  else if (kind == Kind::kDouble)
    write_fixed(bits);
  else
    write_varint(bits);
}

bool ProtobufWriter::write_field(const FieldInfo& field, const TypeInfo& type, const void* value,
                                 bool zero_too, const FieldPath& path, int depth) {
  switch (type.kind) {
    case Kind::kString:
    case Kind::kBytes: {
      const std::string_view text = type.kind == Kind::kString
                                        ? std::string_view(*static_cast<const std::string*>(value))
                                        : static_cast<const Bytes*>(value)->view();
      if (text.empty() && !zero_too) return true;
      if (type.kind == Kind::kString && !valid_utf8(text)) {
        return fail("codec.protobuf", path, "the text is not UTF-8");
      }
      write_tag(field.number, WireType::kLength);
      write_varint(text.size());
      out_.append(text);
      return true;
    }
    case Kind::kStruct: {
      const std::size_t before = out_.size();
      write_tag(field.number, WireType::kLength);
      const std::size_t begin = begin_length();
      if (!write_message(*type.structure, value, path, depth - 1)) return false;
      if (out_.size() == begin && !zero_too)
        out_.truncate(before);
      else
        end_length(begin);
      return true;
    }
    case Kind::kOptional: {
      const void* inner = type.optional->get(value);
      return inner == nullptr || write_field(field, *type.element, inner, true, path, depth);
    }
    case Kind::kList:
      return write_list(field, value, path, depth);
    case Kind::kMap:
      return write_map(field, value, path, depth);
    default: {
      // Compared by bits: -0.0 is not zero and must arrive as it is.
      if (!zero_too && number_bits(type, false, value) == 0) return true;
      write_tag(field.number, wire_type_of(type.kind));
      write_number(type.kind, field.zigzag, type, value);
      return true;
    }
  }
}

bool ProtobufWriter::write_list(const FieldInfo& field, const void* value, const FieldPath& path,
                                int depth) {
  const TypeInfo& list = *field.type;
  const TypeInfo& element = *list.element;
  const auto* data = static_cast<const std::byte*>(list.list->data(value));
  const std::size_t count = list.list->size(value);
  if (count == 0) return true;
  if (wire_type_of(element.kind) == WireType::kLength) {
    for (std::size_t i = 0; i < count; ++i) {
      const void* each = data + i * element.size;
      if (!write_field(field, element, each, true, FieldPath(path, i), depth)) return false;
    }
    return true;
  }
  write_tag(field.number, WireType::kLength);
  const std::size_t begin = begin_length();
  for (std::size_t i = 0; i < count; ++i) {
    write_number(element.kind, field.zigzag, element, data + i * element.size);
  }
  end_length(begin);
  return true;
}

bool ProtobufWriter::write_map(const FieldInfo& field, const void* value, const FieldPath& path,
                               int depth) {
  struct Visit {
    ProtobufWriter& writer;
    const FieldInfo& field;
    FieldInfo key;    // field 1 of the entry
    FieldInfo value;  // field 2
    const FieldPath& path;
    int depth;
  };
  Visit visit{*this,
              field,
              {.number = 1, .type = field.type->key},
              {.number = 2, .type = field.type->element},
              path,
              depth - 1};
  visit.value.zigzag = field.zigzag;
  const auto write_entry = [](void* state, const void* key, const void* element) {
    auto& at = *static_cast<Visit*>(state);
    at.writer.write_tag(at.field.number, WireType::kLength);
    const std::size_t begin = at.writer.begin_length();
    const FieldPath here = FieldPath::key(at.path, "");
    if (!at.writer.write_field(at.key, *at.key.type, key, true, here, at.depth) ||
        !at.writer.write_field(at.value, *at.value.type, element, true, here, at.depth)) {
      return false;
    }
    at.writer.end_length(begin);
    return true;
  };
  return field.type->map->each(value, &visit, write_entry);
}

bool ProtobufWriter::write_message(const StructInfo& structure, const void* object,
                                   const FieldPath& path, int depth) {
  if (depth <= 0) return fail("codec.depth", path, "nested deeper than 64 levels");
  for (const std::uint16_t index : structure.by_number) {
    const FieldInfo& field = structure.fields[index];
    if (!write_field(field, *field.type, field.in(object), false, FieldPath(path, field.name),
                     depth)) {
      return false;
    }
  }
  return true;
}

}  // namespace

Status encode_protobuf(const TypeInfo& type, const void* value, Buffer& out) {
  if (type.kind == Kind::kVoid) return Status();
  if (type.kind != Kind::kStruct) {
    return Status(
        Code::kEncodeFailed, "codec.protobuf",
        "a protobuf body is a message: wrap the " + std::string(type.name()) + " in a struct");
  }
  ProtobufWriter writer(out);
  if (writer.write_message(*type.structure, value, FieldPath(), contract::kDepthMax)) {
    return Status();
  }
  return std::move(writer).status();
}

}  // namespace fairlead::codec::internal
