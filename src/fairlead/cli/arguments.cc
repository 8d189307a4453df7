#include "fairlead/cli/arguments.h"

#include <cstdlib>

#include <CLI/CLI.hpp>

#include "fairlead/base/text.h"

namespace fairlead::cli {

namespace {

constexpr const char* kExitCodes =
    "exit codes:\n"
    "  0    done\n"
    "  1    failed; a service answered an error, which is printed\n"
    "  2    the command line or the configuration is wrong\n"
    "  3    nothing can be reached: no server, none registered, connection lost\n"
    "  4    no answer in time\n"
    "  5    not allowed\n"
    "  130  interrupted; up and gateway: by a second INT\n"
    "  143  up and gateway: ended by a second TERM";

constexpr const char* kTop =
    "examples:\n"
    "  fairlead up                                      start what fairlead.yaml describes\n"
    "  fairlead call math /math/divide '{\"a\":10,\"b\":2}'  call a service\n"
    "  fairlead COMMAND --help                          explains a command\n\n";

constexpr const char* kCallExamples =
    "examples:\n"
    "  fairlead call math /math/divide '{\"a\":10,\"b\":2}' --store file:/tmp/store.db\n"
    "  fairlead call 127.0.0.1:9090 /math/divide @argument.json --timeout 200ms\n"
    "  echo 'a=10&b=2' | fairlead call math /math/divide - --codec form --json\n"
    "  fairlead call tls://127.0.0.1:9443 /math/name --tls-ca ca.pem --protocol json\n"
    "  fairlead call ws://127.0.0.1:9090/rpc /math/name --protocol json --login TOKEN\n\n"
    "The reply's body goes to standard output. FAIRLEAD_STORE stands for --store.\n\n";

constexpr const char* kPushExamples =
    "examples:\n"
    "  fairlead push math /math/stat '{\"ts\":42}' --store file:/tmp/store.db\n"
    "  fairlead push unix:/run/math.sock /math/stat @stat.json --meta x-caller=me\n\n"
    "A push has no reply: 0 says that it was written to a copy, not what became of it.\n\n";

constexpr const char* kGatewayExamples =
    "examples:\n"
    "  fairlead gateway --config fairlead.yaml\n"
    "  fairlead gateway --set gateway.listen=127.0.0.1:8081 --set gateway.routes.0.prefix=/v1\n"
    "  fairlead gateway --check --json\n\n"
    "Runs until INT or TERM, then lets requests under way end for `gateway.drain`. Exits with 0,\n"
    "or with 1 when it had to cut some.\n\n";

constexpr const char* kUpExamples =
    "examples:\n"
    "  fairlead up\n"
    "  fairlead up --config examples/demo/demo.yaml --set gateway.listen=127.0.0.1:0\n\n"
    "Starts the copies of the services and the gateway, prints the addresses when all are ready,\n"
    "and runs until Ctrl-C; then everything drains and ends, with 0. Without a store in the file\n"
    "it makes one for the time of the run.\n\n";

constexpr const char* kUpgradeExamples =
    "examples:\n"
    "  fairlead upgrade 4711\n"
    "  fairlead upgrade --pid-file /run/math.pid --json\n\n"
    "Starts the program of the process again, as it was started, and lets it take over the\n"
    "listening sockets: nobody who connects is refused and no call is lost. When the new one does\n"
    "not get ready, the old one goes on and this command says why.\n\n";

constexpr const char* kWireExample =
    "example:\n"
    "  fairlead wire check tests/data/teleport_vectors.json\n\n";

constexpr const char* kWireCheckExamples =
    "examples:\n"
    "  fairlead wire check tests/data/teleport_vectors.json\n"
    "  fairlead wire check - --json <vectors.json\n\n"
    "Runs a file of golden vectors through the encoders and decoders of the wire protocols. Exits\n"
    "with 1 when one differs. Vectors of protocols that are not spoken yet are counted as "
    "later.\n\n";

constexpr const char* kVersionExamples = "example:\n  fairlead version --json\n\n";

// Texts as they were written, before they mean anything.
struct Raw {
  std::string body;
  std::string timeout = "5s";
  std::string upgrade_timeout = "60s";
  std::string codec = "json";
  std::optional<std::string> login;
  bool insecure = false;
};

class Parser {
 public:
  Parser() : app_("One program for gateways, services and those who try them.", "fairlead") {
    app_.set_help_flag("-h,--help", "This text");
    app_.set_version_flag("--version", std::string("fairlead"), "What this program is");
    app_.footer(std::string(kTop) + kExitCodes);
    up_ = command(app_, "up", "Start services and a gateway on this machine", kUpExamples);
    gateway_ = command(app_, "gateway", "Run a gateway", kGatewayExamples);
    call_ = command(app_, "call", "Call a method of a service and print the reply", kCallExamples);
    push_ = command(app_, "push", "Push a message to a service", kPushExamples);
    upgrade_ =
        command(app_, "upgrade", "Let a new program take a running one's place", kUpgradeExamples);
    add_upgrade_options(*upgrade_);
    CLI::App* wire = app_.add_subcommand("wire", "Tools for the bytes between peers");
    wire->require_subcommand(1);
    wire->footer(std::string(kWireExample) + kExitCodes);
    wire_check_ = command(*wire, "check", "Check a file of golden vectors", kWireCheckExamples);
    wire_check_->add_option("FILE", out_.wire_check.file, "The vectors; '-' reads standard input")
        ->type_name("")
        ->required();
    version_ = command(app_, "version", "What this program is", kVersionExamples);
    for (CLI::App* one : {up_, gateway_}) add_run_options(*one);
    for (CLI::App* one : {call_, push_}) add_call_options(*one);
    gateway_->add_flag("--check", out_.run.check, "Only read the configuration");
  }

