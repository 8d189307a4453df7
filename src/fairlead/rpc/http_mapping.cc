#include "fairlead/rpc/http_mapping.h"

#include <algorithm>
#include <array>
#include <optional>

#include "fairlead/base/text.h"
#include "fairlead/http/proto/chars.h"
#include "fairlead/http/proto/hop_fields.h"
#include "fairlead/http/proto/target.h"
#include "fairlead/wire/message.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::rpc {
namespace {

constexpr std::string_view kContentCodingReason = "http.content_coding";

// Takes what stands before the next `separator` off the front of `list`, without blanks.
std::string_view take_until(std::string_view& list, char separator) {
  const std::size_t end = list.find(separator);
  const std::string_view part = trim(list.substr(0, end));
  list = end == std::string_view::npos ? std::string_view{} : list.substr(end + 1);
  return part;
}

enum class Use : std::uint8_t {
  kPasses,
  kHop,          // of one connection (RFC 9110 section 7.6.1), or of the content: the codec says it
  kTrusted,      // only somebody trusted may say it, so that nobody outside can pretend to be one
  kTrace,        // reserved as well, but believed where the caller says so
  kNegotiation,  // between client and server alone: the reply's codec has been chosen by it
};

struct Rule {
  std::string_view name;  // lower case
  bool whole;             // else every name that begins so
  Use use;
};

// In the order of their first bytes; all of http::proto::is_hop_field() is among them. What
// wire::is_reserved_key() says comes on top.
constexpr std::array<Rule, 22> kRules = {{
    {"accept", true, Use::kNegotiation},
    {"accept-charset", true, Use::kNegotiation},
    {"accept-encoding", true, Use::kNegotiation},
    {"baggage", true, Use::kTrace},
    {"connection", true, Use::kHop},
    {"content-", false, Use::kHop},
    {"expect", true, Use::kHop},
    {"forwarded", true, Use::kTrusted},
    {"host", true, Use::kHop},
    {"keep-alive", true, Use::kHop},
    {"proxy-", false, Use::kHop},
    {"te", true, Use::kHop},
    {"trailer", true, Use::kHop},
    {"transfer-encoding", true, Use::kHop},
    {"traceparent", true, Use::kTrace},
    {"tracestate", true, Use::kTrace},
    {"upgrade", true, Use::kHop},
    {kRequestIdKey, true, Use::kTrusted},
    {"x-forwarded-", false, Use::kTrusted},
    {"x-consumer-", false, Use::kTrusted},
    {"x-credential-identifier", true, Use::kTrusted},
    {"x-anonymous-consumer", true, Use::kTrusted},
}};

// Whether `name`, a token as long as `rule` or longer, begins as it does, ignoring case. Rules are
// of lower-case letters, digits and '-', for which a set bit 5 loses nothing in a token.
bool begins_as(std::string_view name, std::string_view rule) {
  unsigned differ = 0;
  for (std::size_t i = 0; i < rule.size(); ++i) {
    differ |= (static_cast<unsigned char>(name[i]) | 0x20U) ^ static_cast<unsigned char>(rule[i]);
  }
  return differ == 0;
}

// A name's first byte in lower case; bytes that are no letters fall together, which costs nothing.
constexpr std::uint8_t first_of(std::string_view name) {
  return static_cast<std::uint8_t>(static_cast<unsigned char>(name[0]) | 0x20U);
}

// The first rule whose name begins with a byte; the number of rules when there is none.
constexpr std::array<std::uint8_t, 256> kFirstRules = [] {
  std::array<std::uint8_t, 256> first{};
  first.fill(kRules.size());
  for (std::size_t i = kRules.size(); i-- > 0;) {
    first[first_of(kRules[i].name)] = static_cast<std::uint8_t>(i);
  }
  return first;
}();
static_assert(std::ranges::is_sorted(kRules, {},
                                     [](const Rule& rule) { return first_of(rule.name); }));

Use use_of(std::string_view name) {
  const std::uint8_t first = name.empty() ? 0 : first_of(name);
  for (std::size_t i = kFirstRules[first]; i < kRules.size(); ++i) {
    const Rule& rule = kRules[i];
    if (first_of(rule.name) != first) break;
    if (rule.whole ? name.size() != rule.name.size() : name.size() < rule.name.size()) continue;
    if (begins_as(name, rule.name)) return rule.use;
  }
  return wire::is_reserved_key(name) ? Use::kTrusted : Use::kPasses;
}

bool begins_as_json(std::string_view body) {
  const std::size_t at = body.find_first_not_of(" \t\r\n");
  return at != std::string_view::npos && (body[at] == '{' || body[at] == '[');
}

// The parameter q of a media range, in thousandths; 1000 when there is none, 0 when it is no q.
int quality_of(std::string_view parameters) {
  while (!parameters.empty()) {
    const std::string_view one = take_until(parameters, ';');
    if (one.size() < 3 || (one[0] != 'q' && one[0] != 'Q') || one[1] != '=') continue;
    int quality = 0;
    int unit = 1000;
    for (const char c : one.substr(2)) {
      if (c == '.' && unit == 100) continue;
      if (c < '0' || c > '9' || unit == 0) return 0;
      quality += (c - '0') * unit;
      unit /= 10;
    }
    return std::min(quality, 1000);
  }
  return 1000;
}

// How closely `range`, a media range without parameters, names the codec: 0 not at all, 1 by "*/*",
// 2 by "type/*", 3 by name.
int closeness(std::string_view range, codec::CodecId codec) {
  if (range == "*/*") return 1;
  if (range.ends_with("/*")) {
    const std::string_view type = codec::content_type_of(codec);
    return equals_ignoring_case(type.substr(0, range.size() - 1), range.substr(0, range.size() - 1))
               ? 2
               : 0;
  }
  return codec::codec_of_content_type(range) == codec ? 3 : 0;
}

// The order of kMediaTypes.
constexpr std::array<codec::CodecId, 6> kReplyCodecs = {
    codec::CodecId::kJson,  codec::CodecId::kProtobuf, codec::CodecId::kForm,
    codec::CodecId::kPlain, codec::CodecId::kThrift,   codec::CodecId::kXml};

struct Wish {
  int closeness = 0;
  int quality = 0;
};

// A token, and a value of visible characters: less than a head may hold, so that nothing surprises
// whoever reads it.
bool fits_in_field(std::string_view name, std::string_view value) {
  return http::proto::is_all(name, http::proto::kTokenChar) && trim(value) == value &&
         std::ranges::all_of(value, [](char c) { return c >= ' ' && c <= '~'; });
}

// type "/" subtype, with or without parameters (RFC 9110 section 8.3.1), which are not looked at.
bool is_media_type(std::string_view value) {
  const std::string_view range = trim(value.substr(0, value.find(';')));
  const std::size_t slash = range.find('/');
  if (slash == std::string_view::npos) return false;
  return http::proto::is_all(range.substr(0, slash), http::proto::kTokenChar) &&
         fits_in_field(range.substr(slash + 1), value);
}

bool may_leave(std::string_view name) {
  static constexpr std::array<std::string_view, 3> kNames = {"date", "server", "location"};
  const Use use = use_of(name);
  return (use == Use::kPasses || use == Use::kNegotiation) &&
         std::ranges::none_of(
             kNames, [name](std::string_view one) { return equals_ignoring_case(name, one); });
}

}  // namespace

