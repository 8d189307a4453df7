#include "fairlead/cli/call.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "fairlead/base/base64.h"
#include "fairlead/base/json_object.h"
#include "fairlead/base/text.h"
#include "fairlead/base/time.h"
#include "fairlead/cli/json_text.h"
#include "fairlead/io/core.h"
#include "fairlead/io/tls_holder.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/store/store.h"
#include "fairlead/upstream/registry.h"
#include "fairlead/wire/metadata.h"

namespace fairlead::cli {

namespace {

constexpr std::size_t kBodyBytesMax = std::size_t{8} << 20U;
constexpr Duration kCloseTime = std::chrono::seconds(1);

Status bad_body(const std::string& text) {
  return Status(Code::kBadMessage, "usage.bad_body", text);
}

Result<std::string> read_all(int fd, const std::string& name) {
  std::string text;
  char block[65536];
  while (true) {
    const ssize_t count = ::read(fd, block, sizeof(block));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return bad_body("cannot read " + name + ": " + std::strerror(errno));
    if (count == 0) return text;
    text.append(block, static_cast<std::size_t>(count));
    if (text.size() > kBodyBytesMax) {
      return bad_body(name + " has more than 8 MiB, which no message can carry");
    }
  }
}

Result<std::string> body_of(const std::string& word) {
  if (word == "-") return read_all(STDIN_FILENO, "standard input");
  if (!word.starts_with('@')) return word;
  const std::string path = word.substr(1);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return bad_body("cannot open the file '" + path + "' of the body: " + std::strerror(errno));
  }
  Result<std::string> text = read_all(fd, "the file '" + path + "'");
  ::close(fd);
  return text;
}

// A store that is not there must not be made by looking into it.
Status check_store(const std::string& service, const std::string& url) {
  if (url.empty()) {
    return Status(Code::kBadMessage, "usage.no_store",
                  "'" + escape_text(service) +
                      "' is looked up in a registry and none is given: add --store "
                      "file:/path/store.db (`fairlead up` prints it), or call an address");
  }
  constexpr std::string_view kFile = "file:";
  if (!url.starts_with(kFile)) return {};
  struct stat info{};
  if (::stat(url.substr(kFile.size()).c_str(), &info) == 0) return {};
  return Status(Code::kNoEndpoint, "store.missing",
                "there is no store '" + url.substr(kFile.size()) + "'");
}

// One service as a command sees it: on one core, for one message.
class Caller {
 public:
  static Result<std::unique_ptr<Caller>> make(const CallArguments& arguments) {
    std::unique_ptr<Caller> caller(new Caller());
    FL_TRY_ASSIGN(caller->core_, io::Core::make());
    const bool by_address = arguments.target.find(':') != std::string::npos;
    if (!by_address) {
      const Status name = upstream::check_service_name(arguments.target);
      if (!name.ok()) return Status(Code::kBadMessage, "usage.bad_service", name.message());
      FL_TRY(check_store(arguments.target, arguments.store));
    }
    upstream::EndpointSnapshot endpoints;
    if (by_address) {
      Result<upstream::EndpointSnapshot> parsed = upstream::parse_endpoints(arguments.target);
      if (!parsed.ok()) {
        return Status(Code::kBadMessage, "usage.bad_address", parsed.status().message());
      }
      endpoints = std::move(*parsed);
    }
    FL_TRY(wire::add_builtin_transforms(caller->transforms_));
    caller->peer_ = std::make_unique<rpc::Peer>(
        *caller->core_, caller->router_,
        rpc::PeerOptions{.transforms = &caller->transforms_, .heartbeat = rpc::kUsualHeartbeat});
    FL_TRY_ASSIGN(const upstream::ServiceOptions options, caller->options_of(arguments.client));
    if (by_address) {
      const Status speaks = upstream::check_protocol(*endpoints, options.protocol);
      if (!speaks.ok()) return Status(Code::kBadMessage, "usage.bad_protocol", speaks.message());
    }
    caller->service_ =
        std::make_unique<upstream::Service>(*caller->peer_, arguments.target, options);
    if (by_address) {
      caller->service_->update(endpoints);
    } else {
      auto store = store::open(*caller->core_, {.url = arguments.store});
      if (store.status().reason() == "store.bad_url") {
        return Status(Code::kBadMessage, "usage.bad_store",
                      "--store " + std::string(store.status().message()));
      }
      FL_TRY_ASSIGN(caller->store_, std::move(store));
      caller->directory_ = std::make_unique<upstream::Directory>(*caller->core_, *caller->store_);
      FL_TRY(caller->directory_->follow(
          arguments.target,
          [service = caller->service_.get()](const auto& set) { service->update(set); }));
    }
    return caller;
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  ~Caller() {
    if (service_ != nullptr) core_->run(close());
  }

  Result<rpc::Reply> call(upstream::RawRequest request, Duration timeout) {
    return core_->run(service_->call(std::move(request), core_->deadline_after(timeout)));
  }
  Status push(upstream::RawRequest request, Duration timeout) {
    return core_->run(service_->push(std::move(request), core_->deadline_after(timeout)));
  }

 private:
  Caller() = default;

  Result<upstream::ServiceOptions> options_of(const service::ClientOptions& client) {
    upstream::ServiceOptions options;
    if (!client.protocol.empty()) {
      FL_TRY_ASSIGN(options.protocol, service::find_protocol(client.protocol));
    }
    auto made =
        io::TlsHolder::make(io::TlsRole::kClient, service::tls_options_of(client.tls), wall_ms());
    if (!made.ok()) return Status(Code::kBadMessage, "usage.bad_tls", made.status().message());
    tls_ = *std::move(made);
    options.tls = tls_.get();
    options.tls_required = client.tls.required.value_or(false);
    options.server_name = client.tls.server_name;
    options.login = client.login;
    return options;
  }

  // What cannot be closed in time dies with the process.
  Task<void> close() {
    const Deadline deadline = core_->deadline_after(kCloseTime);
    if (directory_ != nullptr) {
      [[maybe_unused]] const Status directory = co_await directory_->close(deadline);
    }
    [[maybe_unused]] const Status service = co_await service_->close(deadline);
    [[maybe_unused]] const Status peer = co_await peer_->close(deadline);
    if (store_ != nullptr) {
      [[maybe_unused]] const Status store = co_await store_->close(deadline);
    }
  }

  std::unique_ptr<io::TlsHolder> tls_;
  std::unique_ptr<io::Core> core_;
  const rpc::Router router_;
  wire::TransformSet transforms_;
  std::unique_ptr<rpc::Peer> peer_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<upstream::Service> service_;
  std::unique_ptr<upstream::Directory> directory_;
};

}  // namespace

Result<upstream::RawRequest> request_of(const CallArguments& arguments) {
  upstream::RawRequest request;
  request.method = arguments.method;
  if (arguments.body.has_value()) {
    FL_TRY_ASSIGN(const std::string text, body_of(*arguments.body));
    request.body = Bytes(text);
    request.body_codec = static_cast<std::uint8_t>(arguments.codec);
  }
  request.transforms = arguments.transforms;
  for (const std::string& pair : arguments.meta) {
    const std::size_t equals = pair.find('=');
    wire::append_metadata_pair(request.metadata, pair.substr(0, equals), pair.substr(equals + 1));
  }
  wire::append_metadata_pair(request.metadata, wire::kAcceptBodyCodecKey,
                             std::to_string(static_cast<int>(arguments.codec)));
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(arguments.timeout).count();
  wire::append_metadata_pair(request.metadata, wire::kTimeoutKey, std::to_string(ms));
  return request;
}

std::string reply_document(const rpc::Reply& reply) {
  const std::optional<codec::CodecId> codec = codec::find_codec(reply.body_codec);
  std::string metadata;
  if (const auto pairs = wire::parse_metadata_text(reply.metadata); pairs.ok()) {
    pairs->visit([&](std::string_view key, std::string_view value) {
      if (!metadata.empty()) metadata += ',';
      metadata += JsonObject().text("key", key).text("value", value).str();
    });
  }
  JsonObject document;
  document.boolean("ok", true)
      .text("codec", codec.has_value() ? codec::codec_name(*codec) : "unknown")
      .raw("metadata", "[" + metadata + "]");
  const std::string_view body = reply.body.view();
  if (codec == codec::CodecId::kJson && is_json(body)) {
    document.raw("body", body);
  } else if (is_utf8(body)) {
    document.text("body", body);
  } else {
    std::string encoded(base64_size(body.size()), '\0');
    base64_encode(body, encoded.data());
    document.text("body_base64", encoded);
  }
  return document.str();
}

ExitCode run_call(const CallArguments& arguments, const Output& output) {
  Result<upstream::RawRequest> request = request_of(arguments);
  if (!request.ok()) return output.fail(request.status());
  const Result<std::unique_ptr<Caller>> caller = Caller::make(arguments);
  if (!caller.ok()) return output.fail(caller.status());
  const Result<rpc::Reply> reply = (*caller)->call(std::move(*request), arguments.timeout);
  if (!reply.ok()) return output.fail(reply.status());
  if (output.json()) {
    output.print(reply_document(*reply));
  } else if (!reply->body.empty()) {
    output.print(reply->body.view());
  }
  return ExitCode::kOk;
}

ExitCode run_push(const CallArguments& arguments, const Output& output) {
  Result<upstream::RawRequest> request = request_of(arguments);
  if (!request.ok()) return output.fail(request.status());
  const Result<std::unique_ptr<Caller>> caller = Caller::make(arguments);
  if (!caller.ok()) return output.fail(caller.status());
  const Status sent = (*caller)->push(std::move(*request), arguments.timeout);
  if (!sent.ok()) return output.fail(sent);
  if (output.json()) output.print(JsonObject().boolean("ok", true).str());
  return ExitCode::kOk;
}

}  // namespace fairlead::cli
