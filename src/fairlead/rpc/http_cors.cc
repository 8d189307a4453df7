#include "fairlead/rpc/http_cors.h"

#include <algorithm>

#include "fairlead/base/text.h"
#include "fairlead/http/proto/chars.h"
#include "fairlead/http/proto/target.h"

namespace fairlead::rpc {
namespace {

constexpr std::string_view kAny = "*";

bool is_origin(std::string_view text) {
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == 0 || scheme_end == std::string_view::npos) return false;
  return http::proto::is_authority(text.substr(scheme_end + 3));
}

bool is_any(const CorsOptions& options) {
  return options.origins.size() == 1 && options.origins.front() == kAny;
}

// "Content-Type, x-tenant": tokens, so that it may be sent back as it came.
bool is_list_of_tokens(std::string_view text) {
  for (const std::string_view part : split(text, ',')) {
    if (!http::proto::is_all(trim(part), http::proto::kTokenChar)) return false;
  }
  return true;
}

}  // namespace

Status CorsOptions::validate() const {
  const auto bad = [](const std::string& what) {
    return Status(Code::kInvalidOperation, "http_calls.bad_option", what);
  };
  for (const std::string& origin : origins) {
    if (origin == kAny && origins.size() > 1) return bad("the origin '*' stands alone");
    if (origin == kAny && credentials) return bad("credentials need a list of origins, not '*'");
    if (origin != kAny && !is_origin(origin)) {
      return bad("'" + escape_text(origin) + "' is no origin such as https://app.example.com");
    }
  }
  if (max_age < Duration::zero()) return bad("max_age must not be negative");
  return {};
}

bool is_preflight(std::string_view method, const http::Fields& request) {
  return method == "OPTIONS" && request.find("Origin").has_value() &&
         request.find("Access-Control-Request-Method").has_value();
}

void append_cors_fields(std::vector<http::Field>& out, const CorsOptions& options,
                        std::string_view method, const http::Fields& request,
                        std::string_view allowed_methods, std::string& age) {
  if (options.origins.empty()) return;
  const bool any = is_any(options);
  if (!any) out.push_back({"Vary", "Origin"});  // caches must not give one origin another's answer
  const std::optional<std::string_view> origin = request.find("Origin");
  if (!origin.has_value()) return;
  if (!any && std::ranges::find(options.origins, *origin) == options.origins.end()) return;
  out.push_back({"Access-Control-Allow-Origin", any ? kAny : *origin});
  if (options.credentials) out.push_back({"Access-Control-Allow-Credentials", "true"});
  if (!is_preflight(method, request)) {
    out.push_back({"Access-Control-Expose-Headers", "X-Request-Id"});
    return;
  }
  out.push_back({"Access-Control-Allow-Methods", allowed_methods});
  const std::string_view asked = request.value_or("Access-Control-Request-Headers", "");
  if (!asked.empty() && is_list_of_tokens(asked)) {
    out.push_back({"Access-Control-Allow-Headers", asked});
  }
  age = std::to_string(std::chrono::duration_cast<std::chrono::seconds>(options.max_age).count());
  out.push_back({"Access-Control-Max-Age", age});
}

}  // namespace fairlead::rpc
