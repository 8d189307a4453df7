#include "fairlead/contract/validate.h"

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "fairlead/base/bytes.h"
#include "fairlead/base/pattern.h"
#include "fairlead/base/text.h"
#include "fairlead/contract/field_path.h"
#include "fairlead/contract/text_value.h"

namespace fairlead::contract {
namespace {

constexpr std::size_t kShownBytesMax = 64;  // of a value in a message

bool is_zero(const TypeInfo& type, const void* value) {
  switch (type.kind) {
    case Kind::kBool:
      return !*static_cast<const bool*>(value);
    case Kind::kInt32:
      return *static_cast<const std::int32_t*>(value) == 0;
    case Kind::kInt64:
      return *static_cast<const std::int64_t*>(value) == 0;
    case Kind::kUint32:
      return *static_cast<const std::uint32_t*>(value) == 0;
    case Kind::kUint64:
      return *static_cast<const std::uint64_t*>(value) == 0;
    case Kind::kFloat:
      return *static_cast<const float*>(value) == 0;
    case Kind::kDouble:
      return *static_cast<const double*>(value) == 0;
    case Kind::kString:
      return static_cast<const std::string*>(value)->empty();
    case Kind::kBytes:
      return static_cast<const Bytes*>(value)->empty();
    case Kind::kEnum:
      return type.enumeration->get(value) == 0;
    case Kind::kList:
      return type.list->size(value) == 0;
    case Kind::kMap:
      return type.map->size(value) == 0;
    case Kind::kOptional:
      return type.optional->get(value) == nullptr;
    case Kind::kStruct:
    case Kind::kGenerated:
    case Kind::kVoid:
      return false;
  }
  return false;
}

// Whole numbers as they are, everything else as double.
template <class Number>
bool in_range(Number value, const Rule& rule) {
  if constexpr (std::is_floating_point_v<Number>) {
    return value >= static_cast<Number>(rule.low.real) &&
           value <= static_cast<Number>(rule.high.real);
  } else {
    const bool above = rule.low.is_whole ? std::cmp_greater_equal(value, rule.low.whole)
                                         : static_cast<double>(value) >= rule.low.real;
    const bool below = rule.high.is_whole ? std::cmp_less_equal(value, rule.high.whole)
                                          : static_cast<double>(value) <= rule.high.real;
    return above && below;
  }
}

bool number_in_range(const TypeInfo& type, const void* value, const Rule& rule) {
  switch (type.kind) {
    case Kind::kInt32:
      return in_range(*static_cast<const std::int32_t*>(value), rule);
    case Kind::kInt64:
      return in_range(*static_cast<const std::int64_t*>(value), rule);
    case Kind::kUint32:
      return in_range(*static_cast<const std::uint32_t*>(value), rule);
    case Kind::kUint64:
      return in_range(*static_cast<const std::uint64_t*>(value), rule);
    case Kind::kFloat:
      return in_range(*static_cast<const float*>(value), rule);
    case Kind::kDouble:
      return in_range(*static_cast<const double*>(value), rule);
    default:
      return true;
  }
}

std::string_view text_of(const TypeInfo& type, const void* value) {
  return type.kind == Kind::kString ? std::string_view(*static_cast<const std::string*>(value))
                                    : static_cast<const Bytes*>(value)->view();
}

std::size_t length_of(const TypeInfo& type, const void* value) {
  if (type.kind == Kind::kList) return type.list->size(value);
  if (type.kind == Kind::kMap) return type.map->size(value);
  return text_of(type, value).size();
}

// Two threads may compile the same pattern at once; the first to store it wins.
Result<const Pattern*> compiled(const Rule& rule) {
  const Pattern* pattern = rule.compiled->load(std::memory_order_acquire);
  if (pattern != nullptr) return pattern;
  FL_TRY_ASSIGN(Pattern fresh, Pattern::compile(rule.pattern));
  auto owned = std::make_unique<Pattern>(std::move(fresh));
  if (rule.compiled->compare_exchange_strong(pattern, owned.get(), std::memory_order_acq_rel)) {
    return owned.release();
  }
  return pattern;
}

std::string_view reason_of(const Rule& rule) {
  switch (rule.kind) {
    case Rule::Kind::kRange:
      return "contract.range";
    case Rule::Kind::kLength:
      return "contract.len";
    case Rule::Kind::kRegexp:
      return "contract.regexp";
    case Rule::Kind::kRequired:
      return "contract.required";
  }
  return "contract.rule";
}

void append_bound(std::string& out, const Bound& bound) {
  if (bound.is_whole) {
    out += std::to_string(bound.whole);
    return;
  }
  static constexpr TypeInfo kReal{.kind = Kind::kDouble, .size = sizeof(double)};
  append_text(kReal, &bound.real, out);
}

// "b: wanted 0.01 to 100000, got 0"; of a secret nothing behind the comma.
std::string describe(const Rule& rule, const FieldPath& path, const TypeInfo& type,
                     const void* value, bool secret) {
  std::string message = path.to_string() + ": ";
  std::string got;
  switch (rule.kind) {
    case Rule::Kind::kRequired:
      return message + "a value is required";
    case Rule::Kind::kRange:
    case Rule::Kind::kLength:
      message += rule.kind == Rule::Kind::kRange ? "wanted " : "wanted a length of ";
      append_bound(message, rule.low);
      message += " to ";
      append_bound(message, rule.high);
      if (rule.kind == Rule::Kind::kRange)
        append_text(type, value, got);
      else
        got = std::to_string(length_of(type, value));
      break;
    case Rule::Kind::kRegexp:
      message.append("wanted text that matches ").append(rule.pattern);
      got = "\"" + escape_text(text_of(type, value), kShownBytesMax) + "\"";
      break;
  }
  return secret ? message : message + ", got " + got;
}

// Own code and text answer the caller; what is wrong then stays with them as the cause.
Status broken(const Rule& rule, const FieldPath& path, const TypeInfo& type, const void* value,
              bool secret) {
  const std::string what = describe(rule, path, type, value, secret);
  if (!rule.has_error) return Status(Code::kBadMessage, reason_of(rule), what);
  return Status(static_cast<Code>(rule.error_code), "contract.rule", rule.error_text)
      .with_cause(what);
}

Status check_one(const Rule& rule, const FieldPath& path, const TypeInfo& type, const void* value,
                 bool secret) {
  switch (rule.kind) {
    case Rule::Kind::kRequired:
      if (is_zero(type, value)) return broken(rule, path, type, value, secret);
      return Status();
    case Rule::Kind::kRange:
      if (!number_in_range(type, value, rule)) return broken(rule, path, type, value, secret);
      return Status();
    case Rule::Kind::kLength:
      if (std::cmp_less(length_of(type, value), rule.low.whole) ||
          std::cmp_greater(length_of(type, value), rule.high.whole)) {
        return broken(rule, path, type, value, secret);
      }
      return Status();
    case Rule::Kind::kRegexp: {
      const Result<const Pattern*> pattern = compiled(rule);
      if (!pattern.ok()) {
        return Status(Code::kInternal, "contract.bad_pattern", pattern.status().message())
            .with_context(path.to_string());
      }
      if (!(*pattern)->full_match(text_of(type, value))) {
        return broken(rule, path, type, value, secret);
      }
      return Status();
    }
  }
  return Status();
}

// One rule on a field: looks through optionals, and through lists for rules on single values.
Status check_rule(const Rule& rule, const FieldPath& path, const TypeInfo& type, const void* value,
                  bool secret) {
  if (rule.kind == Rule::Kind::kRequired) return check_one(rule, path, type, value, secret);
  if (type.kind == Kind::kOptional) {
    const void* inner = type.optional->get(value);
    return inner == nullptr ? Status() : check_rule(rule, path, *type.element, inner, secret);
  }
  if (type.kind != Kind::kList || rule.kind == Rule::Kind::kLength) {
    return check_one(rule, path, type, value, secret);
  }
  const auto* data = static_cast<const std::byte*>(type.list->data(value));
  const std::size_t count = type.list->size(value);
  for (std::size_t i = 0; i < count; ++i) {
    FL_TRY(
        check_one(rule, FieldPath(path, i), *type.element, data + i * type.element->size, secret));
  }
  return Status();
}

// "name, count: values are required", when several fields that the library's own `required` asks
// for are missing: whoever fills in a form wants to hear it once.
Status all_missing(const StructInfo& structure, const void* object, const FieldPath& path,
                   Status first) {
  std::string names;
  int missing = 0;
  for (const FieldInfo& field : structure.fields) {
    for (const Rule& rule : field.rules) {
      if (rule.kind != Rule::Kind::kRequired || rule.has_error) continue;
      if (!is_zero(*field.type, field.in(object))) continue;
      if (missing++ > 0) names += ", ";
      names += FieldPath(path, field.name).to_string();
      break;
    }
  }
  if (missing < 2) return first;
  return Status(first.code(), first.reason(), names + ": values are required");
}

Status check_value(const TypeInfo& type, const void* value, const FieldPath& path, int depth);

Status check_fields(const StructInfo& structure, const void* object, const FieldPath& path,
                    int depth) {
  if (depth == 0) {
    return Status(Code::kBadMessage, "contract.depth",
                  "the body nests deeper than " + std::to_string(kDepthMax));
  }
  for (const FieldInfo& field : structure.fields) {
    const void* value = field.in(object);
    const FieldPath here(path, field.name);
    for (const Rule& rule : field.rules) {
      Status status = check_rule(rule, here, *field.type, value, field.secret);
      if (status.ok()) continue;
      if (rule.kind != Rule::Kind::kRequired || rule.has_error) return status;
      return all_missing(structure, object, path, std::move(status));
    }
    if (field.type->kind >= Kind::kStruct) FL_TRY(check_value(*field.type, value, here, depth - 1));
  }
  return Status();
}

struct MapVisit {
  const TypeInfo& type;
  const FieldPath& path;
  int depth;
  Status status{};
};

bool check_entry(void* state, const void* key, const void* value) {
  auto& visit = *static_cast<MapVisit*>(state);
  std::string name;
  append_text(*visit.type.key, key, name);
  visit.status =
      check_value(*visit.type.element, value, FieldPath::key(visit.path, name), visit.depth);
  return visit.status.ok();
}

Status check_value(const TypeInfo& type, const void* value, const FieldPath& path, int depth) {
  if (type.kind < Kind::kStruct || type.kind == Kind::kGenerated) return Status();
  const bool leads_on = type.kind == Kind::kStruct || type.element->kind == Kind::kStruct;
  if (!leads_on) return Status();
  switch (type.kind) {
    case Kind::kStruct:
      return check_fields(*type.structure, value, path, depth);
    case Kind::kOptional: {
      const void* inner = type.optional->get(value);
      return inner == nullptr ? Status() : check_value(*type.element, inner, path, depth);
    }
    case Kind::kList: {
      const auto* data = static_cast<const std::byte*>(type.list->data(value));
      const std::size_t count = type.list->size(value);
      for (std::size_t i = 0; i < count; ++i) {
        FL_TRY(
            check_value(*type.element, data + i * type.element->size, FieldPath(path, i), depth));
      }
      return Status();
    }
    case Kind::kMap: {
      MapVisit visit{type, path, depth};
      type.map->each(value, &visit, check_entry);
      return std::move(visit.status);
    }
    default:
      return Status();
  }
}

using Seen = std::set<std::pair<const TypeInfo*, bool>>;

// `reached`: bind() goes here. What it does not reach the body would fill, which nobody expects.
Status check_fields_of(const TypeInfo& type, Seen& seen, bool reached) {
  if (type.element != nullptr) return check_fields_of(*type.element, seen, false);
  if (type.structure == nullptr || !seen.insert({&type, reached}).second) return Status();
  for (const FieldInfo& field : type.structure->fields) {
    if (field.source != Source::kBody && !reached) {
      return Status(Code::kInvalidOperation, "contract.bad_source",
                    std::string(type.name()) + "." + std::string(field.name) +
                        ": a field inside a list, a map or an optional is filled from the body "
                        "only");
    }
    for (const Rule& rule : field.rules) {
      if (rule.kind != Rule::Kind::kRegexp) continue;
      if (const auto pattern = compiled(rule); !pattern.ok()) {
        const std::string place = std::string(type.name()) + "." + std::string(field.name);
        return Status(Code::kInvalidOperation, "contract.bad_pattern", pattern.status().message())
            .with_context(place);
      }
    }
    FL_TRY(check_fields_of(*field.type, seen, reached));
  }
  return Status();
}

}  // namespace

Status validate(const TypeInfo& type, const void* value) {
  if (type.structure != nullptr && type.structure->plain) return {};
  return check_value(type, value, FieldPath(), kDepthMax);
}

Status check_rules(const TypeInfo& type) {
  Seen seen;
  return check_fields_of(type, seen, true);
}

}  // namespace fairlead::contract
