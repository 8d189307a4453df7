// From a C++ type to its descriptor: type_info<T>().
//
// T may be bool, int32, int64, uint32, uint64 (any integer type of four or eight bytes), float,
// double, std::string, fairlead::Bytes, an enum with FL_ENUM, a struct with FL_STRUCT, and
// std::vector, std::optional, std::map and std::unordered_map of those; void means "no body". A
// type that protoc or the Thrift compiler made may be a whole body once the adapter header is
// included that describes it. Anything else does not compile, and says why.
#pragma once

#include <array>
#include <concepts>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "fairlead/base/bytes.h"
#include "fairlead/contract/type_info.h"

namespace fairlead::contract {

// Names a type in calls that are found by argument-dependent look-up.
template <class T>
struct Tag {};

// Describes a type that another generator made; specialised by the adapters of codec, with a
// static constexpr GeneratedOps ops.
template <class T>
struct Generated;

namespace internal {

template <class T>
inline constexpr bool kNever = false;

template <class T>
concept DescribedStruct = std::is_class_v<T> && requires { fl_is_struct(Tag<T>{}); };
template <class T>
concept DescribedEnum = std::is_enum_v<T> && requires { fl_enum_values(Tag<T>{}); };

template <class T>
concept GeneratedType = std::is_class_v<T> && requires { Generated<T>::ops; };

template <class T>
struct Shape {  // neither container nor optional
  static constexpr Kind kKind = Kind::kVoid;
};
template <class T, class Allocator>
struct Shape<std::vector<T, Allocator>> {
  static constexpr Kind kKind = Kind::kList;
  using Element = T;
};
template <class T>
struct Shape<std::optional<T>> {
  static constexpr Kind kKind = Kind::kOptional;
  using Element = T;
};
template <class K, class V, class Less, class Allocator>
struct Shape<std::map<K, V, Less, Allocator>> {
  static constexpr Kind kKind = Kind::kMap;
  using Key = K;
  using Element = V;
};
template <class K, class V, class Hash, class Equal, class Allocator>
struct Shape<std::unordered_map<K, V, Hash, Equal, Allocator>> {
  static constexpr Kind kKind = Kind::kMap;
  using Key = K;
  using Element = V;
};

template <class T>
consteval Kind kind_of() {
  if constexpr (Shape<T>::kKind != Kind::kVoid)
    return Shape<T>::kKind;
  else if constexpr (std::is_void_v<T>)
    return Kind::kVoid;
  else if constexpr (std::same_as<T, bool>)
    return Kind::kBool;
  else if constexpr (std::same_as<T, float>)
    return Kind::kFloat;
  else if constexpr (std::same_as<T, double>)
    return Kind::kDouble;
  else if constexpr (std::same_as<T, std::string>)
    return Kind::kString;
  else if constexpr (std::same_as<T, Bytes>)
    return Kind::kBytes;
  else if constexpr (DescribedEnum<T>)
    return Kind::kEnum;
  else if constexpr (DescribedStruct<T>)
    return Kind::kStruct;
  else if constexpr (GeneratedType<T>)
    return Kind::kGenerated;
  else if constexpr (std::integral<T>) {
    static_assert(sizeof(T) >= 4 && !std::same_as<T, wchar_t> && !std::same_as<T, char32_t>,
                  "contract: characters and integers below 32 bits have no form in bodies; "
                  "use std::int32_t or std::uint32_t");
    if (sizeof(T) == 4) return std::is_signed_v<T> ? Kind::kInt32 : Kind::kUint32;
    return std::is_signed_v<T> ? Kind::kInt64 : Kind::kUint64;
  } else if constexpr (std::is_enum_v<T>) {
    static_assert(kNever<T>, "contract: this enum needs FL_ENUM in its own namespace before use");
    return Kind::kVoid;
  } else {
    static_assert(kNever<T>,
                  "contract: this type needs FL_STRUCT in its own namespace before use, or, if it "
                  "is a generated one, fairlead/codec/protobuf_message.h or thrift_struct.h; or it "
                  "has no form in bodies");
    return Kind::kVoid;  // keeps the compiler from complaining about the same twice
  }
}

consteval bool is_container(Kind kind) {
  return kind == Kind::kList || kind == Kind::kMap || kind == Kind::kOptional;
}
consteval bool is_map_key(Kind kind) {
  return kind == Kind::kBool || kind == Kind::kString ||
         (kind >= Kind::kInt32 && kind <= Kind::kUint64);
}

// Declared here and defined below, so that types may contain themselves through a list.
template <class T>
struct TypeOf {
  static const TypeInfo info;
};
template <class T>
struct StructOf {
  static const StructInfo info;
};

template <class List>
inline constexpr ListOps kListOps = {
    .size = [](const void* list) { return static_cast<const List*>(list)->size(); },
    .data = [](const void* list) -> const void* { return static_cast<const List*>(list)->data(); },
    .append = [](void* list) -> void* { return &static_cast<List*>(list)->emplace_back(); },
    .clear = [](void* list) { static_cast<List*>(list)->clear(); },
    .reserve = [](void* list, std::size_t count) { static_cast<List*>(list)->reserve(count); }};

template <class Map>
inline constexpr MapOps kMapOps = {
    .size = [](const void* map) { return static_cast<const Map*>(map)->size(); },
    .each =
        [](const void* map, void* state, MapOps::Visit visit) {
          for (const auto& [key, value] : *static_cast<const Map*>(map)) {
            if (!visit(state, &key, &value)) return false;
          }
          return true;
        },
    .emplace = [](void* map, const MapKey& key, bool& inserted) -> void* {
      using Key = typename Shape<Map>::Key;
      auto& target = *static_cast<Map*>(map);
      if constexpr (std::same_as<Key, std::string>) {
        const auto [at, fresh] = target.try_emplace(std::string(key.text));
        inserted = fresh;
        return &at->second;
      } else {
        const auto [at, fresh] = target.try_emplace(static_cast<Key>(key.number));
        inserted = fresh;
        return &at->second;
      }
    },
    .zero =
        [](void* value) {
          *static_cast<typename Shape<Map>::Element*>(value) = typename Shape<Map>::Element{};
        },
    .clear = [](void* map) { static_cast<Map*>(map)->clear(); }};

template <class Optional>
inline constexpr OptionalOps kOptionalOps = {
    .get = [](const void* optional) -> const void* {
      const auto& value = *static_cast<const Optional*>(optional);
      return value.has_value() ? &*value : nullptr;
    },
    .emplace = [](void* optional) -> void* {
      auto& value = *static_cast<Optional*>(optional);
      return value.has_value() ? &*value : &value.emplace();
    },
    .reset = [](void* optional) { static_cast<Optional*>(optional)->reset(); }};

template <class T>
struct EnumOf {
  static constexpr auto values = fl_enum_values(Tag<T>{});
  static constexpr EnumInfo info = {
      .name = fl_enum_name(Tag<T>{}),
      .values = values,
      .get =
          [](const void* value) {
            return static_cast<std::int32_t>(*static_cast<const T*>(value));
          },
      .set =
          [](void* value, std::int32_t number) {
            using Whole = std::underlying_type_t<T>;
            if (static_cast<std::int64_t>(static_cast<Whole>(number)) != number) return false;
            *static_cast<T*>(value) = static_cast<T>(static_cast<Whole>(number));
            return true;
          }};
};

template <class T>
consteval TypeInfo make_type_info() {
  constexpr Kind kind = kind_of<T>();
  TypeInfo info;
  info.kind = kind;
  if constexpr (!std::is_void_v<T>) info.size = sizeof(T);
  if constexpr (is_container(kind)) {
    using Element = typename Shape<T>::Element;
    static_assert(!(kind == Kind::kList && std::same_as<Element, bool>),
                  "contract: std::vector<bool> has no addressable elements; use a list of "
                  "std::uint32_t or of an enum");
    static_assert(!is_container(Shape<Element>::kKind),
                  "contract: a list, map or optional directly inside another has no protobuf "
                  "form; wrap the inner one in a struct");
    static_assert(kind_of<Element>() != Kind::kGenerated,
                  "contract: a generated type is a whole argument or reply, not an element");
    info.element = &TypeOf<Element>::info;
    if constexpr (kind == Kind::kList && !std::same_as<Element, bool>) info.list = &kListOps<T>;
    if constexpr (kind == Kind::kOptional) info.optional = &kOptionalOps<T>;
    if constexpr (kind == Kind::kMap) {
      using Key = typename Shape<T>::Key;
      static_assert(is_map_key(kind_of<Key>()),
                    "contract: keys of maps are integers, bool or std::string");
      info.key = &TypeOf<Key>::info;
      info.map = &kMapOps<T>;
    }
  }
  if constexpr (kind == Kind::kEnum) info.enumeration = &EnumOf<T>::info;
  if constexpr (kind == Kind::kStruct) info.structure = &StructOf<T>::info;
  if constexpr (kind == Kind::kGenerated) info.generated = &Generated<T>::ops;
  return info;
}

template <class T>
constinit const TypeInfo TypeOf<T>::info = make_type_info<T>();

}  // namespace internal

// The descriptor of T; the same object for every call.
template <class T>
const TypeInfo& type_info() {
  return internal::TypeOf<T>::info;
}

// The fields of a struct with FL_STRUCT.
template <class T>
const StructInfo& struct_info() {
  static_assert(internal::DescribedStruct<T>, "contract: this type needs FL_STRUCT");
  return internal::StructOf<T>::info;
}

}  // namespace fairlead::contract
