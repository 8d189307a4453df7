// Form: application/x-www-form-urlencoded.
//
//   a=1&tags=x&tags=y&inner.name=n&labels.key=v
//
// Scalars by name, lists by repeating the key, nested structs by dotted names, maps by `map.key`
// (of a map of scalars everything behind the first dot is the key). Written sorted by key.
#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fairlead/base/text.h"
#include "fairlead/codec/codecs.h"
#include "fairlead/contract/text_value.h"

namespace fairlead::codec::internal {
namespace {

struct Pair {
  std::string key;
  std::string text;
  std::size_t order;  // of pairs with the same key
};
using Pairs = std::vector<Pair>;

bool is_single(const TypeInfo& type) { return type.kind < Kind::kStruct; }

Status cannot_encode(std::string_view reason, std::string_view key, std::string_view what) {
  return Status(Code::kEncodeFailed, reason,
                (key.empty() ? "the body" : std::string(key)) + ": " + std::string(what));
}

Status collect(const TypeInfo& type, const void* value, const std::string& key, Pairs& pairs,
               int depth);

Status collect_single(const TypeInfo& type, const void* value, const std::string& key,
                      Pairs& pairs) {
  std::string text;
  if (type.kind == Kind::kBytes) {
    Buffer base64;
    write_base64(static_cast<const Bytes*>(value)->view(), base64);
    text = base64.view();
  } else if (!contract::append_text(type, value, text)) {
    return cannot_encode("codec.form", key, "has no form as text");
  }
  pairs.push_back({key, std::move(text), pairs.size()});
  return Status();
}

Status collect_map(const TypeInfo& type, const void* value, const std::string& key, Pairs& pairs,
                   int depth) {
  struct Visit {
    const TypeInfo& type;
    const std::string& key;
    Pairs& pairs;
    int depth;
    Status status{};
  };
  Visit visit{type, key, pairs, depth};
  const auto collect_entry = [](void* state, const void* name, const void* element) {
    auto& at = *static_cast<Visit*>(state);
    std::string inner = at.key + ".";
    contract::append_text(*at.type.key, name, inner);
    if (!is_single(*at.type.element) && inner.find('.', at.key.size() + 1) != std::string::npos) {
      at.status = cannot_encode("codec.form", inner, "a key with a dot leads nowhere in a form");
    } else {
      at.status = collect(*at.type.element, element, inner, at.pairs, at.depth);
    }
    return at.status.ok();
  };
  type.map->each(value, &visit, collect_entry);
  return std::move(visit.status);
}

Status collect_list(const TypeInfo& type, const void* value, const std::string& key, Pairs& pairs) {
  const auto* data = static_cast<const std::byte*>(type.list->data(value));
  const std::size_t count = type.list->size(value);
  if (count > 0 && !is_single(*type.element)) {
    return cannot_encode("codec.form", key, "a list of structs has no form");
  }
  for (std::size_t i = 0; i < count; ++i) {
    FL_TRY(collect_single(*type.element, data + i * type.element->size, key, pairs));
  }
  return Status();
}

Status collect(const TypeInfo& type, const void* value, const std::string& key, Pairs& pairs,
               int depth) {
  if (type.kind == Kind::kOptional) {
    const void* inner = type.optional->get(value);
    return inner == nullptr ? Status() : collect(*type.element, inner, key, pairs, depth);
  }
  if (is_single(type)) return collect_single(type, value, key, pairs);
  if (depth == 0) return cannot_encode("codec.depth", key, "nested deeper than 64 levels");
  if (type.kind == Kind::kList) return collect_list(type, value, key, pairs);
  if (type.kind == Kind::kMap) return collect_map(type, value, key, pairs, depth - 1);
  for (const FieldInfo& field : type.structure->fields) {
    std::string inner = key;
    if (!inner.empty()) inner += '.';
    inner += field.name;
    FL_TRY(collect(*field.type, field.in(value), inner, pairs, depth - 1));
  }
  return Status();
}

// As Go's url.QueryEscape: the framework's rule but for three signs.
void append_escaped(std::string& out, std::string_view text) {
  for (std::size_t from = 0;;) {
    const std::size_t other = text.find_first_of(" *~", from);
    append_percent_encoded(out, text.substr(from, other - from));
    if (other == std::string_view::npos) return;
    out += text[other] == ' ' ? "+" : text[other] == '*' ? "%2A" : "~";
    from = other + 1;
  }
}

Status bad_form(std::string_view key, std::string_view what) {
  return Status(Code::kBadMessage, "codec.form", escape_text(key, 64) + ": " + std::string(what));
}

class FormReader {
 public:
  explicit FormReader(const DecodeOptions& options)
      : options_(options), budget_(options.memory_bytes_max) {}

  // Puts the text of one pair where `key` leads.
  Status set(const TypeInfo& root, void* object, const std::string& key, std::string_view text);

 private:
  Status set_single(const TypeInfo& type, void* value, const std::string& key,
                    std::string_view text, bool secret);
  // Steps into a map: `rest` is what follows the map's name and its dot, and loses the key.
  Status step_into_map(const TypeInfo*& type, void*& value, std::string_view& rest,
                       const std::string& key);

