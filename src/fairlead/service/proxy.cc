#include "fairlead/service/proxy.h"

#include <string>

#include "fairlead/rpc/handler.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/rpc/session.h"
#include "fairlead/wire/metadata.h"
#include "fairlead/wire/secure/secure_flags.h"

namespace fairlead::service {

struct Proxy::State {
  Choose choose{};
};

namespace {

// What belongs to one link and not to the message: our own calls say it again.
bool of_the_link(std::string_view key) {
  return key == wire::kTimeoutKey || key == wire::kRefusedKey;
}

Result<std::string> passed_metadata(const rpc::Context& context) {
  FL_TRY_ASSIGN(const wire::Metadata pairs, context.metadata());
  std::string out;
  pairs.visit([&out](std::string_view key, std::string_view value) {
    if (!of_the_link(key)) wire::append_metadata_pair(out, key, value);
  });
  if (!pairs.get(wire::kRealIpKey).has_value()) {
    wire::append_metadata_pair(out, wire::kRealIpKey, context.real_ip());
  }
  return out;
}

Status at_the_gateway(Status status) {
  const int code = static_cast<int>(status.code());
  if (code < 100 || code > 199) return status;
  Status bad(Code::kBadGateway, status.reason(), "the service behind this one cannot be reached");
  return std::move(bad).with_cause(status.message());
}

}  // namespace

// Passes a message on and the reply back.
template <class State>
class Forwards final : public rpc::Handler {
 public:
  explicit Forwards(std::shared_ptr<const State> state) : state_(std::move(state)) {}

  bool waits() const override { return true; }
  Status handle(rpc::Context&) override {
    return Status(Code::kInternal, "handler.waits", "a coroutine handler was called as plain");
  }
  Task<Status> handle_later(rpc::Context& context) override {
    const std::optional<RawClient> client =
        state_->choose ? state_->choose(context) : std::optional<RawClient>();
    if (!client.has_value()) {
      co_return Status(Code::kBadGateway, "proxy.no_target", "no service to pass this on to");
    }
    FL_CO_TRY_ASSIGN(std::string metadata, passed_metadata(context));
    upstream::RawRequest request{.method = std::string(context.method()),
                                 .body_codec = context.body_codec(),
                                 .body = context.body_bytes().own(),
                                 .metadata = std::move(metadata),
                                 .transforms = std::string(context.transforms())};
    CallOptions options{.within = context.deadline().remaining(context.core().now()),
                        .cancel = context.cancel()};
    if (options.within == Duration::max()) options.within = Duration::zero();
    if (context.kind() == wire::Kind::kPush) {
      auto push = client->push_request(std::move(request), std::move(options));
      Status pushed = co_await push;
      co_return pushed;
    }
    auto call = client->ask_request(std::move(request), std::move(options));
    upstream::Answer answer = co_await call;
    if (answer.reply.ok()) co_return pass_back(context, *std::move(answer.reply));
    co_return pass_error_back(context, answer);
  }

 private:
  static Status pass_metadata_back(rpc::Context& context, std::string_view metadata) {
    FL_TRY_ASSIGN(const wire::Metadata pairs, wire::parse_metadata_text(metadata));
    const bool sealed_by_us = context.session().peer().options().secure != nullptr;
    pairs.visit([&](std::string_view key, std::string_view value) {
      if (of_the_link(key) || (sealed_by_us && key == wire::kSecureKey)) return;
      context.add_reply_meta(key, value);
    });
    return {};
  }

  // Metadata that cannot be read is left out: the error says more than it.
  static Status pass_error_back(rpc::Context& context, const upstream::Answer& answer) {
    Status status = answer.reply.status();
    (void)pass_metadata_back(context, answer.error_metadata);
    if (status.outcome() == Outcome::kNotProcessed && context.session().said_hello()) {
      context.add_reply_meta(wire::kRefusedKey, "1");  // a peer of ours behind us marked it so
    }
    return at_the_gateway(std::move(status));
  }

  static Status pass_back(rpc::Context& context, rpc::Reply reply) {
    FL_TRY(pass_metadata_back(context, reply.metadata));
    if (reply.body_codec != wire::kNoCodec || !reply.body.empty()) {
      context.reply_with(reply.body_codec, std::move(reply.body));
    }
    return {};
  }

  const std::shared_ptr<const State> state_;
};

Proxy::Proxy() : Plugin("proxy"), state_(std::make_shared<State>()) {}
Proxy::~Proxy() = default;

void Proxy::to(RawClient client) {
  state_->choose = [client](const rpc::Context&) { return std::optional<RawClient>(client); };
}

void Proxy::choose(Choose choose) { state_->choose = std::move(choose); }

Status Proxy::pre_new_peer(rpc::NewPeer& peer) {
  for (const wire::Kind kind : {wire::Kind::kCall, wire::Kind::kPush}) {
    FL_TRY(peer.router.add_unknown(kind, std::make_unique<Forwards<State>>(state_)));
  }
  return {};
}

}  // namespace fairlead::service