void append_field_metadata(std::string& out, const http::Fields& fields, TraceFields trace) {
  const http::proto::HopFields hop(fields);
  std::array<char, 64> lower{};  // names are short; longer ones take memory
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const http::Field field = fields[i];
    const std::string_view name = field.name;
    const Use use = use_of(name);
    if (use != Use::kPasses && (use != Use::kTrace || trace == TraceFields::kDrop)) continue;
    if (hop.names(name)) continue;
    if (name.size() > lower.size()) {
      wire::append_metadata_pair(out, to_lower(name), field.value);
      continue;
    }
    std::ranges::transform(name, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    wire::append_metadata_pair(out, {lower.data(), name.size()}, field.value);
  }
}

Status append_query_metadata(std::string& out, std::string_view query) {
  if (query.empty()) return {};
  FL_TRY_ASSIGN(const auto pairs, http::proto::parse_query(query));
  for (const auto& [name, value] : pairs) {
    const Use use = use_of(name);
    if (use != Use::kTrusted && use != Use::kTrace) wire::append_metadata_pair(out, name, value);
  }
  return {};
}

Status check_content_coding(const http::Fields& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const http::Field field = fields[i];
    if (!equals_ignoring_case(field.name, "content-encoding")) continue;
    for (std::string_view list = field.value; !list.empty();) {
      const std::string_view coding = take_until(list, ',');
      if (coding.empty() || equals_ignoring_case(coding, "identity")) continue;
      return Status(kUnsupportedMediaType, kContentCodingReason,
                    "Content-Encoding '" + escape_text(coding, 40) +
                        "' is not taken: send the body as it is, without a coding");
    }
  }
  return {};
}

