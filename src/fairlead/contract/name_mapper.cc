#include "fairlead/contract/name_mapper.h"

#include <algorithm>
#include <vector>

#include "fairlead/base/text.h"

namespace fairlead::contract {
namespace {

// Runs of underscores: none in front, a single one between two parts is the separator, and
// everything else one underscore.
std::string separated(std::string_view name, char separator) {
  std::string out;
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find_first_not_of('_', at), name.size());
    if (end > at && at > 0) {
      const bool separates = end - at == 1 && end < name.size();
      out += separates ? separator : '_';
    }
    at = std::min(name.find('_', end), name.size());
    out += name.substr(end, at - end);
  }
  return out;
}

std::string joined_path(std::string_view prefix, std::string_view name) {
  std::vector<std::string_view> segments;
  for (const std::string_view text : {prefix, name}) {
    for (const std::string_view segment : split(text, '/')) {
      if (segment.empty() || segment == ".") continue;
      if (segment != "..") {
        segments.push_back(segment);
      } else if (!segments.empty()) {
        segments.pop_back();
      }
    }
  }
  std::string path;
  for (const std::string_view segment : segments) path.append("/").append(segment);
  return path.empty() ? "/" : path;
}

Status bad_name(const HandlerName& handler, std::string_view why) {
  std::string message = "the name '" + escape_text(handler.name, 40) + "'";
  if (!handler.prefix.empty()) message += " under '" + escape_text(handler.prefix, 40) + "'";
  return Status(Code::kBadMessage, "route.bad_method", message.append(" ").append(why));
}

// A method that begins with `place` and says more than that.
Result<std::string> below(const HandlerName& handler, std::string_view place, std::string method) {
  if (method.size() > place.size() && method.starts_with(place)) return method;
  return bad_name(handler, "maps to '" + escape_text(method, 40) +
                               "', which is no name of its own: give it one with letters and "
                               "without '..'");
}

}  // namespace

Result<std::string> method_name(NameStyle style, const HandlerName& handler) {
  const auto [prefix, name] = handler;
  const bool is_path = name.starts_with('/');
  if (style == NameStyle::kVerbatim || (is_path && prefix.empty())) {
    return std::string(prefix).append(name);
  }
  if (style == NameStyle::kRpc) {
    if (!prefix.empty() && is_path != prefix.starts_with('/')) {
      return bad_name(handler, "is half a path: in the RPC style give both a slash, or none");
    }
    if (is_path) return std::string(prefix).append(name);
    return below(handler, prefix.empty() ? "" : std::string(prefix) + ".", rpc_style_name(handler));
  }
  std::string path = joined_path(prefix, {});
  if (path != "/") path += "/";
  if (is_path) return path.append(name.substr(1));
  return below(handler, path, http_style_name(handler));
}

std::string http_style_name(const HandlerName& handler) {
  std::string mapped;
  for (const char c : erpc_snake_case(separated(handler.name, '/'))) {
    const bool needless = c == '_' && (mapped.ends_with('_') || mapped.ends_with('/'));
    if (!needless) mapped += c;
  }
  return joined_path(handler.prefix, mapped);
}

std::string rpc_style_name(const HandlerName& handler) {
  std::string name(handler.prefix);
  name.append(".").append(separated(handler.name, '.'));
  const std::size_t from = name.find_first_not_of('.');
  if (from == std::string::npos) return {};
  return name.substr(from, name.find_last_not_of('.') + 1 - from);
}

std::string erpc_snake_case(std::string_view name) {
  std::string out;
  bool may_begin_word = false;
  for (const char c : name) {
    const bool capital = c >= 'A' && c <= 'Z';
    if (capital && may_begin_word) out += '_';
    if (capital) {
      may_begin_word = false;
    } else if (c != '_') {
      may_begin_word = true;
    }
    out += capital ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return out;
}

}  // namespace fairlead::contract
