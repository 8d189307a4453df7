// Protobuf in: one pass over the body, straight into the value. The wire format is drawn in
// protobuf_writer.cc.
//
// Fields may come in any order and any number of times: the last scalar wins, messages merge,
// lists grow, packed and unpacked alike. A field with another wire type than its own is unknown,
// and unknown fields, also groups, are skipped.
#include <bit>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "fairlead/codec/codecs.h"
#include "fairlead/codec/protobuf_wire.h"
#include "fairlead/contract/make_zero.h"

namespace fairlead::codec::internal {

using contract::make_zero;

namespace {

// The part of the body that is being read: a message, a packed list or a map entry.
struct Span {
  const char* at;
  const char* end;
  std::size_t size() const { return static_cast<std::size_t>(end - at); }
};

struct Tag {
  std::uint32_t number;
  WireType wire;
};

// False from any member: status() says why. `depth`: messages or groups that may still open.
class ProtobufReader {
 public:
  ProtobufReader(const Bytes& body, const DecodeOptions& options)
      : body_(body), budget_(options.memory_bytes_max) {}

  bool read_message(const StructInfo& structure, void* object, Span span, const FieldPath& path,
                    int depth);
  bool skip_message(Span span, int depth);
  Status status() && { return std::move(status_); }

 private:
  bool read_tag(Span& span, Tag& tag, const FieldPath& path);
  bool read_varint(Span& span, std::uint64_t& value, const FieldPath& path) {
    if (span.at < span.end && static_cast<signed char>(*span.at) >= 0) {  // one byte: most of them
      value = static_cast<unsigned char>(*span.at++);
      return true;
    }
    return read_long_varint(span, value, path);
  }
  bool read_long_varint(Span& span, std::uint64_t& value, const FieldPath& path);
  bool read_length(Span& span, Span& content, const FieldPath& path);
  template <class Word>
  bool read_fixed(Span& span, Word& bits, const FieldPath& path);
  bool skip(Span& span, Tag tag, const FieldPath& path, int depth);

  bool read_field(const FieldInfo& field, Tag tag, Span& span, void* value, const FieldPath& path,
                  int depth, bool& known);
  bool read_single(const TypeInfo& type, bool zigzag, Span& span, void* value,
                   const FieldPath& path, int depth);
  bool read_number(const TypeInfo& type, bool zigzag, Span& span, void* value,
                   const FieldPath& path);
  bool read_packed(const FieldInfo& field, Span& span, void* value, const FieldPath& path);
  bool append(const TypeInfo& list, void* value, void*& element, const FieldPath& path);
  bool read_entry(const FieldInfo& field, Span& span, void* value, const FieldPath& path,
                  int depth);
  bool read_entry_key(const TypeInfo& key, Span span, MapKey& out, const FieldPath& path,
                      int depth);

  bool fail(const FieldPath& path, const Span& span, std::string_view what) {
    const auto at = static_cast<std::size_t>(span.at - body_.data());
    status_ =
        Status(Code::kBadMessage, "codec.protobuf",
               path.to_string() + ": " + std::string(what) + " (byte " + std::to_string(at) + ")");
    return false;
  }
  bool too_deep(const FieldPath& path) {
    status_ = Status(Code::kBadMessage, "codec.depth", path.to_string() + ": nested too deep");
    return false;
  }

