// Pattern: a regular expression in RE2 syntax, which matches in linear time whatever the pattern.
#pragma once

#include <memory>
#include <string_view>

#include "fairlead/base/result.h"

namespace fairlead {

// Thread: const methods from any thread.
class Pattern {
 public:
  // UTF-8 text is matched by characters. A pattern that needs more than 1 MiB is refused.
  // Errors: kBadMessage `pattern.syntax` (message: what is wrong and the piece it is about).
  static Result<Pattern> compile(std::string_view text);

  Pattern(Pattern&&) noexcept;
  Pattern& operator=(Pattern&&) noexcept;
  ~Pattern();

  // True when all of `text` matches.
  bool full_match(std::string_view text) const;

 private:
  struct Compiled;
  explicit Pattern(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
};

}  // namespace fairlead
