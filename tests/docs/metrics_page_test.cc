// docs/reference/metrics.md is made of the metrics that a program registers when everything is
// switched on, and a gateway; nothing of it is written by hand.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/config/document.h"
#include "fairlead/config/reader.h"
#include "fairlead/gateway/gateway.h"
#include "fairlead/service/process.h"
#include "tests/testkit/certificates.h"

namespace fairlead {
namespace {

struct Family {
  std::string type, help;
  std::vector<std::string> labels;
};
using Families = std::map<std::string, Family>;

class Collector final : public observe::Registry::Visitor {
 public:
  explicit Collector(Families& out) : out_(out) {}
  void family(const observe::MetricInfo& info, observe::MetricType type,
              observe::Unit unit) override {
    Family& family = out_[std::string(info.name)];
    family.help = info.help;
    family.type = type == observe::MetricType::kCounter ? "counter" : "gauge";
    if (type == observe::MetricType::kHistogram) {
      family.type = "histogram, ";
      family.type += unit == observe::Unit::kSeconds ? "seconds"
                     : unit == observe::Unit::kBytes ? "bytes"
                                                     : "numbers";
    }
    last_ = &family;
  }
  void series(const observe::Registry::Series& series) override {
    last_->labels = series.label_names;
  }

 private:
  Families& out_;
  Family* last_ = nullptr;
};

// A program with all that counts something.
void collect_program(Families& out) {
  const testkit::TestFolder folder;
  const io::TlsCertificate pair = folder.write("server", testkit::TestIdentity::root());
  const std::string text =
      "{cores: 1, log: {level: off}, listen: ['tcp://127.0.0.1:0'], store: 'memory:', "
      "tls: {certificates: [{certificate_file: '" +
      pair.certificate_file + "', key_file: '" + pair.key_file +
      "'}]}, plugins: [{name: overloader, connections_max: 10}, {name: tps}]}";
  service::Spec spec;
  const Result<config::Document> document = config::parse(text, "test");
  ASSERT_TRUE(document.ok()) << document.status();
  ASSERT_TRUE(config::bind(*document, spec).ok()) << config::bind(*document, spec);
  service::Process process("math");
  process.sessions();
  process.add_pool("db", {});
  ASSERT_TRUE(process.router()
                  .add(wire::Kind::kCall, "/math/divide",
                       rpc::make_handler([](rpc::Context&) { return Status(); }))
                  .ok());
  const Status started = process.start(spec);
  ASSERT_TRUE(started.ok()) << started;
  const Status served = process.serve(true);
  ASSERT_TRUE(served.ok()) << served;
  Collector collector(out);
  process.metrics().visit(collector);
}

void collect_gateway(Families& out) {
  const std::unique_ptr<io::Core> core = io::Core::make().value();
  observe::Registry registry;
  gateway::GatewaySpec spec;
  spec.routes = {{.prefix = "/math", .service = "math"}};
  const auto made = gateway::Gateway::make(spec, {.cores = {core.get()}, .metrics = registry});
  ASSERT_TRUE(made.ok()) << made.status();
  Collector collector(out);
  registry.visit(collector);
  ASSERT_TRUE(core->run((*made)->close(core->deadline_after(std::chrono::seconds(5)))).ok());
}

Families all_families() {
  Families out;
  collect_program(out);
  collect_gateway(out);
  return out;
}

// "rpc" of fairlead_rpc_calls_total
std::string room_of(const std::string& name) {
  const std::size_t from = name.find('_') + 1;
  return name.substr(from, name.find('_', from) - from);
}

std::string page_of(const Families& families) {
  std::string out =
      "# Metrics\n\nGenerated from the code by `./dev docs`; a test compares the two. The page "
      "`/metrics` of the\n[admin listener](admin.md) shows them as Prometheus text. Counters only "
      "grow, from the start of the process on.\nWhat to do when one of them grows: "
      "[failures](failures.md).\n";
  std::string room;
  for (const auto& [name, family] : families) {
    if (room != room_of(name)) {
      room = room_of(name);
      out += "\n## " + room + "\n\n| Metric | Type | Labels | |\n|---|---|---|---|\n";
    }
    std::string labels;
    for (const std::string& label : family.labels) {
      labels.append(labels.empty() ? "`" : " `").append(label).append("`");
    }
    out += "| `" + name + "` | " + family.type + " | " + labels + " | " + family.help + " |\n";
  }
  return out;
}

TEST(MetricsPage, MatchesItsDocumentationPage) {
  const std::string path = FL_SOURCE_DIR "/docs/reference/metrics.md";
  const std::string made = page_of(all_families());
  if (std::getenv("FL_UPDATE_DOCS") != nullptr) std::ofstream(path) << made;

  std::ostringstream page;
  page << std::ifstream(path).rdbuf();
  EXPECT_EQ(page.str(), made) << "run ./dev docs";
}

TEST(MetricsPage, ExplainsEveryMetricInASentence) {
  for (const auto& [name, family] : all_families()) {
    EXPECT_GE(family.help.size(), 15U) << name;
    EXPECT_TRUE(family.help.ends_with('.')) << name << ": " << family.help;
  }
}

// What a source names and nobody registered above would be missing on the page.
TEST(MetricsPage, HasEveryNameThatASourceHas) {
  const Families families = all_families();
  const std::regex name(R"re("(fairlead_[a-z]+_[a-z_]*[a-z])")re");
  std::size_t seen = 0;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(FL_SOURCE_DIR "/src/fairlead")) {
    const std::string file = entry.path().filename().string();
    if (!file.ends_with(".cc") || file.ends_with("_test.cc")) continue;
    std::ostringstream source;
    source << std::ifstream(entry.path()).rdbuf();
    const std::string text = source.str();
    for (std::sregex_iterator i(text.begin(), text.end(), name), end; i != end; ++i) {
      ++seen;
      EXPECT_TRUE(families.contains((*i)[1])) << (*i)[1] << " in " << entry.path();
    }
  }
  EXPECT_GT(seen, 40U) << "the names are not found any more";
}

}  // namespace
}  // namespace fairlead
