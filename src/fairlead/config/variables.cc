// ${NAME} and ${NAME:-default} in the scalars of a document.
#include <string>

#include "fairlead/base/text.h"
#include "fairlead/config/internal.h"
#include "fairlead/config/problems.h"

namespace fairlead::config::internal {
namespace {

bool is_name(std::string_view text) {
  if (text.empty() || (text[0] >= '0' && text[0] <= '9')) return false;
  return text.find_first_not_of(
             "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
         std::string_view::npos;
}

class Substitution {
 public:
  Substitution(const Environment& variables, std::size_t text_bytes_max)
      : variables_(variables), bytes_left_(text_bytes_max) {}

  // Recursion is bounded by the document's depth limit.
  void walk(Value& value) {
    for (const auto& child : value.children()) walk(*child);
    if (value.kind() == Value::Kind::kScalar && value.text().find("${") != std::string_view::npos) {
      expand(value);
    }
  }
  Status status() const { return problems_.status(); }

 private:
  void expand(Value& value) {
    const std::string_view text = value.text();
    std::string out;
    bool replaced = false;
    std::size_t at = 0;
    while (at < text.size()) {
      if (text.substr(at).starts_with("$${")) {
        out += "${";
        at += 3;
      } else if (text.substr(at).starts_with("${")) {
        const std::size_t end = text.find('}', at);
        if (end == std::string_view::npos) {
          problems_.add(value.place(), "config.bad_variable",
                        "'${' without '}'; close it, or write $${ for the characters themselves");
          return;
        }
        if (!append(value.place(), text.substr(at + 2, end - at - 2), out)) return;
        replaced = true;
        at = end + 1;
      } else {
        out += text[at++];
      }
      if (out.size() > bytes_left_) {
        problems_.add(Status(Code::kTooLarge, "config.too_big",
                             value.place().to_string() +
                                 ": too much text once variables are replaced; shorten them"));
        return;
      }
    }
    bytes_left_ -= out.size();
    value.make_scalar(std::move(out), replaced ? Value::Style::kText : value.style());
  }

  bool append(const Place& place, std::string_view inside, std::string& out) {
    const std::size_t colon = inside.find(":-");
    const std::string_view name = inside.substr(0, colon);
    if (!is_name(name)) {
      problems_.add(place, "config.bad_variable",
                    "'" + escape_text(name, 80) +
                        "' is not a variable's name; write ${NAME} or ${NAME:-default}, or $${ "
                        "for the characters themselves");
      return false;
    }
    const auto found = variables_.find(name);
    const bool set = found != variables_.end();
    if (colon != std::string_view::npos && (!set || found->second.empty())) {
      out += inside.substr(colon + 2);
      return true;
    }
    if (set) {
      out += found->second;
      return true;
    }
    problems_.add(place, "config.missing_variable",
                  "environment variable " + std::string(name) + " is not set; set it, or write ${" +
                      std::string(name) + ":-default}");
    return false;
  }

  const Environment& variables_;
  std::size_t bytes_left_;
  Problems problems_;
};

}  // namespace

Status substitute(Value& root, const Environment& variables, std::size_t text_bytes_max) {
  Substitution substitution(variables, text_bytes_max);
  substitution.walk(root);
  return substitution.status();
}

}  // namespace fairlead::config::internal
