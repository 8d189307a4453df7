// A transparent proxy: passes each call and push on to the service whose prefix its method has.
//
//   proxy /math=127.0.0.1:9001 /mirror=127.0.0.1:9002 --listen tcp://127.0.0.1:9000
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fairlead/fairlead.h>

namespace {

constexpr std::string_view kUsage = R"(usage: proxy PREFIX=SERVICE... [options]

Passes on what begins with a prefix, bodies and metadata as they come. SERVICE is an address,
several separated by commas, or a name in the registry (--store).

  proxy /math=127.0.0.1:9001 /mirror=127.0.0.1:9002 --listen tcp://127.0.0.1:9000

Options are those of every program on Fairlead: proxy PREFIX=SERVICE --help
)";

struct Rule {
  std::string prefix;  // "/math": of "/math/divide", and not of "/mathematics/x"
  std::string service;
};

std::optional<Rule> read_rule(std::string_view word) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos || equals < 2 || equals + 1 == word.size()) return {};
  if (word.front() != '/' || word[equals - 1] == '/') return {};
  return Rule{std::string(word.substr(0, equals)), std::string(word.substr(equals + 1))};
}

bool begins_with(std::string_view method, std::string_view prefix) {
  return method.starts_with(prefix) &&
         (method.size() == prefix.size() || method[prefix.size()] == '/');
}

struct Way {
  std::string prefix;
  fl::RawClient service;
};
using Ways = std::vector<Way>;  // complete before the first call comes: read on every core

// That with the longest prefix; null: the proxy answers 502 `proxy.no_target`.
const Way* find_way(const Ways& ways, std::string_view method) {
  const Way* best = nullptr;
  for (const Way& way : ways) {
    if (!begins_with(method, way.prefix)) continue;
    if (best == nullptr || way.prefix.size() > best->prefix.size()) best = &way;
  }
  return best;
}

// Says in each reply which way its call went, so that a caller who gets 502 knows who is away and
// need not know the addresses behind the proxy.
class TellsWay final : public fl::Plugin {
 public:
  explicit TellsWay(const Ways& ways) : Plugin("tells_way"), ways_(ways) {}

  fl::Status pre_write_reply(const fl::rpc::OutgoingReply& reply) override {
    const Way* const way = find_way(ways_, reply.context.method());
    if (way != nullptr) reply.context.add_reply_meta("way", way->prefix);
    return {};
  }

 private:
  const Ways& ways_;
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<Rule> rules;
  int used = 0;
  for (std::optional<Rule> rule; used + 1 < argc && (rule = read_rule(argv[used + 1])); ++used) {
    rules.push_back(*std::move(rule));
  }
  if (rules.empty()) {
    std::fputs(kUsage.data(), stdout);
    return argc == 2 && std::string_view(argv[1]) == "--help" ? 0 : 2;
  }
  Ways ways;
  const auto proxy = std::make_shared<fl::Proxy>();
  proxy->choose([&ways](const fl::Context& context) -> std::optional<fl::RawClient> {
    const Way* const way = find_way(ways, context.method());
    if (way == nullptr) return std::nullopt;
    return way->service;
  });
  fl::App app(argc - used, argv + used, "proxy");  // the word before the options is no option
  app.use(proxy);
  app.use(std::make_shared<TellsWay>(ways));
  for (const Rule& rule : rules) ways.push_back({rule.prefix, app.raw_client(rule.service)});
  return app.run("tcp://127.0.0.1:9000");
}
