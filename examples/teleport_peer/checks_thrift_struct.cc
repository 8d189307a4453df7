// What thrift-struct can carry: CALLs and REPLYs of one Thrift struct, with metadata.
#include <string>
#include <utility>

#include "bodies.h"
#include "checks.h"

namespace teleport_peer {
namespace {

using fl::CodecId;

fl::Task<fl::Status> sign(Caller& caller, std::string author) {
  const Author in{.author = author};
  auto asked = ask<Author>(caller, caller.names()("Echo", "Thrift"), CodecId::kThrift, in);
  FL_CO_TRY_ASSIGN(const Author got, co_await asked);
  co_return expect("author", got.author, author + "->OK");
}

fl::Task<fl::Status> sign_with_metadata(Caller& caller) {
  fl::Buffer body;
  FL_CO_TRY(fl::codec::encode(CodecId::kThrift, Author{}, body));
  auto call = caller.call(caller.names()("Echo", "Thrift"), CodecId::kThrift, body.view(),
                          fl::with_meta("t-b", "1"), fl::with_meta("t-a", "x &"),
                          fl::with_meta("t-b", "2"));
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  co_return expect("metadata", reply.metadata, "Re-t-b=1&Re-t-a=x%20%26&Re-t-b=2");
}

fl::Task<void> sign_one(Caller& caller, int number, fl::Status& failed) {
  auto signing = sign(caller, std::to_string(number));
  fl::Status status = co_await signing;
  if (failed.ok()) failed = std::move(status);
}

fl::Task<fl::Status> sign_200_at_once(Caller& caller) {
  fl::Scope scope;
  fl::Status failed;
  for (int i = 0; i < 200; ++i) scope.spawn(sign_one(caller, i, failed));
  fl::io::Core& core = *fl::io::Core::current();
  FL_CO_TRY(co_await scope.close(core.timers(), core.deadline_after(caller.flags().timeout)));
  co_return failed;
}

// An erpc peer closes the connection instead; then the next call finds another.
fl::Task<fl::Status> expect_not_found(Caller& caller) {
  fl::Buffer body;
  FL_CO_TRY(fl::codec::encode(CodecId::kThrift, Author{}, body));
  auto call = caller.call("/no/such", CodecId::kThrift, body.view());
  const fl::Result<fl::Reply> reply = co_await call;
  co_return expect("served", reply.ok(), false);
}

}  // namespace

void add_thrift_struct_checks(const Flags& flags, Checks& checks) {
  const auto add = [&](const char* name, std::string author) {
    checks.push_back({std::string("thrift/") + name, [author = std::move(author)](Caller& caller) {
                        return sign(caller, author);
                      }});
  };
  checks.push_back({"dial", [](Caller& caller) { return sign(caller, "first"); }, true});
  add("text", "teleport");
  add("empty", "");
  add("unicode", "世界 \"q\"");
  add("mebibyte", std::string(1U << 20, 'x'));
  checks.push_back({"thrift/metadata", sign_with_metadata});
  checks.push_back({"thrift/parallel", sign_200_at_once});
  if (!flags.unknown) checks.push_back({"thrift/not_found", expect_not_found});
  add("after_not_found", "again");
}

}  // namespace teleport_peer
