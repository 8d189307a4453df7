#include "fairlead/wire/protocols/json_scanner.h"

#include <span>
#include <utility>

#include "fairlead/base/text.h"

namespace fairlead::wire::internal {
namespace {

constexpr int kDepthMax = 64;
constexpr std::string_view kKeys[] = {"seq",       "mtype", "serviceMethod", "meta",
                                      "bodyCodec", "body",  "status",        "xferPipe"};
constexpr std::string_view kKeysOfV3[] = {"seq", "ptype", "uri", "meta", "body_codec", "body"};
constexpr std::string_view kSealedByUs = "X-Secure=aes-gcm";
enum Key : unsigned {
  kSeq,
  kKind,
  kMethod,
  kMeta,
  kBodyCodec,
  kBody,
  kStatus,
  kTransforms,  // only inside of WebSocket
  kUnknown
};
constexpr std::size_t kTransformIdsMax = 255;
// How the original goes on behind the body inside of WebSocket.
constexpr std::string_view kBehindBody = "\",\"xferPipe\":";

std::span<const std::string_view> keys_of(JsonForm form) {
  if (form == JsonForm::kV3) return kKeysOfV3;
  const std::span<const std::string_view> keys = kKeys;
  return form == JsonForm::kWebSocket ? keys : keys.first(kTransforms);
}

Key key_of(std::string_view name, JsonForm form) {
  const std::span<const std::string_view> keys = keys_of(form);
  for (std::size_t key = 0; key < keys.size(); ++key) {
    if (keys[key] == name) return static_cast<Key>(key);
  }
  return kUnknown;
}

}  // namespace

bool JsonScanner::read(JsonFields& fields) {
  const bool whole = members(fields);
  if (whole && escapes_only_quotes(fields.body.text)) return true;
  if (!whole || !is_strict_json_text(fields.body.text)) return read_body_again(fields) || whole;
  // A body in JSON shows which reading is right: the other one leaves broken strings in it. A
  // packed or sealed one only calls itself JSON, and the original seals none in this form.
  if (!fields.transforms.empty()) return true;
  const bool sealed = fields.metadata.text.find(kSealedByUs) != std::string_view::npos;
  if (fields.body_codec != 'j' || sealed || json_strings_are_sound(fields.body)) return true;
  const Quoted strict = fields.body;
  if (!read_body_again(fields) || !json_strings_are_sound(fields.body)) fields.body = strict;
  return true;
}

// The original escapes the quotes of a body and nothing else, and writes the body last, but for the
// list of transforms inside of WebSocket: it ends where the frame does, or that list begins.
bool JsonScanner::read_body_again(JsonFields& fields) {
  const std::size_t end = last_body_end();
  if (body_at_ == 0 || body_at_ > end) return false;
  const std::string_view body = text_.substr(body_at_, end - body_at_);
  for (std::size_t at = 0; (at = body.find('"', at)) != std::string_view::npos; ++at) {
    if (at == 0 || body[at - 1] != '\\') return false;
  }
  if (form_ == JsonForm::kWebSocket) {
    std::string transforms;
    JsonScanner rest(text_.substr(end + kBehindBody.size()), form_);
    if (!rest.bytes(transforms) || !rest.take('}') || rest.at_ != rest.text_.size()) return false;
    fields.transforms = std::move(transforms);
  }
  fields.body = {body, Quoting::kQuotesOnly};
  return true;
}

// 0: the text does not end as the original ends it.
std::size_t JsonScanner::last_body_end() const {
  if (form_ != JsonForm::kWebSocket) return text_.ends_with("\"}") ? text_.size() - 2 : 0;
  const std::size_t at = text_.rfind(kBehindBody);
  return at == std::string_view::npos ? 0 : at;
}

bool JsonScanner::members(JsonFields& fields) {
  blanks();
  if (!take('{')) return fail("wanted {");
  blanks();
  if (!take('}')) {
    do {
      blanks();
      if (!member(fields)) return false;
      blanks();
    } while (take(','));
    if (!take('}')) return fail("wanted , or }");
  }
  blanks();
  return at_ == text_.size() || fail("something follows the object");
}

bool JsonScanner::member(JsonFields& fields) {
  Quoted name;
  if (!quoted(name)) return false;
  blanks();
  if (!take(':')) return fail("wanted :");
  blanks();
  const Key key = key_of(name.text, form_);
  if (key == kUnknown || (seen_ & 1U << key) != 0) return skip_value(0);
  if (key == kBody && peek() == '"') body_at_ = at_ + 1;
  if (!known_value(key, fields)) return false;
  seen_ |= 1U << key;
  return true;
}

bool JsonScanner::known_value(unsigned key, JsonFields& fields) {
  switch (key) {
    case kSeq:
      return form_ == JsonForm::kV3 ? text(fields.seq_text) : number(fields.seq);
    case kKind:
      return number(fields.kind);
    case kBodyCodec:
      return number(fields.body_codec);
    case kMethod:
      return text(fields.method);
    case kStatus:
      return text(fields.status);
    case kMeta:
      return text(fields.metadata);
    case kTransforms:
      return bytes(fields.transforms);
    default:
      return text(fields.body);
  }
}

bool JsonScanner::number(std::int64_t& value) {
  const std::size_t from = at_;
  if (peek() == '-') ++at_;
  while (peek() >= '0' && peek() <= '9') ++at_;
  const auto parsed = parse_int64(text_.substr(from, at_ - from));
  // At the very end more digits may be missing: peek_head() looks at frames that are cut.
  if (!parsed.has_value() || at_ == text_.size()) return fail("wanted a whole number");
  value = *parsed;
  return true;
}

bool JsonScanner::text(Quoted& value) {
  if (peek() == '"') return quoted(value);
  if (!text_.substr(at_).starts_with("null")) return fail("wanted a string");
  at_ += 4;
  return true;
}

// A list of numbers, each a byte.
bool JsonScanner::bytes(std::string& value) {
  if (text_.substr(at_).starts_with("null")) {
    at_ += 4;
    return true;
  }
  if (!take('[')) return fail("wanted a list");
  blanks();
  if (take(']')) return true;
  do {
    blanks();
    std::int64_t byte = 0;
    if (!number(byte)) return false;
    if (byte < 0 || byte > 255) return fail("wanted a byte");
    if (value.size() == kTransformIdsMax) return fail("more than 255 transforms");
    value += static_cast<char>(byte);
    blanks();
  } while (take(','));
  return take(']') || fail("wanted , or ]");
}

bool JsonScanner::quoted(Quoted& value) {
  if (!take('"')) return fail("wanted a string");
  const std::size_t from = at_;
  Quoting quoting = Quoting::kNone;
  while (at_ < text_.size() && text_[at_] != '"') {
    if (text_[at_] == '\\') {
      quoting = Quoting::kJson;
      ++at_;
    }
    ++at_;
  }
  if (at_ >= text_.size()) {
    at_ = text_.size();
    return fail("a string has no end");
  }
  value = {text_.substr(from, at_ - from), quoting};
  ++at_;
  return true;
}

bool JsonScanner::skip_value(int depth) {
  if (depth > kDepthMax) return fail("nested deeper than 64");
  Quoted ignored;
  switch (peek()) {
    case '"':
      return quoted(ignored);
    case '{':
      return skip_container('}', depth);
    case '[':
      return skip_container(']', depth);
    default:
      return skip_word();
  }
}

bool JsonScanner::skip_container(char close, int depth) {
  ++at_;
  blanks();
  if (take(close)) return true;
  do {
    blanks();
    if (close == '}') {
      Quoted name;
      if (!quoted(name)) return false;
      blanks();
      if (!take(':')) return fail("wanted :");
      blanks();
    }
    if (!skip_value(depth + 1)) return false;
    blanks();
  } while (take(','));
  return take(close) || fail("wanted , or the end of a list or object");
}

// Numbers and literals; what they say does not matter.
bool JsonScanner::skip_word() {
  const std::size_t from = at_;
  const auto in_word = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == 'E' || c == '-' || c == '+' ||
           c == '.';
  };
  while (in_word(peek())) ++at_;
  return at_ > from || fail("wanted a value");
}

void JsonScanner::blanks() {
  while (peek() == ' ' || peek() == '\t' || peek() == '\n' || peek() == '\r') ++at_;
}

bool JsonScanner::take(char wanted) {
  if (peek() != wanted || at_ == text_.size()) return false;
  ++at_;
  return true;
}

bool JsonScanner::fail(std::string_view problem) {
  problem_ = problem;
  return false;
}

}  // namespace fairlead::wire::internal
