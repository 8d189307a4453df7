#include "fairlead/base/pattern.h"

#include <re2/re2.h>

#include <string>
#include <utility>

#include "fairlead/base/text.h"

namespace fairlead {
namespace {

constexpr std::int64_t kMemoryBytesMax = 1 << 20;  // of program and match states together

RE2::Options options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_never_capture(true);
  options.set_max_mem(kMemoryBytesMax);
  return options;
}

re2::StringPiece piece(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

struct Pattern::Compiled {
  explicit Compiled(std::string_view text) : regexp(piece(text), options()) {}
  RE2 regexp;
};

Pattern::Pattern(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
Pattern::Pattern(Pattern&&) noexcept = default;
Pattern& Pattern::operator=(Pattern&&) noexcept = default;
Pattern::~Pattern() = default;

Result<Pattern> Pattern::compile(std::string_view text) {
  auto compiled = std::make_unique<Compiled>(text);
  if (!compiled->regexp.ok()) {
    return Status(
        Code::kBadMessage, "pattern.syntax",
        "pattern \"" + escape_text(text) + "\": " + escape_text(compiled->regexp.error()));
  }
  return Pattern(std::move(compiled));
}

bool Pattern::full_match(std::string_view text) const {
  return RE2::FullMatch(piece(text), compiled_->regexp);
}

}  // namespace fairlead