  Result<Arguments> read(int argc, const char* const* argv) {
    // CLI11 tells everything by exceptions; none leaves this function.
    try {
      app_.parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
      out_.command = Arguments::Command::kHelp;
      out_.help = app_.help();
      return std::move(out_);
    } catch (const CLI::CallForVersion&) {
      out_.command = Arguments::Command::kVersion;
      return std::move(out_);
    } catch (const CLI::ParseError& error) {
      return explain(error.what());
    }
    return finish();
  }

 private:
  CLI::App* command(CLI::App& parent, const std::string& name, const std::string& about,
                    const char* examples) {
    CLI::App* made = parent.add_subcommand(name, about);
    made->add_flag("--json", out_.json, "Print one JSON document, also for errors");
    made->footer(std::string(examples) + kExitCodes);
    return made;
  }

  void add_run_options(CLI::App& app) {
    app.add_option("--config", out_.run.config, "What to run (default: fairlead.yaml)")
        ->type_name("FILE");
    app.add_option("--set", out_.run.settings, "Set one key of the configuration; may repeat")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    app.add_option("--log-level", out_.run.log_level, "debug, info, warn, error or off")
        ->type_name("LEVEL");
  }

  void add_upgrade_options(CLI::App& app) {
    app.add_option("PID", out_.upgrade.pid, "The process")->type_name("");
    app.add_option("--pid-file", out_.upgrade.pid_file, "The file that holds it (key pid_file)")
        ->type_name("FILE");
    app.add_option("--timeout", raw_.upgrade_timeout, "Longest wait (default: 60s)")
        ->type_name("TIME");
  }

  void add_call_options(CLI::App& app) {
    app.add_option("SERVICE", out_.call.target,
                   "Name in the registry, or addresses: 127.0.0.1:9090,tls://127.0.0.1:9443,"
                   "ws://127.0.0.1:9090/rpc")
        ->type_name("")
        ->required();
    app.add_option("METHOD", out_.call.method, "Its method: /math/divide")
        ->type_name("")
        ->required();
    app.add_option("BODY", raw_.body, "The argument; '-' reads standard input, '@FILE' a file")
        ->type_name("");
    app.add_option("--meta", out_.call.meta, "A pair of metadata; may repeat")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    app.add_option("--timeout", raw_.timeout, "Longest wait: 200ms, 5s, 1m (default: 5s)")
        ->type_name("TIME");
    app.add_option("--codec", raw_.codec, "Of the body: json, plain or form (default: json)")
        ->type_name("CODEC");
    app.add_option("--store", out_.call.store,
                   "Registry that knows the service: file:/path/store.db")
        ->type_name("URL");
    add_network_options(app);
  }

