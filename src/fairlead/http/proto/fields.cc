#include "fairlead/http/proto/fields.h"

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/http/proto/chars.h"

namespace fairlead::http::proto {

std::optional<std::string_view> FieldTable::find(std::string_view name) const {
  for (std::size_t i = 0; i < count_; ++i) {
    const Entry& entry = entries_[i];
    if (entry.name_size != name.size()) continue;
    const Field field = (*this)[i];
    if (equals_ignoring_case(field.name, name)) return field.value;
  }
  return std::nullopt;
}

bool FieldTable::add(std::size_t name_at, std::size_t name_size, std::size_t value_at,
                     std::size_t value_size) {
  FL_DCHECK(name_at < kHeadBytesMax && value_at < kHeadBytesMax);
  if (count_ == entries_.size()) return false;
  entries_[count_++] = {static_cast<std::uint16_t>(name_at), static_cast<std::uint16_t>(name_size),
                        static_cast<std::uint16_t>(value_at),
                        static_cast<std::uint16_t>(value_size)};
  return true;
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
    const std::size_t comma = value.find(',');
    const std::string_view option = trim(value.substr(0, comma));
    value = comma == std::string_view::npos ? std::string_view() : value.substr(comma + 1);
    if (equals_ignoring_case(option, "close")) steering.close = true;
    if (equals_ignoring_case(option, "keep-alive")) steering.keep_alive = true;
    if (equals_ignoring_case(option, "upgrade")) steering.upgrade = true;
  }
}

// The length of the name decides almost always alone, so the common field costs one jump.
Refusal steer(Field field, std::size_t index, Steering& steering) {
  switch (field.name.size()) {
    case 4:
      if (equals_ignoring_case(field.name, "host")) {
        if (steering.hosts++ == 0) steering.host_index = index;
      }
      break;
    case 6:
      if (equals_ignoring_case(field.name, "expect")) {
        ++steering.expectations;
        steering.expects_continue = equals_ignoring_case(field.value, "100-continue");
      }
      break;
    case 10:
      if (equals_ignoring_case(field.name, "connection")) read_connection(field.value, steering);
      break;
    case 14:
      if (equals_ignoring_case(field.name, "content-length")) {
        // A second one is refused even when it says the same: somebody on the way put it there.
        if (++steering.lengths > 1) return Refusal::kBadLength;
        if (!parse_length(field.value, steering.length)) return Refusal::kBadLength;
      }
      break;
    case 17:
      if (equals_ignoring_case(field.name, "transfer-encoding")) {
        ++steering.codings;
        steering.chunked = equals_ignoring_case(field.value, "chunked");
      }
      break;
    default:
      break;
  }
  return Refusal::kNone;
}

}  // namespace

LineEnd find_line_end(std::string_view input, std::size_t from, bool tab_ok) {
  for (std::size_t i = from; i < input.size(); ++i) {
    const auto byte = static_cast<std::uint8_t>(input[i]);
    if (byte >= 0x20 && byte != 0x7F) [[likely]]
      continue;
    if (byte == '\t' && tab_ok) continue;
    if (byte != '\r') return {LineEnd::State::kBad, i};
    if (i + 1 == input.size()) return {LineEnd::State::kCut, i};
    return {input[i + 1] == '\n' ? LineEnd::State::kWhole : LineEnd::State::kBad, i};
  }
  return {LineEnd::State::kCut, input.size()};
}

Refusal read_field_line(std::string_view input, std::size_t from, std::size_t to, FieldTable& table,
                        Steering& steering) {
  std::size_t colon = from;
  while (colon < to && is_char(input[colon], kTokenChar)) ++colon;
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
