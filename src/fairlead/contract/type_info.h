// Descriptors: what the library knows of a C++ type of a contract, as plain data.
//
// Codecs, validation and documentation read these and never see the C++ type, so they are ordinary
// functions in .cc files and a program that describes a hundred structs stays cheap to compile.
// Descriptors are constant-initialised (no start-up code) and live as long as the program.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "fairlead/base/status.h"

namespace fairlead {
class Buffer;
class Bytes;
class Pattern;
}  // namespace fairlead

namespace fairlead::contract {

// Greatest nesting of structs, lists, maps and optionals, everywhere (design: "at most 64").
inline constexpr int kDepthMax = 64;
inline constexpr std::uint32_t kFieldNumberMax = (1U << 29) - 1;

enum class Kind : std::uint8_t {
  kVoid,  // no body
  kBool,
  kInt32,
  kInt64,
  kUint32,
  kUint64,
  kFloat,
  kDouble,
  kString,     // std::string, UTF-8
  kBytes,      // fairlead::Bytes
  kEnum,       // enum class with FL_ENUM
  kStruct,     // struct with FL_STRUCT
  kList,       // std::vector
  kMap,        // std::map, std::unordered_map
  kOptional,   // std::optional
  kGenerated,  // a type that protoc or the Thrift compiler made: GeneratedOps
};

// "int32", "list", ... for messages.
std::string_view kind_name(Kind kind);

struct TypeInfo;

// A key of a map on its way in: `text` for string keys, `number` for the others (unsigned ones bit
// for bit). The decoder has checked that the number fits the key's type.
struct MapKey {
  std::int64_t number = 0;
  std::string_view text{};
};

// std::vector<T>: the elements lie side by side, element->size bytes apart.
struct ListOps {
  std::size_t (*size)(const void* list);
  const void* (*data)(const void* list);
  void* (*append)(void* list);  // a new zero element at the end
  void (*clear)(void* list);
  void (*reserve)(void* list, std::size_t count);
};

struct MapOps {
  using Visit = bool (*)(void* state, const void* key, const void* value);
  std::size_t (*size)(const void* map);
  // Calls `visit` per entry in the map's own order until it answers false; returns the last answer.
  bool (*each)(const void* map, void* state, Visit visit);
  // The value at `key`, made if it was not there (`inserted`).
  void* (*emplace)(void* map, const MapKey& key, bool& inserted);
  void (*zero)(void* value);  // makes a value of the map what a new one is
  void (*clear)(void* map);
};

struct OptionalOps {
  const void* (*get)(const void* optional);  // null when absent
  void* (*emplace)(void* optional);          // keeps a value that is there
  void (*reset)(void* optional);
};

// A type that another generator made, which knows its fields itself: a codec hands it the whole
// body. Made by the adapters fairlead/codec/protobuf_message.h and thrift_struct.h.
struct GeneratedOps {
  std::string_view (*name)();
  // Bytes of the codecs that it has a form in; the first one is used when nobody chose.
  std::string_view codecs;
  // Appends the body of `value`.
  // Errors: kEncodeFailed `codec.*`; `out` may then hold a part.
  Status (*encode)(std::uint8_t codec, const void* value, Buffer& out);
  // Reads a body whose outer form the codec has checked (syntax, nesting, lengths) into `value`, a
  // freshly made object. `refuse_unknown`: fields that the type does not have are an error where
  // the form has names. `memory_bytes_max` as in codec::DecodeOptions.
  // Errors: kBadMessage `codec.*`; kTooLarge `codec.memory`.
  Status (*decode)(std::uint8_t codec, const Bytes& body, void* value, bool refuse_unknown,
                   std::size_t memory_bytes_max);
};

struct EnumValue {
  std::string_view name;
  std::int32_t number;
};

struct EnumInfo {
  std::string_view name;
  std::span<const EnumValue> values;  // as declared
  std::int32_t (*get)(const void* value);
  // False when the number does not fit the enum's own integer. A number without a name fits.
  bool (*set)(void* value, std::int32_t number);

  const EnumValue* find(std::string_view name) const;
  const EnumValue* find(std::int32_t number) const;
};

// One side of a range; whole bounds are compared exactly with whole fields.
struct Bound {
  double real = 0;
  std::int64_t whole = 0;
  bool is_whole = true;
};

// The compiled form of a regexp() rule, made by whoever needs it first and kept for good.
using PatternSlot = std::atomic<const Pattern*>;

struct Rule {
  enum class Kind : std::uint8_t { kRange, kLength, kRegexp, kRequired };
  Kind kind{};
  Bound low{}, high{};         // range: the number; length: bytes of text, elements of lists
  std::string_view pattern{};  // regexp: RE2 syntax, must match the whole text
  PatternSlot* compiled = nullptr;
  bool has_error = false;  // error() was given: its code and text answer instead of ours
  std::int32_t error_code = 0;
  std::string_view error_text{};
};

// Where the value of a field comes from.
enum class Source : std::uint8_t {
  kBody,
  kMeta,     // metadata of the message
  kQuery,    // what stands behind the method's "?", or the query of an HTTP request
  kSession,  // a value that the program put on the session
};

// "metadata", "query", "session", "body".
std::string_view source_name(Source source);

struct FieldInfo {
  std::uint32_t number = 0;  // protobuf and Thrift id
  std::string_view name{};
  const TypeInfo* type = nullptr;
  void* (*access)(void* object) = nullptr;
  bool zigzag = false;            // sint: zigzag varint in protobuf
  bool secret = false;            // its value is shown in no message
  Source source = Source::kBody;  // from_meta(), from_query(), from_session()
  std::string_view source_key{};  // the name there; empty for kBody
  std::span<const Rule> rules{};

  void* in(void* object) const { return access(object); }
  const void* in(const void* object) const { return access(const_cast<void*>(object)); }
};

struct StructInfo {
  std::string_view name;
  std::span<const FieldInfo> fields;         // as declared
  std::span<const std::uint16_t> by_number;  // indices into `fields`, ascending
  std::span<const std::uint16_t> by_name;
  // Only scalars and texts of the body without rules: there is nothing to check and to bind.
  bool plain = false;

  // Null when there is no such field. O(log n).
  const FieldInfo* find(std::uint32_t number) const;
  const FieldInfo* find(std::string_view name) const;
};

struct TypeInfo {
  Kind kind = Kind::kVoid;
  std::uint32_t size = 0;             // sizeof; 0 for void
  const TypeInfo* element = nullptr;  // of lists and optionals; the value of maps
  const TypeInfo* key = nullptr;      // of maps
  const ListOps* list = nullptr;
  const MapOps* map = nullptr;
  const OptionalOps* optional = nullptr;
  const EnumInfo* enumeration = nullptr;
  const StructInfo* structure = nullptr;
  const GeneratedOps* generated = nullptr;

  // The name for messages: the type's own if it has one, otherwise kind_name().
  std::string_view name() const;
};

}  // namespace fairlead::contract