void append_accepted(http::Fields& out, const Status& refused, std::string_view media_types) {
  if (refused.reason() == kContentCodingReason) {
    out.add("Accept-Encoding", "identity");
  } else {
    out.add("Accept", media_types);
  }
}

Result<std::uint8_t> body_codec_of(const http::Fields& fields, std::string_view body) {
  FL_TRY(check_content_coding(fields));
  const std::optional<std::string_view> type = fields.find("Content-Type");
  if (!type.has_value()) return body.empty() ? wire::kNoCodec : wire::kJsonCodec;
  const std::optional<codec::CodecId> codec = codec::codec_of_content_type(*type);
  if (!codec.has_value()) {
    return Status(kUnsupportedMediaType, kMediaTypeReason,
                  "Content-Type '" + escape_text(*type) + "' is not understood: send, in UTF-8, " +
                      std::string(kMediaTypes));
  }
  if (*codec == codec::CodecId::kJson && body.empty()) {
    return Status(Code::kBadMessage, "codec.json", "the body: wanted JSON, got an empty body");
  }
  if (*codec == codec::CodecId::kForm && begins_as_json(body)) return wire::kJsonCodec;
  return static_cast<std::uint8_t>(*codec);
}

Result<codec::CodecId> reply_codec_of(const http::Fields& fields) {
  std::array<Wish, kReplyCodecs.size()> wishes{};
  bool asked = false;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const http::Field field = fields[i];
    if (!equals_ignoring_case(field.name, "accept")) continue;
    for (std::string_view list = field.value; !list.empty();) {
      std::string_view parameters = take_until(list, ',');
      const std::string_view range = take_until(parameters, ';');
      if (range.empty()) continue;  // an empty element, as lists may have
      asked = true;
      const int quality = quality_of(parameters);
      for (std::size_t at = 0; at < kReplyCodecs.size(); ++at) {
        const int close = closeness(range, kReplyCodecs[at]);
        Wish& wish = wishes[at];
        if (close == 0 || close < wish.closeness) continue;
        wish = {close, close > wish.closeness ? quality : std::max(wish.quality, quality)};
      }
    }
  }
  if (!asked) return codec::CodecId::kJson;
  std::size_t best = 0;
  for (std::size_t at = 1; at < kReplyCodecs.size(); ++at) {
    if (wishes[at].quality > wishes[best].quality) best = at;
  }
  if (wishes[best].quality > 0) return kReplyCodecs[best];
  return Status(kNotAcceptable, "http.not_acceptable",
                "the Accept field takes none of " + std::string(kMediaTypes));
}

void append_reply_fields(http::Fields& out, std::string_view metadata) {
  if (metadata.empty()) return;
  const Result<wire::Metadata> pairs = wire::parse_metadata_text(metadata);
  if (!pairs.ok()) return;  // more pairs than anybody reads
  std::size_t added = 0;
  pairs->visit([&](std::string_view name, std::string_view value) {
    if (added == kReplyFieldsMax || !may_leave(name) || !fits_in_field(name, value)) return;
    out.add(name, value);
    ++added;
  });
}

void append_error_fields(http::Fields& out, int status, std::string_view metadata) {
  if (metadata.empty()) return;
  if (status == 429 || status == 503) {
    const auto told = wire::find_in_encoded(metadata, wire::kRetryAfterKey);
    const auto ms = told.has_value() ? parse_uint64(*told) : std::nullopt;
    if (ms.has_value()) {
      out.set("Retry-After", std::to_string(*ms / 1000 + (*ms % 1000 != 0 ? 1 : 0)));
    }
  }
  append_reply_fields(out, metadata);
}

std::string_view reply_content_type(std::uint8_t codec, std::string_view metadata,
                                    std::string& told) {
  if (!metadata.empty()) {
    const Result<wire::Metadata> pairs = wire::parse_metadata_text(metadata);
    if (pairs.ok()) {
      pairs->visit([&told](std::string_view name, std::string_view value) {
        if (told.empty() && equals_ignoring_case(name, "content-type") && is_media_type(value)) {
          told.assign(value);
        }
      });
    }
    if (!told.empty()) return told;
  }
  if (codec == wire::kNoCodec) return {};
  const std::optional<codec::CodecId> known = codec::find_codec(codec);
  return known.has_value() ? codec::content_type_of(*known) : "application/octet-stream";
}

std::string_view bearer_token(const http::Fields& fields) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view value = fields.value_or("Authorization", "");
  if (!equals_ignoring_case(value.substr(0, kBearer.size()), kBearer)) return {};
  return trim(value.substr(kBearer.size()));
}

}  // namespace fairlead::rpc
