#include "fairlead/http/proto/fields.h"

#include "fairlead/base/text.h"
#include "fairlead/http/proto/scan.h"

namespace fairlead::http::proto {

std::string_view next_list_item(std::string_view& rest) {
  const std::size_t comma = rest.find(',');
  const std::string_view item = trim(rest.substr(0, comma));
  rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  return item;
}

std::optional<std::string_view> FieldTable::find(std::string_view name) const {
  if (name.empty()) return std::nullopt;
  for (std::size_t i = 0; i < count_; ++i) {
    const Entry& entry = entries_[i];
    if (entry.name_size != name.size()) continue;
    // Most names of this length begin otherwise; whatever letters are, case is no more than bit 5.
    if (((base_[entry.name_at] ^ name[0]) & ~0x20) != 0) continue;
    const Field field = (*this)[i];
    if (equals_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

namespace internal {
namespace {

// RFC 9110 section 8.6: digits only. Values from 2^63 on are refused, so that sums cannot wrap.
bool parse_length(std::string_view text, std::uint64_t& length) {
  if (text.empty() || text.size() > 19) return false;
  length = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    length = length * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return length <= INT64_MAX;
}

void read_connection(std::string_view value, Steering& steering) {
  while (!value.empty()) {
    const std::string_view option = next_list_item(value);
    if (is_name(option, "close")) steering.close = true;
    if (is_name(option, "keep-alive")) steering.keep_alive = true;
    if (is_name(option, "upgrade")) steering.upgrade = true;
  }
}

// TE says whether trailers are welcome (RFC 9110 section 10.1.4).
void read_te(std::string_view value, Steering& steering) {
  while (!value.empty()) {
    if (is_name(next_list_item(value), "trailers")) steering.trailers = true;
  }
}

// Two looks, at length and first letter, tell the common field from those that steer.
[[gnu::always_inline]] inline Refusal steer(Field field, std::size_t index, Steering& steering) {
  const int first = field.name[0] | 0x20;
  switch (field.name.size()) {
    case 2:
      if (first == 't' && is_name(field.name, "te")) read_te(field.value, steering);
      break;
    case 4:
      if (first == 'h' && is_name(field.name, "host")) {
        if (steering.hosts++ == 0) steering.host_index = index;
      }
      break;
    case 6:
      if (first == 'e' && is_name(field.name, "expect")) {
        ++steering.expectations;
        steering.expects_continue = is_name(field.value, "100-continue");
      }
      break;
    case 7:
      if (first == 'u' && is_name(field.name, "upgrade") && !field.value.empty()) {
        steering.protocols = true;
      }
      break;
    case 10:
      if (first == 'c' && is_name(field.name, "connection")) read_connection(field.value, steering);
      break;
    case 14:
      if (first == 'c' && is_name(field.name, "content-length")) {
        // A second one is refused even when it says the same: somebody on the way put it there.
        if (++steering.lengths > 1) return Refusal::kBadLength;
        if (!parse_length(field.value, steering.length)) return Refusal::kBadLength;
      }
      break;
    case 17:
      if (first == 't' && is_name(field.name, "transfer-encoding")) {
        ++steering.codings;
        steering.chunked = is_name(field.value, "chunked");
      }
      break;
    default:
      break;
  }
  return Refusal::kNone;
}

}  // namespace

Refusal read_field_line(std::string_view input, std::size_t from, std::size_t to, FieldTable& table,
                        Steering& steering) {
  const std::size_t colon = token_end(input, from);  // a line end is none, so it is not behind `to`
  // A line that begins with a blank would continue the last one (obs-fold): refused here too.
  if (colon == from || colon == to || input[colon] != ':') return Refusal::kBadField;
  std::size_t begin = colon + 1;
  std::size_t end = to;
  const auto blank = [&](std::size_t at) { return input[at] == ' ' || input[at] == '\t'; };
  while (begin < end && blank(begin)) ++begin;
  while (end > begin && blank(end - 1)) --end;
  const std::size_t index = table.size();
  if (!table.add(from, colon - from, begin, end - begin)) return Refusal::kTooManyFields;
  const Field field{input.substr(from, colon - from), input.substr(begin, end - begin)};
  return steer(field, index, steering);
}

}  // namespace internal
}  // namespace fairlead::http::proto
