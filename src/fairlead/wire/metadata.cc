#include "fairlead/wire/metadata.h"

#include <algorithm>
#include <array>

#include "fairlead/base/text.h"

namespace fairlead::wire {
namespace {

constexpr std::array<std::string_view, 8> kReservedKeys = {
    "X-Real-IP", "X-Secure", "hb_", "_uid", "_device_id", "traceparent", "tracestate", "baggage"};
constexpr std::array<std::string_view, 2> kReservedPrefixes = {"X-Fl-", "X-Accept-"};

// The bytes with which a reserved key begins, in either case: most keys begin otherwise.
constexpr std::array<bool, 256> kReservedBegins = [] {
  std::array<bool, 256> begins{};
  const auto add = [&begins](std::string_view key) {
    begins[static_cast<unsigned char>(key[0])] = true;
    begins[static_cast<unsigned char>(key[0] ^ 0x20)] = true;  // too much for '_' costs nothing
  };
  for (const std::string_view key : kReservedKeys) add(key);
  for (const std::string_view prefix : kReservedPrefixes) add(prefix);
  return begins;
}();

// One pair, still encoded.
struct EncodedPair {
  std::string_view key;
  std::string_view value;
};

// Takes the first pair off `text`, which is not empty.
EncodedPair take_pair(std::string_view& text) {
  const std::size_t end = std::min(text.find('&'), text.size());
  const std::string_view pair = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  const std::size_t equals = pair.find('=');
  if (equals == std::string_view::npos) return {pair, {}};
  return {pair.substr(0, equals), pair.substr(equals + 1)};
}

bool key_is(std::string_view encoded, std::string_view key) {
  if (encoded.size() < key.size()) return false;  // escapes only make it longer
  if (encoded.find_first_of("%+") == std::string_view::npos) return encoded == key;
  return percent_decode(encoded, true) == key;
}

}  // namespace

bool is_reserved_key(std::string_view key) {
  if (key.empty() || !kReservedBegins[static_cast<unsigned char>(key[0])]) return false;
  return std::ranges::any_of(
             kReservedKeys,
             [key](std::string_view reserved) { return equals_ignoring_case(key, reserved); }) ||
         std::ranges::any_of(kReservedPrefixes, [key](std::string_view prefix) {
           return starts_with_ignoring_case(key, prefix);
         });
}

void Metadata::add(std::string_view key, std::string_view value) {
  pairs_.emplace_back(key, value);
}

void Metadata::set(std::string_view key, std::string_view value) {
  const auto found = std::ranges::find(pairs_, key, &Pair::first);
  if (found == pairs_.end())
    add(key, value);
  else
    found->second = value;
}

std::optional<std::string_view> Metadata::get(std::string_view key) const {
  const auto found = std::ranges::find(pairs_, key, &Pair::first);
  if (found == pairs_.end()) return std::nullopt;
  return found->second;
}

std::size_t Metadata::remove(std::string_view key) {
  return std::erase_if(pairs_, [key](const Pair& pair) { return pair.first == key; });
}

Status append_metadata_text(std::string& out, const Metadata& metadata) {
  if (metadata.size() > kMetadataPairsMax) {
    return {Code::kEncodeFailed, "metadata.too_many",
            std::to_string(metadata.size()) + " metadata pairs; at most " +
                std::to_string(kMetadataPairsMax)};
  }
  bool first = true;
  for (const auto& [key, value] : metadata.pairs()) {
    if (!first) out += '&';
    first = false;
    append_percent_encoded(out, key);
    if (value.empty()) continue;
    out += '=';
    append_percent_encoded(out, value);
  }
  return {};
}

void append_metadata_pair(std::string& out, std::string_view key, std::string_view value) {
  if (!out.empty()) out += '&';
  append_percent_encoded(out, key);
  if (value.empty()) return;
  out += '=';
  append_percent_encoded(out, value);
}

Result<Metadata> parse_metadata_text(std::string_view text) {
  Metadata metadata;
  while (!text.empty()) {
    const EncodedPair pair = take_pair(text);
    if (pair.key.empty() && pair.value.empty()) continue;
    if (metadata.size() == kMetadataPairsMax) {
      return Status(Code::kBadMessage, "metadata.too_many",
                    "more than " + std::to_string(kMetadataPairsMax) + " metadata pairs");
    }
    metadata.add(percent_decode(pair.key, true), percent_decode(pair.value, true));
  }
  return metadata;
}

std::optional<std::string> find_in_encoded(std::string_view text, std::string_view key) {
  while (!text.empty()) {
    // Most keys begin otherwise, and their pairs are stepped over.
    if (key.empty() || text[0] == key[0] || text[0] == '%' || text[0] == '+') {
      const EncodedPair pair = take_pair(text);
      if (pair.key.empty() && pair.value.empty()) continue;
      if (key_is(pair.key, key)) return percent_decode(pair.value, true);
    } else {
      text.remove_prefix(std::min(text.find('&'), text.size() - 1) + 1);
    }
  }
  return std::nullopt;
}

}  // namespace fairlead::wire
