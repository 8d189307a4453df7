// FL_STRUCT and FL_ENUM: describe a plain struct or enum once, in its own namespace.
//
//   struct DivideArg { double a = 0, b = 0; std::string caller{}; };
//   FL_STRUCT(DivideArg,
//       (1, a),
//       (2, b, range(0.01, 1e5), error(1001, "divisor out of range")),
//       (3, caller, from_meta("x-caller"), len(0, 32)))
//
// A field is (number, member, rules...): the number is the protobuf and Thrift id, the member's
// name is the JSON name, the rules are the words of rules.h. Up to 256 fields; none is allowed.
//
//   enum class Color : int { kRed, kGreen };
//   FL_ENUM(Color, (kRed, "red"), (kGreen, "green"))
//
// A value is (enumerator) or (enumerator, "name in JSON"); the first should be zero, as in proto3.
// Both declare functions that are found by argument-dependent look-up and produce no code by
// themselves. Wrong numbers, rules that do not fit the field's type and types without a form in
// bodies do not compile.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>

#include "fairlead/contract/describe.h"
#include "fairlead/contract/for_each.h"
#include "fairlead/contract/rules.h"
#include "fairlead/contract/type_info.h"

namespace fairlead::contract::internal {

// One field on its way into a StructDraft, with K rules.
template <std::size_t K>
struct FieldDraft {
  FieldInfo info{};
  std::array<Rule, K> rules{};
  std::size_t rule_count = 0;
  bool plain = false;
};

template <std::size_t N, std::size_t R>
struct StructDraft {
  std::string_view name{};
  std::array<FieldInfo, N> fields{};
  std::array<Rule, R> rules{};
  std::array<std::size_t, N + 1> rule_from{};
  bool plain = true;
};

template <class Word>
inline constexpr bool kIsRule =
    std::same_as<Word, rules::Range> || std::same_as<Word, rules::Length> ||
    std::same_as<Word, rules::Regexp> || std::same_as<Word, rules::Required>;

// What a rule looks at: the value of an optional.
template <class T>
struct RuleSubject {
  using type = T;
};
template <class T>
struct RuleSubject<std::optional<T>> {
  using type = T;
};

consteval bool is_number(Kind kind) { return kind >= Kind::kInt32 && kind <= Kind::kDouble; }
consteval bool is_text(Kind kind) { return kind == Kind::kString || kind == Kind::kBytes; }

// The kind of T, or of the elements when T is a list.
template <class T>
consteval Kind scalar_kind() {
  if constexpr (Shape<T>::kKind == Kind::kList)
    return kind_of<typename Shape<T>::Element>();
  else
    return kind_of<T>();
}

void a_field_has_one_source_only();  // never defined: names the mistake

template <auto Member, std::size_t Index>
inline constinit PatternSlot pattern_slot{nullptr};

template <class T>
struct MemberOf;
template <class Object, class Field>
struct MemberOf<Field Object::*> {
  using type = Field;
};

template <auto Member, class Draft>
consteval void add_word(Draft& draft, rules::Range word) {
  using Subject = typename RuleSubject<typename MemberOf<decltype(Member)>::type>::type;
  static_assert(is_number(scalar_kind<Subject>()), "FL_STRUCT: range() fits numbers only");
  Rule& rule = draft.rules[draft.rule_count++];
  rule.kind = Rule::Kind::kRange;
  rule.low = word.low;
  rule.high = word.high;
}
template <auto Member, class Draft>
consteval void add_word(Draft& draft, rules::Length word) {
  using Subject = typename RuleSubject<typename MemberOf<decltype(Member)>::type>::type;
  constexpr Kind kind = kind_of<Subject>();
  static_assert(is_text(kind) || kind == Kind::kList || kind == Kind::kMap,
                "FL_STRUCT: len() fits strings, Bytes, lists and maps only");
  Rule& rule = draft.rules[draft.rule_count++];
  rule.kind = Rule::Kind::kLength;
  rule.low = rules::bound(word.low);
  rule.high = rules::bound(word.high);
}
template <auto Member, class Draft>
consteval void add_word(Draft& draft, rules::Regexp word) {
  using Subject = typename RuleSubject<typename MemberOf<decltype(Member)>::type>::type;
  static_assert(is_text(scalar_kind<Subject>()), "FL_STRUCT: regexp() fits strings and Bytes only");
  static_assert(std::tuple_size_v<decltype(draft.rules)> <= 4,
                "FL_STRUCT: a field with regexp() has at most four rules");
  Rule& rule = draft.rules[draft.rule_count];
  constexpr std::array<PatternSlot*, 4> slots = {&pattern_slot<Member, 0>, &pattern_slot<Member, 1>,
                                                 &pattern_slot<Member, 2>,
                                                 &pattern_slot<Member, 3>};
  rule.kind = Rule::Kind::kRegexp;
  rule.pattern = word.pattern;
  rule.compiled = slots[draft.rule_count++];
}
template <auto Member, class Draft>
consteval void add_word(Draft& draft, rules::Required) {
  using Field = typename MemberOf<decltype(Member)>::type;
  static_assert(kind_of<Field>() != Kind::kStruct,
                "FL_STRUCT: a struct is never missing; use std::optional with required");
  draft.rules[draft.rule_count++].kind = Rule::Kind::kRequired;
}
template <auto Member, class Draft>
consteval void add_word(Draft& draft, rules::Sint) {
  using Subject = typename RuleSubject<typename MemberOf<decltype(Member)>::type>::type;
  constexpr Kind kind = scalar_kind<Subject>();
  static_assert(kind == Kind::kInt32 || kind == Kind::kInt64,
                "FL_STRUCT: sint fits signed integers only");
  draft.info.zigzag = true;
}
template <auto Member, class Draft>
consteval void add_word(Draft& draft, rules::Secret) {
  using Subject = typename RuleSubject<typename MemberOf<decltype(Member)>::type>::type;
  static_assert(scalar_kind<Subject>() < Kind::kStruct,
                "FL_STRUCT: secret fits single values and lists of them; in a struct or map, mark "
                "what is secret in it");
  draft.info.secret = true;
}
template <auto Member, class Draft>
consteval void add_word(Draft& draft, rules::From word) {
  using Subject = typename RuleSubject<typename MemberOf<decltype(Member)>::type>::type;
  constexpr Kind kind = scalar_kind<Subject>();
  static_assert(kind != Kind::kStruct && kind != Kind::kMap,
                "FL_STRUCT: from_meta(), from_query() and from_session() fill scalars, strings and "
                "lists of them");
  if (draft.info.source != Source::kBody) a_field_has_one_source_only();
  draft.info.source = word.source;
  draft.info.source_key = word.key.empty() ? draft.info.name : word.key;
}
// Belongs to every rule before it that has none yet.
template <auto Member, class Draft>
consteval void add_word(Draft& draft, rules::Error word) {
  for (std::size_t i = 0; i < draft.rule_count; ++i) {
    Rule& rule = draft.rules[i];
    if (rule.has_error) continue;
    rule.has_error = true;
    rule.error_code = word.code;
    rule.error_text = word.text;
  }
}

template <class Object, auto Number, auto Member, class... Words>
consteval auto make_field(std::string_view name, Words... words) {
  static_assert(Number >= 1 && Number <= kFieldNumberMax && (Number < 19000 || Number > 19999),
                "FL_STRUCT: a field number is 1 to 536870911, and not 19000 to 19999, which "
                "protobuf reserves");
  using Field = typename MemberOf<decltype(Member)>::type;
  static_assert(!std::is_const_v<Field>, "FL_STRUCT: a field must not be const");
  static_assert(kind_of<Field>() != Kind::kGenerated,
                "FL_STRUCT: a generated type is a whole argument or reply, not a field; its own "
                "description says how to nest it");
  FieldDraft<(std::size_t{0} + ... + (kIsRule<Words> ? 1U : 0U))> draft;
  draft.info.number = static_cast<std::uint32_t>(Number);
  draft.info.name = name;
  draft.info.type = &TypeOf<Field>::info;
  draft.info.access = [](void* object) -> void* {
    return &(static_cast<Object*>(object)->*Member);
  };
  (add_word<Member>(draft, words), ...);
  draft.plain = kind_of<Field>() < Kind::kStruct && draft.rule_count == 0 &&
                draft.info.source == Source::kBody;
  return draft;
}

template <std::size_t... K>
consteval auto make_struct(std::string_view name, FieldDraft<K>... parts) {
  static_assert(sizeof...(K) <= 256, "FL_STRUCT: at most 256 fields");
  StructDraft<sizeof...(K), (std::size_t{0} + ... + K)> draft;
  draft.name = name;
  std::size_t field = 0;
  std::size_t rule = 0;
  [[maybe_unused]] const auto add = [&](const auto& part) {
    draft.fields[field] = part.info;
    draft.plain = draft.plain && part.plain;
    draft.rule_from[field++] = rule;
    for (const Rule& each : part.rules) draft.rules[rule++] = each;
  };
  (add(parts), ...);
  draft.rule_from[field] = rule;
  return draft;
}

// The draft in its final place, with spans into itself and the two indices.
template <class T>
struct StructParts {
  static constexpr auto draft = fl_struct_draft(Tag<T>{});
  static constexpr std::size_t kCount = draft.fields.size();
  static constexpr auto fields = [] {
    auto linked = draft.fields;
    for (std::size_t i = 0; i < kCount; ++i) {
      linked[i].rules = std::span<const Rule>(draft.rules.data() + draft.rule_from[i],
                                              draft.rule_from[i + 1] - draft.rule_from[i]);
    }
    return linked;
  }();
  template <class Value>
  static consteval std::array<std::uint16_t, kCount> sorted_by(Value FieldInfo::* value) {
    std::array<std::uint16_t, kCount> order{};
    for (std::size_t i = 0; i < kCount; ++i) order[i] = static_cast<std::uint16_t>(i);
    std::sort(order.begin(), order.end(), [value](std::uint16_t a, std::uint16_t b) {
      return draft.fields[a].*value < draft.fields[b].*value;
    });
    return order;
  }
  static constexpr auto by_number = sorted_by(&FieldInfo::number);
  static constexpr auto by_name = sorted_by(&FieldInfo::name);