  const Bytes& body_;
  MemoryBudget budget_;
  Status status_;
};

bool ProtobufReader::read_long_varint(Span& span, std::uint64_t& value, const FieldPath& path) {
  value = 0;
  for (std::size_t i = 0; i < kVarintBytesMax; ++i) {
    if (span.at == span.end) return fail(path, span, "the body ends inside a number");
    const auto byte = static_cast<unsigned char>(*span.at++);
    value |= static_cast<std::uint64_t>(byte & 0x7F) << (7 * i);
    if (byte < 0x80) return true;
  }
  return fail(path, span, "a varint longer than ten bytes");
}

bool ProtobufReader::read_tag(Span& span, Tag& tag, const FieldPath& path) {
  const Span before = span;
  std::uint64_t bits = 0;
  if (!read_varint(span, bits, path)) return false;
  if (bits > std::numeric_limits<std::uint32_t>::max()) {
    return fail(path, before, "a field number above 536870911");
  }
  tag.number = static_cast<std::uint32_t>(bits >> 3);
  tag.wire = static_cast<WireType>(bits & 7);
  if (tag.number == 0) return fail(path, before, "field number 0");
  if ((bits & 7) > 5) return fail(path, before, "a wire type that does not exist");
  return true;
}

bool ProtobufReader::read_length(Span& span, Span& content, const FieldPath& path) {
  const Span before = span;
  std::uint64_t size = 0;
  if (!read_varint(span, size, path)) return false;
  if (size > span.size()) return fail(path, before, "a length that runs past the end");
  content = {span.at, span.at + size};
  span.at = content.end;
  return true;
}

template <class Word>
bool ProtobufReader::read_fixed(Span& span, Word& bits, const FieldPath& path) {
  static_assert(std::endian::native == std::endian::little);
  if (span.size() < sizeof bits) return fail(path, span, "the body ends inside a number");
  std::memcpy(&bits, span.at, sizeof bits);
  span.at += sizeof bits;
  return true;
}

bool ProtobufReader::skip(Span& span, Tag tag, const FieldPath& path, int depth) {
  switch (tag.wire) {
    case WireType::kVarint: {
      std::uint64_t ignored = 0;
      return read_varint(span, ignored, path);
    }
    case WireType::kFixed64: {
      std::uint64_t ignored = 0;
      return read_fixed(span, ignored, path);
    }
    case WireType::kFixed32: {
      std::uint32_t ignored = 0;
      return read_fixed(span, ignored, path);
    }
    case WireType::kLength: {
      Span ignored{};
      return read_length(span, ignored, path);
    }
    case WireType::kGroupEnd:
      return fail(path, span, "the end of a group that never began");
    case WireType::kGroupStart:
      break;
  }
  if (depth == 0) return too_deep(path);
  while (true) {
    if (span.at == span.end) return fail(path, span, "a group without its end");
    Tag inner{};
    if (!read_tag(span, inner, path)) return false;
    if (inner.wire == WireType::kGroupEnd) {
      if (inner.number == tag.number) return true;
      return fail(path, span, "the end of another group");
    }
    if (!skip(span, inner, path, depth - 1)) return false;
  }
}

bool ProtobufReader::skip_message(Span span, int depth) {
  const FieldPath path;
  while (span.at < span.end) {
    Tag tag{};
    if (!read_tag(span, tag, path) || !skip(span, tag, path, depth)) return false;
  }
  return true;
}

bool ProtobufReader::read_message(const StructInfo& structure, void* object, Span span,
                                  const FieldPath& path, int depth) {
  if (depth == 0) return too_deep(path);
  std::size_t next = 0;  // fields mostly come in ascending order
  while (span.at < span.end) {
    Tag tag{};
    if (!read_tag(span, tag, path)) return false;
    const FieldInfo* field = nullptr;
    if (next < structure.by_number.size()) field = &structure.fields[structure.by_number[next]];
    if (field != nullptr && field->number == tag.number) {
      ++next;
    } else {
      field = structure.find(tag.number);
    }
    bool known = false;
    if (field != nullptr) {
      const FieldPath here(path, field->name);
      if (!read_field(*field, tag, span, field->in(object), here, depth, known)) return false;
    }
    if (!known && !skip(span, tag, path, depth)) return false;
  }
  return true;
}

// One occurrence of a field. `known` stays false, and nothing is read, when the wire type is not
// the field's.
bool ProtobufReader::read_field(const FieldInfo& field, Tag tag, Span& span, void* value,
                                const FieldPath& path, int depth, bool& known) {
  const TypeInfo& type = *field.type;
  if (type.kind == Kind::kList) {
    const TypeInfo& element = *type.element;
    const WireType wire = wire_type_of(element.kind);
    known = tag.wire == wire || tag.wire == WireType::kLength;
    if (!known) return true;
    if (tag.wire != wire) return read_packed(field, span, value, path);
    void* fresh = nullptr;
    if (!append(type, value, fresh, path)) return false;
    if (element.kind == Kind::kStruct) make_zero(element, fresh);
    return read_single(element, field.zigzag, span, fresh, path, depth);
  }
  const TypeInfo& single = type.kind == Kind::kOptional ? *type.element : type;
  known = tag.wire == wire_type_of(single.kind);
  if (!known) return true;
  if (type.kind == Kind::kMap) return read_entry(field, span, value, path, depth);
  void* target = value;
  if (type.kind == Kind::kOptional) {
    const bool absent = type.optional->get(value) == nullptr;
    target = type.optional->emplace(value);
    if (absent && single.kind == Kind::kStruct) make_zero(single, target);
  }
  return read_single(single, field.zigzag, span, target, path, depth);
}

bool ProtobufReader::read_single(const TypeInfo& type, bool zigzag, Span& span, void* value,
                                 const FieldPath& path, int depth) {
  if (wire_type_of(type.kind) != WireType::kLength) {
    return read_number(type, zigzag, span, value, path);
  }
  Span content{};
  if (!read_length(span, content, path)) return false;
  if (type.kind == Kind::kStruct) {
    return read_message(*type.structure, value, content, path, depth - 1);
  }
  const std::string_view text(content.at, content.size());
  if (type.kind == Kind::kBytes) {
    const auto from = static_cast<std::size_t>(content.at - body_.data());
    *static_cast<Bytes*>(value) = body_.slice(from, text.size()).own();
    return true;
  }
  if (!valid_utf8(text)) return fail(path, content, "wanted UTF-8 text");
  static_cast<std::string*>(value)->assign(text);
  return true;
}

bool ProtobufReader::read_number(const TypeInfo& type, bool zigzag, Span& span, void* value,
                                 const FieldPath& path) {
  if (type.kind == Kind::kDouble) return read_fixed(span, *static_cast<double*>(value), path);
  if (type.kind == Kind::kFloat) return read_fixed(span, *static_cast<float*>(value), path);
  const Span before = span;
  std::uint64_t bits = 0;
  if (!read_varint(span, bits, path)) return false;
  if (zigzag) {
    if (type.kind == Kind::kInt32) bits &= std::numeric_limits<std::uint32_t>::max();
    bits = bits >> 1 ^ (~(bits & 1) + 1);
  }
  // Wider numbers than the field are cut to its width, as the protobuf documents say.
  switch (type.kind) {
    case Kind::kBool:
      *static_cast<bool*>(value) = bits != 0;
      return true;
    case Kind::kInt32:
      *static_cast<std::int32_t*>(value) = static_cast<std::int32_t>(bits);
      return true;
    case Kind::kUint32:
      *static_cast<std::uint32_t*>(value) = static_cast<std::uint32_t>(bits);
      return true;
    case Kind::kInt64:
      *static_cast<std::int64_t*>(value) = static_cast<std::int64_t>(bits);
      return true;
    case Kind::kUint64:
      *static_cast<std::uint64_t*>(value) = bits;
      return true;
    default:
      break;
  }
  if (type.enumeration->set(value, static_cast<std::int32_t>(bits))) return true;
  return fail(path, before, "a number that does not fit the enum " + std::string(type.name()));
}

bool ProtobufReader::append(const TypeInfo& list, void* value, void*& element,
                            const FieldPath& path) {
  if (!budget_.take(1, list.element->size)) {
    status_ = budget_.exceeded(path);
    return false;
  }
  element = list.list->append(value);
  return true;
}

bool ProtobufReader::read_packed(const FieldInfo& field, Span& span, void* value,
                                 const FieldPath& path) {
  const TypeInfo& list = *field.type;
  const TypeInfo& element = *list.element;
  Span content{};
  if (!read_length(span, content, path)) return false;
  const WireType wire = wire_type_of(element.kind);
  if (wire != WireType::kVarint && content.size() % element.size != 0) {
    return fail(path, content, "a packed list that ends inside a number");
  }
  while (content.at < content.end) {
    void* fresh = nullptr;
    if (!append(list, value, fresh, path) ||
        !read_number(element, field.zigzag, content, fresh, path)) {
      return false;
    }
  }
  return true;
}

// The key of an entry: field 1, the last one if there are several, zero if there is none. The value
// may stand before the key, so the entry is read twice.
bool ProtobufReader::read_entry_key(const TypeInfo& key, Span span, MapKey& out,
                                    const FieldPath& path, int depth) {
  while (span.at < span.end) {
    Tag tag{};
    if (!read_tag(span, tag, path)) return false;
    if (tag.number != 1 || tag.wire != wire_type_of(key.kind)) {
      if (!skip(span, tag, path, depth)) return false;
      continue;
    }
    if (key.kind == Kind::kString) {
      Span content{};
      if (!read_length(span, content, path)) return false;
      out.text = {content.at, content.size()};
      if (!valid_utf8(out.text)) return fail(path, content, "wanted a key in UTF-8");
      continue;
    }
    std::uint64_t bits = 0;
    if (!read_varint(span, bits, path)) return false;
    switch (key.kind) {
      case Kind::kBool:
        out.number = bits != 0 ? 1 : 0;
        break;
      case Kind::kInt32:
        out.number = static_cast<std::int32_t>(bits);
        break;
      case Kind::kUint32:
        out.number = static_cast<std::uint32_t>(bits);
        break;
      default:
        out.number = static_cast<std::int64_t>(bits);
        break;
    }
  }
  return true;
}

bool ProtobufReader::read_entry(const FieldInfo& field, Span& span, void* value,
                                const FieldPath& path, int depth) {
  const TypeInfo& map = *field.type;
  Span entry{};
  if (!read_length(span, entry, path)) return false;
  if (depth <= 1) return too_deep(path);
  MapKey key;
  if (!read_entry_key(*map.key, entry, key, path, depth - 1)) return false;
  if (!budget_.take(1, map.element->size + map.key->size + kMapNodeBytes)) {
    status_ = budget_.exceeded(path);
    return false;
  }
  bool inserted = false;
  void* target = map.map->emplace(value, key, inserted);
  if (!inserted) map.map->zero(target);
  if (map.element->kind == Kind::kStruct) make_zero(*map.element, target);
  const FieldInfo inner{.number = 2, .type = map.element, .zigzag = field.zigzag};
  while (entry.at < entry.end) {
    Tag tag{};
    if (!read_tag(entry, tag, path)) return false;
    bool known = false;
    if (tag.number == 2 && !read_field(inner, tag, entry, target, path, depth - 1, known)) {
      return false;
    }
    if (!known && !skip(entry, tag, path, depth - 1)) return false;
  }
  return true;
}

}  // namespace

Status decode_protobuf(const TypeInfo& type, const Bytes& body, void* value,
                       const DecodeOptions& options) {
  ProtobufReader reader(body, options);
  const Span all{body.data(), body.data() + body.size()};
  if (type.kind == Kind::kVoid) {
    return reader.skip_message(all, contract::kDepthMax) ? Status() : std::move(reader).status();
  }
  if (type.kind != Kind::kStruct) {
    return Status(Code::kBadMessage, "codec.protobuf",
                  "a protobuf body is a message, not a " + std::string(type.name()));
  }
  make_zero(type, value);
  if (reader.read_message(*type.structure, value, all, FieldPath(), contract::kDepthMax)) {
    return Status();
  }
  return std::move(reader).status();
}

}  // namespace fairlead::codec::internal