  void add_network_options(CLI::App& app) {
    service::ClientTls& tls = out_.call.client.tls;
    app.add_option("--protocol", out_.call.client.protocol,
                   "Wire protocol that an address speaks (default: raw)")
        ->type_name("NAME");
    app.add_option("--login", raw_.login, "Token for a service that asks for a login")
        ->type_name("TOKEN");
    app.add_option("--transforms", out_.call.transforms,
                   "Of the message and its reply: g gzip, m md5, z zstd, c crc32c")
        ->type_name("IDS");
    const auto file = [&app](const char* name, std::string& to, const char* about) {
      app.add_option(name, to, about)->type_name("FILE");
    };
    file("--tls-ca", tls.ca_file, "Who may have signed the server's certificate");
    file("--tls-certificate", tls.certificate_file, "Ours, for servers that ask for one");
    file("--tls-key", tls.key_file, "Its key");
    app.add_option("--tls-name", tls.server_name,
                   "What the server's certificate must be for (default: the address's host)")
        ->type_name("NAME");
    app.add_flag("--tls-insecure", raw_.insecure, "Let any server answer, whoever it is");
  }

  // The innermost command that was named.
  const CLI::App& active() const {
    const CLI::App* app = &app_;
    for (auto chosen = app->get_subcommands(); !chosen.empty(); chosen = app->get_subcommands()) {
      app = chosen.back();
    }
    return *app;
  }
  // True when the active command only holds others.
  bool wants_command() const { return !active().get_subcommands(nullptr).empty(); }
  std::string help_hint() const {
    std::string name;
    for (const CLI::App* app = &active(); app != &app_; app = app->get_parent()) {
      name.insert(0, " " + app->get_name());
    }
    return " 'fairlead" + name + " --help' explains it";
  }
  Status bad(const std::string& text) const {
    return Status(Code::kBadMessage, "usage.bad_arguments", text + ";" + help_hint());
  }

  // CLI11's own text, or a better one for words that it did not expect.
  Status explain(const std::string& what) const {
    const std::vector<std::string> rest = app_.remaining(true);
    if (rest.empty() && wants_command()) return bad("say what to do: a command is missing");
    if (rest.empty()) return bad(what);
    const std::string& word = rest.front();
    const bool option = word.starts_with('-');
    const bool no_command = wants_command() && !option;
    if (!option && !no_command) return bad("unexpected word '" + escape_text(word) + "'");
    std::vector<std::string> names;
    if (no_command) {
      for (const CLI::App* one : active().get_subcommands(nullptr)) {
        names.push_back(one->get_name());
      }
    } else {
      for (const CLI::Option* one : active().get_options()) {
        for (const std::string& name : one->get_lnames()) names.push_back("--" + name);
      }
    }
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    const std::string near(nearest_name(word.substr(0, word.find('=')), candidates));
    const std::string text =
        std::string(no_command ? "there is no command '" : "there is no option '") +
        escape_text(word) + "'";
    if (near.empty()) return bad(text);
    return Status(Code::kBadMessage, "usage.bad_arguments",
                  text + "; did you mean '" + near + "'?" + help_hint());
  }

