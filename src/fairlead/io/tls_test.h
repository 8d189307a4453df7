// What the tests of TLS share: two ends of a connection on one core, over a real socket.
#pragma once

#include <algorithm>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "fairlead/base/time.h"
#include "fairlead/io/core.h"
#include "fairlead/io/tls_stream.h"
#include "tests/testkit/certificates.h"

namespace fairlead::io {

using testkit::TestFolder;
using testkit::TestIdentity;
using testkit::TestWishes;

// How parameters of tests are shown.
inline void PrintTo(TlsVersion version, std::ostream* out) {
  *out << (version == TlsVersion::kTls12 ? "TLS 1.2" : "TLS 1.3");
}

// One end of a connection that records what happens and can be told what to do. Made and destroyed
// outside of the core's turns, so that the stream goes with it.
struct TlsRecorder final : StreamHandler {
  TlsRecorder(Core& owner, std::unique_ptr<Stream> made)
      : core(owner), stream(std::move(made)), tls(dynamic_cast<TlsStream*>(stream.get())) {
    stream->start(*this);
  }
  TlsRecorder(const TlsRecorder&) = delete;
  TlsRecorder& operator=(const TlsRecorder&) = delete;

  ReadResult on_read(const Bytes& input) override {
    ++reads;
    const std::size_t takes = std::min(input.size(), take_max);
    if (unit > 0 && input.size() < unit) return {0, unit};
    received.append(input.view().substr(0, takes));
    if (hold) held.push_back(input.slice(0, takes));
    if (echo) write(input.view().substr(0, takes));
    if (on_each_read) on_each_read();
    return {takes, 0};
  }
  void on_end() override {
    ended = true;
    if (close_at_end && stream != nullptr) stream->close();
  }
  void on_close(Status status) override {
    EXPECT_FALSE(closed) << "on_close() comes once";
    closed = true;
    if (stream != nullptr) unsent_at_close = stream->unsent_bytes();
    why = std::move(status);
  }
  void on_sent() override { ++sent; }
  void write(std::string_view text) {
    stream->output().append(text);
    stream->wrote();
  }

  Core& core;
  std::unique_ptr<Stream> stream;
  TlsStream* tls;
  std::function<void()> on_each_read;
  std::string received;
  std::list<Bytes> held;
  std::size_t take_max = std::string::npos;
  std::size_t unit = 0;
  std::size_t unsent_at_close = 0;
  int reads = 0;
  int sent = 0;
  bool echo = false;
  bool hold = false;
  bool close_at_end = true;
  bool ended = false;
  bool closed = false;
  Status why;
};

class TlsTest : public ::testing::Test {
 protected:
  using Context = std::shared_ptr<const TlsContext>;

  TlsTest() {
    server_options.certificates = {folder.write("server", root.issue({}))};
    client_options.ca_file = folder.write("root.pem", root.certificate_pem());
  }
  void TearDown() override {
    servers.clear();
    client.reset();
    listener.reset();
    core.reset();
  }

  static Context context_of(TlsRole role, const TlsOptions& options) {
    auto made = TlsContext::make(role, options, wall_ms());
    EXPECT_TRUE(made.ok()) << made.status();
    return std::move(made).value();
  }
  // Opens a listener whose connections become `server`.
  void listen() {
    server_context = context_of(TlsRole::kServer, server_options);
    auto opened = core->listen(
        Address::parse(address).value(), {}, [this](Core& owner, std::unique_ptr<Stream> stream) {
          accepted(owner, tls_wrap(owner, std::move(stream), server_context));
        });
    ASSERT_TRUE(opened.ok()) << opened.status();
    listener = std::move(opened).value();
  }
  // Makes `client`, and tells how it went. Ends of an earlier connection go first.
  Status dial(const std::string& name = "localhost") {
    hang_up();
    if (client_context == nullptr) client_context = context_of(TlsRole::kClient, client_options);
    return dial(listener->local(), name, client);
  }
  Status dial(const Address& to, const std::string& name, std::optional<TlsRecorder>& made_client) {
    const auto run = [](Core& on, Task<Result<std::unique_ptr<TlsStream>>> dialing,
                        std::optional<TlsRecorder>* out) -> Task<Status> {
      FL_CO_TRY_ASSIGN(auto made, co_await std::move(dialing));
      out->emplace(on, std::move(made));
      co_return Status();
    };
    return core->run(run(*core, dial_task(*core, to, client_context, name, {}), &made_client));
  }
  void connect() {
    listen();
    const Status dialed = dial();
    ASSERT_TRUE(dialed.ok()) << dialed;
    turn_until([this] { return server != nullptr && server->tls->established(); });
  }
  void accepted(Core& owner, std::unique_ptr<Stream> stream) {
    server = &servers.emplace_back(owner, std::move(stream));
    server->echo = echo;
  }
  // Forgets both ends.
  void hang_up() {
    client.reset();
    servers.clear();
    server = nullptr;
  }
  // A client that speaks no TLS.
  void connect_plainly() {
    listen();
    hang_up();
    auto made = core->run(core->connect(listener->local(), core->deadline_after(kPatience), {}));
    ASSERT_TRUE(made.ok()) << made.status();
    client.emplace(*core, std::move(made).value());
    turn_until([this] { return server != nullptr; });
  }
  template <class Condition>
  void turn_until(Condition condition) {
    const Time end = steady_now() + kPatience;
    while (!condition() && steady_now() < end) {
      core->turn(core->deadline_after(std::chrono::milliseconds(50)));
    }
    ASSERT_TRUE(condition());
  }

  static Task<Result<std::unique_ptr<TlsStream>>> dial_task(Core& core, Address to, Context context,
                                                            std::string name, CancelToken cancel) {
    const Deadline deadline = core.deadline_after(kPatience);
    FL_CO_TRY_ASSIGN(auto stream, co_await core.connect(to, deadline, cancel));
    co_return co_await tls_connect(core, std::move(stream), context, name, deadline, cancel);
  }

  static constexpr Duration kPatience = std::chrono::seconds(10);

  TestFolder folder;
  TestIdentity root = TestIdentity::root();
  TlsOptions server_options;
  TlsOptions client_options;
  Context server_context;
  Context client_context;
  std::string address = "127.0.0.1:0";
  bool echo = false;
  std::unique_ptr<Core> core = Core::make().value();
  std::unique_ptr<Listener> listener;
  std::list<TlsRecorder> servers;  // accepted since hang_up()
  TlsRecorder* server = nullptr;   // the last of them
  std::optional<TlsRecorder> client;
};

}  // namespace fairlead::io
