// Transforms of the request, which are those of the reply too, and those that the handler adds.
#include <string>
#include <utility>

#include "checks.h"

namespace teleport_peer {
namespace {

fl::Task<fl::Status> echo_through(Caller& caller, std::string sent, std::string added) {
  std::string body;
  for (int i = 0; i < 100; ++i) body += "filter me ";
  const std::string ids = caller.flags().filters + sent;
  auto call = caller.call(caller.names()("Echo", "Xfer"), fl::CodecId::kPlain, body,
                          fl::with_transforms(ids), fl::with_meta("add", added));
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  FL_CO_TRY(expect("body", std::string(reply.body.view()), body));
  co_return expect("transforms of the reply", reply.transforms, ids + added);
}

fl::Task<fl::Status> error_through(Caller& caller) {
  auto call = caller.call(caller.names()("Echo", "Status"), fl::CodecId::kPlain, "x",
                          fl::with_transforms(caller.flags().filters + "gm"),
                          fl::with_meta("code", "1001"), fl::with_meta("msg", "e"));
  const fl::Result<fl::Reply> reply = co_await call;
  co_return expect_status(reply, 1001, "e");
}

}  // namespace

void add_transform_checks(const Flags&, Checks& checks) {
  constexpr std::pair<const char*, const char*> kCases[] = {
      {"", ""},  {"g", ""},  {"m", ""},  {"gm", ""}, {"mg", ""},  {"ggmm", ""},
      {"", "g"}, {"", "gm"}, {"g", "m"}, {"m", "g"}, {"gm", "gm"}};
  for (const auto& each : kCases) {
    const std::string sent = *each.first == '\0' ? "none" : each.first;
    const std::string added = *each.second == '\0' ? "none" : each.second;
    checks.push_back({"xfer/send_" + sent + "_add_" + added, [each](Caller& caller) {
                        return echo_through(caller, each.first, each.second);
                      }});
  }
  checks.push_back({"xfer/error_reply", error_through});
}

}  // namespace teleport_peer