  Result<Arguments> finish() {
    const CLI::App* chosen = &active();
    if (chosen == &app_) return bad("say what to do: a command is missing");
    if (chosen == version_) out_.command = Arguments::Command::kVersion;
    if (chosen == wire_check_) out_.command = Arguments::Command::kWireCheck;
    if (chosen == gateway_) out_.command = Arguments::Command::kGateway;
    if (chosen == up_) out_.command = Arguments::Command::kUp;
    if (chosen == upgrade_) {
      out_.command = Arguments::Command::kUpgrade;
      FL_TRY(finish_upgrade());
    }
    if (chosen == call_ || chosen == push_) {
      out_.command = chosen == call_ ? Arguments::Command::kCall : Arguments::Command::kPush;
      FL_TRY(finish_call(*chosen));
    }
    return std::move(out_);
  }

  Result<Duration> timeout_of(const std::string& text) const {
    const std::optional<Duration> timeout = parse_duration(text);
    if (timeout.has_value() && *timeout > Duration::zero()) return *timeout;
    return bad("--timeout '" + escape_text(text) + "' is no time: write 200ms, 5s or 1m");
  }

  Status finish_upgrade() {
    if (out_.upgrade.pid.empty() == out_.upgrade.pid_file.empty()) {
      return bad("say which process: give its number, or --pid-file");
    }
    FL_TRY_ASSIGN(out_.upgrade.timeout, timeout_of(raw_.upgrade_timeout));
    return {};
  }

  Status finish_call(const CLI::App& chosen) {
    CallArguments& call = out_.call;
    if (chosen.get_option("BODY")->count() > 0) call.body = raw_.body;
    FL_TRY_ASSIGN(call.timeout, timeout_of(raw_.timeout));
    const std::optional<codec::CodecId> codec = codec::find_codec(raw_.codec);
    if (codec != codec::CodecId::kJson && codec != codec::CodecId::kPlain &&
        codec != codec::CodecId::kForm) {
      return bad("--codec '" + escape_text(raw_.codec) + "' is none of json, plain and form");
    }
    call.codec = *codec;
    for (const std::string& pair : call.meta) {
      if (pair.find('=') == std::string::npos || pair.starts_with('=')) {
        return bad("--meta '" + escape_text(pair) + "' is no KEY=VALUE");
      }
    }
    FL_TRY(finish_network());
    if (const char* store = std::getenv("FAIRLEAD_STORE"); call.store.empty() && store != nullptr) {
      call.store = store;
    }
    return {};
  }

  Status finish_network() {
    service::ClientOptions& client = out_.call.client;
    const bool by_address = out_.call.target.find(':') != std::string::npos;
    if (!client.protocol.empty()) {
      const Status known = service::find_protocol(client.protocol).status();
      if (!known.ok()) return bad("--protocol " + std::string(known.message()));
      if (!by_address)
        return bad("--protocol is for addresses; the registry knows what a service speaks");
    }
    if (client.tls.certificate_file.empty() != client.tls.key_file.empty()) {
      return bad("--tls-certificate and --tls-key belong together; give both");
    }
    for (const char id : out_.call.transforms) {
      if (std::string_view("gmzc").find(id) == std::string_view::npos) {
        return bad("--transforms '" + escape_text(out_.call.transforms) +
                   "' names none of g, m, z, c");
      }
    }
    if (raw_.login.has_value()) client.login = rpc::Login{.body = *raw_.login};
    if (raw_.insecure) client.tls.verify_server = false;
    if (by_address && !client.tls.empty()) client.tls.required = true;
    return {};
  }

  Arguments out_;
  Raw raw_;
  CLI::App app_;
  CLI::App* up_ = nullptr;
  CLI::App* gateway_ = nullptr;
  CLI::App* call_ = nullptr;
  CLI::App* push_ = nullptr;
  CLI::App* upgrade_ = nullptr;
  CLI::App* wire_check_ = nullptr;
  CLI::App* version_ = nullptr;
};

}  // namespace

Result<Arguments> read_arguments(int argc, const char* const* argv) {
  Parser parser;
  return parser.read(argc, argv);
}

bool wants_json(int argc, const char* const* argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view word = argv[i];
    if (word == "--json") return true;
    if (word == "--") return false;
  }
  return false;
}

}  // namespace fairlead::cli
