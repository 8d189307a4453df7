#include "fairlead/observe/log_field.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "fairlead/base/text.h"

namespace fairlead::observe {
namespace {

constexpr std::array<std::string_view, 5> kLevelNames = {"debug", "info", "warn", "error", "off"};

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> digits;
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), result.ptr);
}

void append_hex_escape(std::string& out, unsigned char byte) {
  constexpr char kHex[] = "0123456789ABCDEF";
  out.append("\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
}

// `text` with every byte visible: control characters of ASCII and of Unicode (C1), and what is not
// UTF-8, become \n, \t, \r or \xNN.
std::string visible(std::string_view text) {
  std::string_view shown = text.substr(0, kLogValueBytesMax);
  if (shown.size() < text.size()) {  // do not cut a character in two
    std::size_t end = shown.size();
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    if (end + 4 > shown.size()) shown = text.substr(0, end);
  }
  const bool utf8 = is_utf8(shown);
  std::string out;
  for (std::size_t i = 0; i < shown.size(); ++i) {
    const auto byte = static_cast<unsigned char>(shown[i]);
    const bool c1 = utf8 && byte == 0xC2 && static_cast<unsigned char>(shown[i + 1]) < 0xA0;
    if (c1) {
      append_hex_escape(out, byte);
      append_hex_escape(out, static_cast<unsigned char>(shown[++i]));
    } else if (byte == '\n')
      out += "\\n";
    else if (byte == '\r')
      out += "\\r";
    else if (byte == '\t')
      out += "\\t";
    else if (byte < 0x20 || byte == 0x7F || (byte >= 0x80 && !utf8))
      append_hex_escape(out, byte);
    else
      out += shown[i];
  }
  if (shown.size() < text.size()) out += "...";
  return out;
}

void append_quoted_if_needed(std::string& out, std::string_view text) {
  const std::string shown = visible(text);
  if (!shown.empty() && shown.find_first_of(" \"=\\") == std::string::npos) {
    out += shown;
    return;
  }
  out += '"';
  for (const char c : shown) {
    if (c == '"') out += '\\';
    out += c;
  }
  out += '"';
}

void append_json_text(std::string& out, std::string_view text) {
  out += '"';
  append_json_escaped(out, visible(text));
  out += '"';
}

void append_time(std::string& out, std::int64_t wall_ms) {
  const std::time_t seconds = static_cast<std::time_t>(wall_ms / 1000);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 64> text;
  const int size =
      std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ",
                    parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                    parts.tm_min, parts.tm_sec, static_cast<int>(wall_ms % 1000));
  out.append(text.data(), static_cast<std::size_t>(size));
}

}  // namespace

std::string_view level_name(LogLevel level) { return kLevelNames[static_cast<std::size_t>(level)]; }

bool parse_level(std::string_view name, LogLevel& level) {
  for (std::size_t i = 0; i < kLevelNames.size(); ++i) {
    if (kLevelNames[i] != name) continue;
    level = static_cast<LogLevel>(i);
    return true;
  }
  return false;
}

void LogField::append_text(std::string& out) const {
  if (type_ == Type::kText)
    append_quoted_if_needed(out, text_);
  else if (type_ == Type::kTime)
    out += to_text(Duration(int_));
  else if (type_ == Type::kDouble)
    append_number(out, double_);
  else
    append_json(out);
}

void LogField::append_json(std::string& out) const {
  switch (type_) {
    case Type::kText:
      append_json_text(out, text_);
      break;
    case Type::kInt:
      append_number(out, int_);
      break;
    case Type::kUint:
      append_number(out, static_cast<std::uint64_t>(int_));
      break;
    case Type::kBool:
      out += int_ != 0 ? "true" : "false";
      break;
    case Type::kTime:
      append_json_text(out, to_text(Duration(int_)));
      break;
    case Type::kDouble:
      if (std::isfinite(double_))
        append_number(out, double_);
      else
        out += std::isnan(double_) ? "\"NaN\"" : double_ > 0 ? "\"Infinity\"" : "\"-Infinity\"";
      break;
  }
}

void append_log_text(std::string& out, const LogRecord& record) {
  append_time(out, record.wall_ms);
  out.append(" ").append(level_name(record.level)).append(" ").append(record.event);
  for (const LogField& field : record.fields) {
    out.append(" ").append(field.name()).append("=");
    field.append_text(out);
  }
}

void append_log_json(std::string& out, const LogRecord& record) {
  out += "{\"time\":\"";
  append_time(out, record.wall_ms);
  out.append("\",\"level\":\"").append(level_name(record.level));
  out.append("\",\"event\":\"").append(record.event).append("\"");
  for (const LogField& field : record.fields) {
    out.append(",\"").append(field.name()).append("\":");
    field.append_json(out);
  }
  out += '}';
}

}  // namespace fairlead::observe
