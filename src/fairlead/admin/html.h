// Pages for people: HTML without script, style or anything from elsewhere.
#pragma once

#include <string>
#include <string_view>

#include "fairlead/http/message.h"

namespace fairlead::admin {

// Appends text so that it is text, in an element or in an attribute in double quotes.
void append_html(std::string& out, std::string_view text);

// What stands before a page's own HTML, with its title as the first heading; and what behind it.
// `program`: whose page it is, so that tabs of several programs are told apart; empty: not said.
std::string html_head(std::string_view title, std::string_view program = {});
inline constexpr std::string_view kHtmlEnd = "</body></html>\n";

// A whole page. Nothing in it is run or fetched, whatever it holds (Content-Security-Policy).
http::Response html_response(std::string_view page);

}  // namespace fairlead::admin
