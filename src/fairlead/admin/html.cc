#include "fairlead/admin/html.h"

namespace fairlead::admin {

void append_html(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
}

std::string html_head(std::string_view title, std::string_view program) {
  std::string whole(program);
  if (!whole.empty()) whole += ": ";
  whole += title;
  std::string out = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>";
  append_html(out, whole);
  out += " - Fairlead</title></head><body><h1>";
  append_html(out, whole);
  return out += "</h1>\n";
}

http::Response html_response(std::string_view page) {
  http::Response response = http::Response::typed(200, "text/html; charset=utf-8", page);
  response.fields.add("Content-Security-Policy", "default-src 'none'");
  response.fields.add("X-Content-Type-Options", "nosniff");
  return response;
}

}  // namespace fairlead::admin
