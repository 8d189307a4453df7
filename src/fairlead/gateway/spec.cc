#include "fairlead/gateway/spec.h"

#include <map>
#include <string_view>
#include <utility>

#include "fairlead/admin/server.h"
#include "fairlead/base/text.h"
#include "fairlead/http/proto/target.h"
#include "fairlead/upstream/endpoint.h"

namespace fairlead::gateway {

namespace {

constexpr std::uint64_t kBodyBytesMost = std::uint64_t{8} << 20U;
constexpr std::uint32_t kCoresMax = 256;

// A prefix is written as the paths that it is compared with: plain, by the one path rule.
Status check_prefix(std::string_view prefix) {
  const auto bad = [prefix](std::string_view why) {
    return Status(Code::kBadMessage, "gateway.bad_prefix",
                  "prefix '" + escape_text(prefix) + "' " + std::string(why));
  };
  if (!prefix.starts_with('/')) return bad("must begin with '/'");
  if (prefix.size() > 1 && prefix.ends_with('/')) return bad("must not end with '/': leave it out");
  std::string plain;
  std::string escaped;
  http::proto::append_escaped_path(escaped, prefix);
  if (http::proto::normalize_path(escaped, plain) != http::proto::Refusal::kNone ||
      plain != prefix) {
    return bad("is no plain path: no '//', no '.' or '..' segments, no control bytes, no '\\'");
  }
  return {};
}

// `check`: a rule for addresses that are some; null: none.
void read_address(config::ObjectReader& reader, std::string_view key, const std::string& text,
                  Status (*check)(const io::Address& address) = nullptr) {
  if (text.empty()) return;
  const Result<io::Address> address = io::Address::parse(text);
  Status good = address.status();
  if (good.ok() && check != nullptr) good = check(*address);
  if (!good.ok()) reader.reject(key, good.reason(), good.message());
}

Status read_style(const config::Value& value, HttpStyle& out) {
  std::string text;
  FL_TRY(config::read(value, text));
  if (text != "strict" && text != "biz299") return config::wrong_type(value, "strict or biz299");
  out = text == "strict" ? HttpStyle::kStrict : HttpStyle::kBiz299;
  return {};
}

struct UpgradeKeys {
  Duration ready_timeout;
};

Status read(const config::Value& value, UpgradeKeys& out) {
  config::ObjectReader reader(value);
  reader.optional("ready_timeout", out.ready_timeout,
                  {std::chrono::milliseconds(100), std::chrono::hours(1)});
  return reader.finish();
}

struct LimitKeys {
  runtime::ProtectionOptions options;
};

Status read(const config::Value& value, LimitKeys& out) {
  config::ObjectReader reader(value);
  runtime::read_protection(reader, out.options);
  return reader.finish();
}

// The second of two routes with one prefix could never be reached.
Status check_unique(const config::Value& routes, const std::vector<RouteSpec>& specs) {
  config::Problems problems;
  std::map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto [first, fresh] = seen.emplace(specs[i].prefix, i);
    if (fresh) continue;
    const config::Value& item = *routes.children()[i];
    problems.add(item.place(), "gateway.prefix_taken",
                 "prefix '" + specs[i].prefix + "' is taken by the route at " +
                     routes.children()[first->second]->place().to_string() +
                     "; change one of them");
  }
  return problems.status();
}

}  // namespace

Status read(const config::Value& value, RouteSpec& out) {
  config::ObjectReader reader(value);
  reader.required("prefix", out.prefix);
  reader.required("service", out.service);
  reader.optional("strip", out.strip);
  if (!out.prefix.empty()) {
    const Status prefix = check_prefix(out.prefix);
    if (!prefix.ok()) reader.reject("prefix", prefix.reason(), prefix.message());
  }
  if (!out.service.empty()) {
    const Status name = upstream::check_service_name(out.service);
    if (!name.ok()) reader.reject("service", name.reason(), name.message());
  }
  return reader.finish();
}

Status read(const config::Value& value, GatewaySpec& out) {
  config::ObjectReader reader(value);
  std::string listen;
  UpgradeKeys upgrade{out.upgrade_ready_timeout};
  reader.required("listen", listen);
  reader.optional("admin", out.admin);
  reader.optional("store", out.store);
  reader.optional("cores", out.cores, {0, kCoresMax});
  reader.optional("timeout", out.timeout, {std::chrono::milliseconds(1), std::chrono::hours(1)});
  reader.optional("drain", out.drain, {Duration::zero(), std::chrono::hours(1)});
  reader.optional("notice", out.notice, {Duration::zero(), std::chrono::hours(1)});
  reader.optional("pid_file", out.pid_file);
  reader.optional("upgrade", upgrade);
  out.upgrade_ready_timeout = upgrade.ready_timeout;
  reader.optional_bytes("body_max", out.body_bytes_max, {1, kBodyBytesMost});
  LimitKeys limits{out.limits};
  reader.optional("limits", limits);
  out.limits = std::move(limits.options);
  config::Problems problems;
  if (const config::Value* style = reader.look("status_style"); style != nullptr) {
    problems.add(read_style(*style, out.status_style));
  }
  reader.required("routes", out.routes);
  read_address(reader, "listen", listen);
  read_address(reader, "admin", out.admin, admin::check_loopback);
  problems.add(reader.finish());
  if (problems.empty()) {
    out.listen = io::Address::parse(listen).value_or({});
    problems.add(check_unique(*value.find("routes"), out.routes));
  }
  return problems.status();
}

}  // namespace fairlead::gateway
