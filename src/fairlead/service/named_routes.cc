#include "fairlead/service/named_routes.h"

#include "fairlead/base/text.h"

namespace fairlead::service::internal {
namespace {

std::string written_in(const NamePlace& place, std::string_view name) {
  return place.written.empty() ? std::string(name) : place.written + " + " + std::string(name);
}

}  // namespace

Result<NamePlace> NamePlace::group(std::string_view name) const {
  NamePlace inner{.style = style, .prefix = prefix, .written = written};
  if (name.empty()) return inner;
  FL_TRY_ASSIGN(inner.prefix, contract::method_name(style, {.prefix = prefix, .name = name}));
  inner.written = written_in(*this, name);
  return inner;
}

Status NamedRoutes::add(rpc::Router& router, const NamePlace& place, wire::Kind kind,
                        std::string_view name, std::unique_ptr<rpc::Handler> handler,
                        const RoutePlugins& plugins) {
  FL_TRY_ASSIGN(const std::string method,
                contract::method_name(place.style, {.prefix = place.prefix, .name = name}));
  auto chain = joined(place.plugins, plugins);
  if (!chain.ok()) return Status(chain.status()).with_context(method);
  const std::string written = written_in(place, name);
  Status added = router.add(kind, method, std::move(handler), *std::move(chain));
  const auto [other, first] = written_.try_emplace({kind, method}, written);
  if (first || added.reason() != "route.taken" || other->second == written) return added;
  return Status(Code::kConflict, "route.taken",
                "'" + escape_text(written) + "' and '" + escape_text(other->second) +
                    "' are names of the same " + std::string(wire::kind_name(kind)) + ", '" +
                    escape_text(method) + "': leave one out, or give it another name");
}

}  // namespace fairlead::service::internal
