// LogField: one named value of a log record, and the two forms in which records are written.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include "fairlead/base/time.h"

namespace fairlead::observe {

enum class LogLevel : std::uint8_t { kDebug, kInfo, kWarn, kError, kOff };

std::string_view level_name(LogLevel level);  // "debug", "info", "warn", "error", "off"
// kOff and the rest by their names; false when `name` is none.
bool parse_level(std::string_view name, LogLevel& level);

// A name (a literal) and a value; texts are borrowed until the log call returns.
class LogField {
 public:
  enum class Type : std::uint8_t { kText, kInt, kUint, kDouble, kBool, kTime };

  LogField(std::string_view name, std::string_view text) : name_(name), text_(text) {}
  LogField(std::string_view name, const char* text) : name_(name), text_(text) {}
  LogField(std::string_view name, const std::string& text) : name_(name), text_(text) {}
  template <std::same_as<bool> Bool>
  LogField(std::string_view name, Bool value) : name_(name), type_(Type::kBool), int_(value) {}
  template <std::signed_integral Int>
  LogField(std::string_view name, Int value) : name_(name), type_(Type::kInt), int_(value) {}
  template <std::unsigned_integral Uint>
    requires(!std::same_as<Uint, bool>)
  LogField(std::string_view name, Uint value)
      : name_(name), type_(Type::kUint), int_(static_cast<std::int64_t>(value)) {}
  template <std::floating_point Float>
  LogField(std::string_view name, Float value)
      : name_(name), type_(Type::kDouble), double_(static_cast<double>(value)) {}
  LogField(std::string_view name, Duration value)  // written as "20ms"
      : name_(name), type_(Type::kTime), int_(value.count()) {}

  std::string_view name() const { return name_; }
  // Appends the value as "key=" wants it, or as a JSON value.
  void append_text(std::string& out) const;
  void append_json(std::string& out) const;

 private:
  std::string_view name_;
  std::string_view text_{};
  Type type_ = Type::kText;
  std::int64_t int_ = 0;  // kInt, kUint (same bits), kBool, kTime in nanoseconds
  double double_ = 0;
};

// One event. Views are valid during LogSink::write() only.
struct LogRecord {
  std::int64_t wall_ms = 0;
  LogLevel level = LogLevel::kInfo;
  std::string_view event;
  std::span<const LogField> fields;
};

// A line without its line feed. Control characters and bytes that are not UTF-8 are escaped, so a
// value can neither start a new line nor steer a terminal; a value ends after kLogValueBytesMax.
//   2026-01-31T12:00:00.123Z warn session.closed peer=10.0.0.1:4000 reason="two words"
//   {"time":"2026-01-31T12:00:00.123Z","level":"warn","event":"session.closed","peer":"..."}
void append_log_text(std::string& out, const LogRecord& record);
void append_log_json(std::string& out, const LogRecord& record);

inline constexpr std::size_t kLogValueBytesMax = 1024;

}  // namespace fairlead::observe