  static consteval bool has_twins() {
    for (std::size_t i = 1; i < kCount; ++i) {
      if (fields[by_number[i]].number == fields[by_number[i - 1]].number) return true;
      if (fields[by_name[i]].name == fields[by_name[i - 1]].name) return true;
    }
    return false;
  }
  static_assert(!has_twins(), "FL_STRUCT: two fields have the same number or the same name");
};

template <class T>
constinit const StructInfo StructOf<T>::info = {StructParts<T>::draft.name, StructParts<T>::fields,
                                                StructParts<T>::by_number, StructParts<T>::by_name,
                                                StructParts<T>::draft.plain};

template <class T>
consteval EnumValue make_enum_value(T value, std::string_view name, std::string_view other = {}) {
  return {other.empty() ? name : other, static_cast<std::int32_t>(value)};
}

}  // namespace fairlead::contract::internal

// fl_struct_draft is a template so that compilers look into it only when a descriptor is wanted,
// when the struct is known to be described: it may contain itself.
#define FL_STRUCT(Type, ...)                                                                \
  [[maybe_unused]] constexpr void fl_is_struct(::fairlead::contract::Tag<Type>) {}          \
  template <::std::same_as<Type> FlSelf>                                                    \
  consteval auto fl_struct_draft(::fairlead::contract::Tag<FlSelf>) {                       \
    using ::fairlead::contract::rules::error, ::fairlead::contract::rules::from_meta,       \
        ::fairlead::contract::rules::from_query, ::fairlead::contract::rules::from_session, \
        ::fairlead::contract::rules::len, ::fairlead::contract::rules::nonzero,             \
        ::fairlead::contract::rules::range, ::fairlead::contract::rules::regexp,            \
        ::fairlead::contract::rules::required, ::fairlead::contract::rules::secret,         \
        ::fairlead::contract::rules::sint;                                                  \
    return ::fairlead::contract::internal::make_struct(                                     \
        #Type FL_INTERNAL_FOR_EACH(FL_INTERNAL_STRUCT_FIELD, __VA_ARGS__));                 \
  }
#define FL_INTERNAL_STRUCT_FIELD(field) , FL_INTERNAL_STRUCT_FIELD_OF field
#define FL_INTERNAL_STRUCT_FIELD_OF(number, member, ...)                       \
  ::fairlead::contract::internal::make_field<FlSelf, number, &FlSelf::member>( \
      #member __VA_OPT__(, ) __VA_ARGS__)

#define FL_ENUM(Type, ...)                                                                      \
  [[maybe_unused]] consteval ::std::string_view fl_enum_name(::fairlead::contract::Tag<Type>) { \
    return #Type;                                                                               \
  }                                                                                             \
  [[maybe_unused]] consteval auto fl_enum_values(::fairlead::contract::Tag<Type>) {             \
    typedef Type FlSelf;                                                                        \
    return ::std::to_array<::fairlead::contract::EnumValue>(                                    \
        {FL_INTERNAL_FOR_EACH(FL_INTERNAL_ENUM_VALUE, __VA_ARGS__)});                           \
  }
#define FL_INTERNAL_ENUM_VALUE(value) FL_INTERNAL_ENUM_VALUE_OF value,
#define FL_INTERNAL_ENUM_VALUE_OF(value, ...) \
  ::fairlead::contract::internal::make_enum_value(FlSelf::value, #value __VA_OPT__(, ) __VA_ARGS__)
