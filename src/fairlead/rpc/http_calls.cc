#include "fairlead/rpc/http_calls.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/codec/codec.h"
#include "fairlead/http/problem.h"
#include "fairlead/rpc/http_mapping.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::rpc {
namespace {

using internal::HttpBridge;
using internal::HttpCall;

constexpr int kAccepted = 202;
constexpr int kNoContent = 204;

bool is_get(const http::Request& request) {
  return request.method == "GET" || request.method == "HEAD";
}

Status metadata_too_big(std::size_t bytes) {
  return Status(Code{431}, "http.metadata_too_big",
                "headers and query have " + std::to_string(bytes) +
                    " bytes as metadata of a call; the limit is " +
                    std::to_string(wire::kMetadataBytesMax));
}

void add_all(std::vector<http::Field>& out, const http::Fields& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) out.push_back(fields[i]);
}

}  // namespace

Status HttpCallsOptions::validate() const {
  FL_TRY(cors.validate());
  if (spare_sessions_max > 65536) {
    return Status(Code::kInvalidOperation, "http_calls.bad_option",
                  "spare_sessions_max must be at most 65536");
  }
  return {};
}

HttpCalls::HttpCalls(Peer& peer, HttpCallsOptions options)
    : peer_(peer), options_(std::move(options)) {}

HttpCalls::~HttpCalls() { FL_CHECK(sessions_ == 0); }

// ---- requests

void HttpCalls::respond(const http::Request& request, HttpReplyTo to) {
  const Target target = target_of(request.path);
  if (request.method == "OPTIONS" && (target.call || target.push)) {
    return answer_options(request, to, target);
  }
  const Status refused = check(request, target);
  if (!refused.ok()) return answer_problem(request, to, refused, target);
  HttpBridge& bridge = take();
  HttpCall& call = bridge.call();
  const Status filled = fill(call, request, target);
  if (!filled.ok()) {
    on_spare(bridge);
    return answer_problem(request, to, filled, target);
  }
  call.request = &request;
  call.to = to;
  if (options_.on_request) options_.on_request(bridge.session(), request);
  bridge.start_call(peer_.router().login() != nullptr);
}

HttpCalls::Target HttpCalls::target_of(std::string_view path) const {
  constexpr std::string_view kOfCalls = "GET, HEAD, OPTIONS, POST";
  constexpr std::string_view kOfPushes = "OPTIONS, POST";
  if (path == "*") return {.call = true, .push = true, .allowed = kOfCalls};
  const Router& router = peer_.router();
  Target target;
  if (const Router::Route* route = router.find(path)) {
    target.call = route->kind == wire::Kind::kCall || route->other != nullptr;
    target.push = !target.call;
  } else {
    target.call = router.unknown(wire::Kind::kCall) != nullptr || peer_.rewrites_methods();
    target.push = !target.call && router.unknown(wire::Kind::kPush) != nullptr;
  }
  target.allowed = target.call ? kOfCalls : kOfPushes;
  return target;
}

Status HttpCalls::check(const http::Request& request, const Target& target) const {
  if ((!target.call && !target.push) || request.path == "*") {
    return peer_.router().not_found(request.path);
  }
  if (request.path.size() > wire::kMethodBytesMax) return peer_.router().not_found(request.path);
  if (request.method != "POST" && !(is_get(request) && target.call)) {
    return Status(Code::kKindNotAllowed, "http.method",
                  escape_text(request.method, 40) + " is not possible here: send " +
                      std::string(target.allowed));
  }
  if (is_get(request) && !request.body.empty()) {
    return Status(Code::kBadMessage, "http.body_in_get",
                  request.method + " with a body has no meaning: send POST");
  }
  const std::size_t body_bytes_max = peer_.options().limits.frame_bytes_max;
  if (request.body.size() > body_bytes_max) {
    return Status(Code::kTooLarge, "http.body_too_large",
                  "the body has " + std::to_string(request.body.size()) + " bytes; the limit is " +
                      std::to_string(body_bytes_max));
  }
  if (peer_.router().login() != nullptr && bearer_token(request.fields).empty()) {
    return Status(Code::kUnauthenticated, "session.login_expected",
                  "this service asks for a login: send Authorization: Bearer with its token");
  }
  if (peer_.closing()) {
    return Status(Code::kOverloaded, "peer.closing", "this peer is being closed");
  }
  return {};
}

