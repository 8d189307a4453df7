// Names of handlers that are registered by a text, mapped to methods as teleport/erpc maps them, so
// that a Go peer finds the same handler under the same method. Services of FL_SERVICE have their
// paths from service.h and need none of this.
//
//   name          HTTP style      RPC style
//   AaBb          /aa_bb          AaBb
//   Aa_Bb         /aa/bb          Aa.Bb        one underscore separates
//   Aa__Bb        /aa_bb          Aa_Bb        more of them are one underscore
//   ABcXYz        /abc_xyz        ABcXYz       a word begins only behind a small letter or digit
//
// A struct's handler is mapped twice: its name under the prefix, then the method's under that.
//
//   http_style_name({.prefix = http_style_name({.name = "sub_grp"}), .name = "AaBb_CcDd"})
//     → "/sub/grp/aa_bb/cc_dd"
//
// Any bytes are a name, of any length; what is too long for a message is refused by whoever
// registers it. Underscores in front are dropped, so a name of nothing else is empty and maps to
// the prefix. Only ASCII letters change; Go makes others small as well in the HTTP style. Thread:
// any. Cost: linear.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "fairlead/base/result.h"

namespace fairlead::contract {

struct HandlerName {
  std::string_view prefix{};  // already mapped; empty for none
  std::string_view name{};    // of a struct or function, or of a sub-route
};

// How names that are given as text become methods.
enum class NameStyle : std::uint8_t {
  kVerbatim,  // the method is the prefix and, directly behind it, the name
  kHttp,      // http_style_name()
  kRpc,       // rpc_style_name()
};

// The method of a handler, or the prefix of a sub-route, in this style. A name that begins with a
// slash is a path already: in every style it stays as it is, behind the prefix.
// Errors: kBadMessage `route.bad_method`: nothing is left of the name, ".." leads out of the
// prefix, or in the RPC style one of name and prefix is a path and the other is none.
Result<std::string> method_name(NameStyle style, const HandlerName& handler);

// "/prefix/name" in small letters, words by underscores. Always begins with a slash and ends with
// none unless it is "/"; empty segments and "." vanish, ".." takes the segment before it away.
std::string http_style_name(const HandlerName& handler);

// "Prefix.Name" with its letters as they are; without dots at its ends, so it may be empty.
std::string rpc_style_name(const HandlerName& handler);

// The words of a name in small letters as erpc sees them: an underscore goes before the first
// capital behind any sign that is neither capital nor underscore; those of the name stay, so
// Aa__Bb is aa___bb.
// Unlike snake_case() of service.h, which knows capitals that belong together.
std::string erpc_snake_case(std::string_view name);

}  // namespace fairlead::contract
