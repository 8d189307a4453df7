// Metadata, status, address, number and method of messages.
#include <cstdint>
#include <string>
#include <string_view>

#include "checks.h"

namespace teleport_peer {
namespace {

using fl::CodecId;
using namespace std::string_view_literals;

// Every pair of the request returns with "Re-" before its key, in order.
template <class... Pairs>
fl::Task<fl::Status> echo_metadata(Caller& caller, Pairs... pairs) {
  std::string want;
  (fl::wire::append_metadata_pair(want, "Re-" + pairs.key, pairs.value), ...);
  auto call = caller.call(caller.names()("Echo", "Meta"), CodecId::kPlain, "body", pairs...);
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  FL_CO_TRY(expect("body", std::string(reply.body.view()), "body"));
  FL_CO_TRY_ASSIGN(fl::wire::Metadata got, fl::wire::parse_metadata_text(reply.metadata));
  got.remove("Re-X-Fl-Timeout");  // ours, beside those of the caller
  std::string got_text;
  FL_CO_TRY(fl::wire::append_metadata_text(got_text, got));
  co_return expect("metadata", got_text, want);
}

void add_metadata_checks(Checks& checks) {
  using fl::with_meta;
  checks.push_back({"meta/none", [](Caller& caller) { return echo_metadata(caller); }});
  checks.push_back({"meta/one", [](Caller& caller) {
                      return echo_metadata(caller, with_meta("author", "somebody"));
                    }});
  checks.push_back({"meta/order_and_repeats", [](Caller& caller) {
                      return echo_metadata(caller, with_meta("b", "1"), with_meta("a", "2"),
                                           with_meta("b", "3"), with_meta("B", "4"));
                    }});
  checks.push_back({"meta/percent", [](Caller& caller) {
                      return echo_metadata(caller, with_meta("k &=+%", "v &=+%~!\"\\/"),
                                           with_meta("世", "界 😀"), with_meta("star*-._", "*-._"));
                    }});
  checks.push_back({"meta/empty_value", [](Caller& caller) {
                      return echo_metadata(caller, with_meta("e", ""), with_meta("f", "1"));
                    }});
  checks.push_back({"meta/control_bytes", [](Caller& caller) {
                      return echo_metadata(caller, with_meta("c", "\0\1\r\n\x7f\xff"sv));
                    }});
  checks.push_back({"meta/30000_bytes", [](Caller& caller) {
                      return echo_metadata(caller, with_meta("k", std::string(30000, 'x')));
                    }});
}

// A status to ask for, which is then the answer.
struct Wanted {
  std::int32_t code;
  const char* message;
  const char* cause;  // nullptr: none, which is not an empty one
};

fl::Task<fl::Status> ask_for_status(Caller& caller, Wanted wanted) {
  const std::string method = caller.names()("Echo", "Status");
  const auto code = fl::with_meta("code", std::to_string(wanted.code));
  const auto message = fl::with_meta("msg", wanted.message);
  auto call = wanted.cause == nullptr ? caller.call(method, CodecId::kPlain, "x", code, message)
                                      : caller.call(method, CodecId::kPlain, "x", code, message,
                                                    fl::with_meta("cause", wanted.cause));
  const fl::Result<fl::Reply> reply = co_await call;
  co_return expect_status(reply, wanted.code, wanted.message, wanted.cause);
}

fl::Task<fl::Status> ask_for_ok(Caller& caller) {
  auto call = caller.call(caller.names()("Echo", "Status"), CodecId::kPlain, "x",
                          fl::with_meta("code", "0"));
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  co_return expect("body", std::string(reply.body.view()), "x");
}

fl::Task<fl::Status> panic(Caller& caller) {
  auto number = number_of_call(caller);
  FL_CO_TRY_ASSIGN(const std::int64_t before, co_await number);
  auto call = caller.call(caller.names()("Echo", "Panic"), CodecId::kPlain, "x");
  const fl::Result<fl::Reply> reply = co_await call;
  FL_CO_TRY(expect_status(reply, 500, fl::code_text(fl::Code::kInternal), "boom"));
  auto same = expect_same_session(caller, before);
  co_return co_await same;
}

void add_status_checks(Checks& checks) {
  const auto add = [&](const char* name, Wanted wanted) {
    checks.push_back({std::string("status/") + name,
                      [wanted](Caller& caller) { return ask_for_status(caller, wanted); }});
  };
  add("full", {1001, "test error", "this is the cause"});
  add("no_cause", {404, "Not Found", nullptr});
  add("empty_cause", {500, "e", ""});
  add("negative_and_escapes", {-7, "ü\"&=\\", "a\nb"});
  checks.push_back({"status/ok", ask_for_ok});
  checks.push_back({"panic", panic});
}

// Nobody serves such a method: 404, and the session goes on.
fl::Task<fl::Status> expect_not_found(Caller& caller, std::string method) {
  auto call = caller.call(method, CodecId::kPlain, "x");
  const fl::Result<fl::Reply> reply = co_await call;
  FL_CO_TRY(expect("refused", reply.ok(), false));
  co_return expect("code", static_cast<std::int32_t>(reply.status().code()), 404);
}

void add_method_checks(const Flags& flags, Checks& checks) {
  checks.push_back({"sub", [](Caller& caller) -> fl::Task<fl::Status> {
                      const std::string method = caller.names()("sub_grp", "AaBb_CcDd");
                      auto call = caller.call(method, CodecId::kPlain, "x");
                      FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
                      co_return expect("method", std::string(reply.body.view()), method);
                    }});
  if (flags.unknown) return;
  const auto add = [&](const char* name, const std::string& method) {
    checks.push_back({std::string("not_found/") + name,
                      [method](Caller& caller) { return expect_not_found(caller, method); }});
  };
  add("path", "/no/such");
  add("255_bytes", "/" + std::string(254, 'm'));
  add("case_matters", "/Echo/Bytes");
  add("unicode", "/世界\"");
}

fl::Task<fl::Status> expect_real_ip(Caller& caller) {
  auto call = caller.call(caller.names()("Echo", "Ip"), CodecId::kPlain, "x",
                          fl::with_meta(fl::wire::kRealIpKey, "10.1.2.3"));
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  co_return expect("address", std::string(reply.body.view()), "10.1.2.3");
}

// An empty X-Real-IP says as little as none: both times the connection's other end.
fl::Task<fl::Status> expect_own_address(Caller& caller) {
  const std::string method = caller.names()("Echo", "Ip");
  auto call = caller.call(method, CodecId::kPlain, "x");
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  auto second = caller.call(method, CodecId::kPlain, "x", fl::with_meta(fl::wire::kRealIpKey, ""));
  FL_CO_TRY_ASSIGN(const fl::Reply again, co_await second);
  FL_CO_TRY(expect("address", std::string(again.body.view()), std::string(reply.body.view())));
  if (caller.flags().network == "unix") co_return fl::Status();
  FL_CO_TRY_ASSIGN(const fl::io::Address address, fl::io::Address::parse(reply.body.view()));
  co_return expect("it is on this machine", address.is_loopback(), true);
}

fl::Task<fl::Status> expect_growing_numbers(Caller& caller) {
  auto number = number_of_call(caller);
  FL_CO_TRY_ASSIGN(const std::int64_t before, co_await number);
  auto same = expect_same_session(caller, before);
  co_return co_await same;
}

}  // namespace

void add_message_checks(const Flags& flags, Checks& checks) {
  add_metadata_checks(checks);
  add_status_checks(checks);
  add_method_checks(flags, checks);
  checks.push_back({"ip/x_real_ip", expect_real_ip});
  checks.push_back({"ip/remote_address", expect_own_address});
  checks.push_back({"seq", expect_growing_numbers});
}

}  // namespace teleport_peer