  const DecodeOptions& options_;
  MemoryBudget budget_;
  std::set<std::string, std::less<>> given_{};  // keys of single values
};

Status FormReader::set_single(const TypeInfo& type, void* value, const std::string& key,
                              std::string_view text, bool secret) {
  const bool list = type.kind == Kind::kList;
  if (!list && !given_.insert(key).second) return bad_form(key, "the field is given twice");
  if (list && !budget_.take(1, type.element->size)) {
    return budget_.exceeded(FieldPath(FieldPath(), key));
  }
  const TypeInfo& single = list || type.kind == Kind::kOptional ? *type.element : type;
  if (!is_single(single)) return bad_form(key, "this field has no form as text");
  if (single.kind == Kind::kBytes) {
    Bytes bytes;
    if (!read_base64(text, bytes)) return bad_form(key, "wanted base64");
    void* target = list                           ? type.list->append(value)
                   : type.kind == Kind::kOptional ? type.optional->emplace(value)
                                                  : value;
    *static_cast<Bytes*>(target) = std::move(bytes);
    return Status();
  }
  const Status status = contract::value_from_text(type, value, text);
  if (status.ok()) return status;
  return bad_form(key, secret ? "wanted " + std::string(single.name()) + ", got something else"
                              : std::string(status.message()));
}

Status FormReader::step_into_map(const TypeInfo*& type, void*& value, std::string_view& rest,
                                 const std::string& key) {
  const bool single = is_single(*type->element);
  const std::size_t dot = single ? std::string_view::npos : rest.find('.');
  const std::string_view name = rest.substr(0, dot);
  rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
  MapKey map_key;
  if (!valid_utf8(name) || !read_map_key(*type->key, name, map_key)) {
    return bad_form(key, "wanted a key of type " + std::string(type->key->name()));
  }
  if (!budget_.take(1, type->element->size + type->key->size + kMapNodeBytes)) {
    return budget_.exceeded(FieldPath(FieldPath(), key));
  }
  bool inserted = false;
  value = type->map->emplace(value, map_key, inserted);
  type = type->element;
  return Status();
}

Status FormReader::set(const TypeInfo& root, void* object, const std::string& key,
                       std::string_view text) {
  const TypeInfo* type = &root;
  void* value = object;
  std::string_view rest = key;
  bool whole = false;  // `rest` has been used up
  bool secret = false;
  for (int depth = 0; depth <= contract::kDepthMax; ++depth) {
    if (type->kind == Kind::kOptional && type->element->kind == Kind::kStruct) {
      value = type->optional->emplace(value);
      type = type->element;
    }
    if (type->kind == Kind::kMap) {
      if (whole) return bad_form(key, "wanted a dot and a key of the map");
      const bool last = is_single(*type->element) || rest.find('.') == std::string_view::npos;
      FL_TRY(step_into_map(type, value, rest, key));
      whole = last;
    } else if (type->kind == Kind::kStruct) {
      const std::size_t dot = rest.find('.');
      const std::string_view name = rest.substr(0, dot);
      if (whole) return bad_form(key, "wanted a dot and a field of " + std::string(type->name()));
      const FieldInfo* field = type->structure->find(name);
      if (field == nullptr) {
        if (options_.unknown_fields == DecodeOptions::Unknown::kIgnore) return Status();
        return unknown_field(*type->structure, FieldPath(), key);
      }
      whole = dot == std::string_view::npos;
      rest = whole ? std::string_view{} : rest.substr(dot + 1);
      value = field->in(value);
      type = field->type;
      secret = field->secret;
    } else {
      if (whole) return set_single(*type, value, key, text, secret);
      if (options_.unknown_fields == DecodeOptions::Unknown::kIgnore) return Status();
      return bad_form(key, "nothing lies behind the last dot");
    }
  }
  return Status(Code::kBadMessage, "codec.depth", escape_text(key, 64) + ": nested too deep");
}

}  // namespace

Status encode_form(const TypeInfo& type, const void* value, Buffer& out) {
  if (type.kind == Kind::kVoid) return Status();
  if (type.kind != Kind::kStruct && type.kind != Kind::kMap) {
    return cannot_encode("codec.form", "", "a form is a struct or a map");
  }
  Pairs pairs;
  if (type.kind == Kind::kStruct) {
    FL_TRY(collect(type, value, "", pairs, contract::kDepthMax));
  } else {
    FL_TRY(collect_map(type, value, "", pairs, contract::kDepthMax - 1));
    for (Pair& pair : pairs) pair.key.erase(0, 1);  // the dot behind the map's missing name
  }
  std::ranges::sort(pairs, [](const Pair& a, const Pair& b) {
    return a.key == b.key ? a.order < b.order : a.key < b.key;
  });
  std::string text;
  for (const Pair& pair : pairs) {
    if (!text.empty()) text += '&';
    append_escaped(text, pair.key);
    text += '=';
    append_escaped(text, pair.text);
  }
  out.append(text);
  return Status();
}

Status decode_form(const TypeInfo& type, const Bytes& body, void* value,
                   const DecodeOptions& options) {
  if (type.kind == Kind::kVoid) return Status();
  if (type.kind != Kind::kStruct && type.kind != Kind::kMap) {
    return Status(Code::kBadMessage, "codec.form",
                  "a form is a struct or a map, not a " + std::string(type.name()));
  }
  FormReader reader(options);
  std::string_view left = body.view();
  while (!left.empty()) {
    const std::size_t end = std::min(left.find('&'), left.size());
    const std::string_view pair = left.substr(0, end);
    left.remove_prefix(std::min(end + 1, left.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    const std::string key = percent_decode(pair.substr(0, equals), true);
    const std::string text =
        equals < pair.size() ? percent_decode(pair.substr(equals + 1), true) : std::string();
    FL_TRY(reader.set(type, value, key, text));
  }
  return Status();
}

}  // namespace fairlead::codec::internal