Status HttpCalls::fill(HttpCall& call, const http::Request& request, const Target& target) const {
  call.kind = target.call ? wire::Kind::kCall : wire::Kind::kPush;
  call.body_codec = wire::kNoCodec;
  if (!is_get(request)) {
    FL_TRY_ASSIGN(call.body_codec, body_codec_of(request.fields, request.body.view()));
  }
  FL_TRY_ASSIGN(const codec::CodecId reply_codec, reply_codec_of(request.fields));
  call.method.assign(request.path);
  if (!request.query.empty()) call.method.append("?").append(request.query);
  call.metadata.clear();
  // What every call is asked for stands first, so that it is found at once.
  wire::append_metadata_pair(call.metadata, wire::kAcceptBodyCodecKey,
                             std::to_string(static_cast<int>(reply_codec)));
  wire::append_metadata_pair(call.metadata, wire::kRealIpKey, request.peer.host());
  wire::append_metadata_pair(call.metadata, kRequestIdKey, request.id);
  append_field_metadata(call.metadata, request.fields, TraceFields::kPass);
  FL_TRY(append_query_metadata(call.metadata, request.query));
  if (call.metadata.size() > wire::kMetadataBytesMax) return metadata_too_big(call.metadata.size());
  call.token.assign(peer_.router().login() != nullptr ? bearer_token(request.fields)
                                                      : std::string_view());
  call.body = Bytes(request.body).own();
  return {};
}

HttpBridge& HttpCalls::take() {
  while (!spare_.empty()) {
    HttpBridge* bridge = spare_.back();
    spare_.pop_back();
    if (bridge->usable()) return *bridge;
  }
  HttpBridge::Owner& owner = *this;
  auto made = std::make_unique<HttpBridge>(peer_.core(), owner);
  HttpBridge& bridge = *made;
  ++sessions_;
  bridge.serves(peer_.serve(std::move(made), bridge.form()));
  return bridge;
}

void HttpCalls::on_spare(HttpBridge& bridge) {
  if (spare_.size() < options_.spare_sessions_max) {
    spare_.push_back(&bridge);
  } else {
    bridge.close();
  }
}

void HttpCalls::on_gone(HttpBridge& bridge) {
  --sessions_;
  std::erase(spare_, &bridge);
}

// ---- answers

void HttpCalls::answer(HttpBridge& bridge, Status status) {
  const HttpCall& call = bridge.call();
  const http::Request& request = *call.request;
  const bool is_call = call.kind == wire::Kind::kCall;
  const std::string_view metadata = call.reply_metadata;
  if (!status.ok()) {
    return answer_problem(request, call.to, status, target_of(request.path), metadata);
  }
  fields_.clear();
  if (!is_call) return send(request, call.to, kAccepted, {}, {});
  std::string told;
  const std::string_view type = reply_content_type(call.reply_codec, metadata, told);
  if (!type.empty()) fields_.push_back({"Content-Type", type});
  http::Fields added;
  append_reply_fields(added, metadata);
  add_all(fields_, added);
  send(request, call.to, 200, bridge.reply_body(), {});
}

void HttpCalls::answer_options(const http::Request& request, HttpReplyTo to, const Target& target) {
  fields_.clear();
  fields_.push_back({"Allow", target.allowed});
  send(request, to, kNoContent, {}, target);
}

void HttpCalls::answer_problem(const http::Request& request, HttpReplyTo to, const Status& status,
                               const Target& target, std::string_view metadata) {
  http::Response problem = http::problem_response(
      status, request.id, {.style = options_.style, .show_cause = options_.show_cause});
  if (problem.status == 405) problem.fields.add("Allow", target.allowed);
  if (problem.status == 415) append_accepted(problem.fields, status, kMediaTypes);
  if (problem.status == 401) problem.fields.add("WWW-Authenticate", "Bearer");
  append_error_fields(problem.fields, problem.status, metadata);
  fields_.clear();
  add_all(fields_, problem.fields);
  send(request, to, problem.status, problem.body.view(), target);
}

void HttpCalls::send(const http::Request& request, HttpReplyTo to, int status,
                     std::string_view body, const Target& target) {
  if (!request.id.empty()) fields_.push_back({"X-Request-Id", request.id});
  append_cors_fields(fields_, options_.cors, request.method, request.fields, target.allowed, age_);
  to.answer(to.to, status, fields_, body);
}

}  // namespace fairlead::rpc
