#include "fairlead/observe/prometheus.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/text.h"

namespace fairlead::observe {
namespace {

// A strict reader of the text format: anything that the format does not allow fails the test.
struct Sample {
  std::string name;
  std::map<std::string, std::string> labels;
  std::string value;
};
struct Page {
  std::map<std::string, std::string> help;
  std::map<std::string, std::string> type;
  std::vector<Sample> samples;

  std::optional<std::string> value(std::string_view name,
                                   const std::map<std::string, std::string>& labels) const {
    for (const Sample& sample : samples) {
      if (sample.name == name && sample.labels == labels) return sample.value;
    }
    return std::nullopt;
  }
};

std::size_t name_length(std::string_view text) {
  std::size_t n = 0;
  const auto allowed = [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == ':' ||
           (n > 0 && c >= '0' && c <= '9');
  };
  while (n < text.size() && allowed(text[n])) ++n;
  return n;
}

std::string unescaped(std::string_view text, bool quoted) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    ++i;
    EXPECT_LT(i, text.size()) << text;
    if (text[i] == 'n')
      out += '\n';
    else if (text[i] == '\\' || (quoted && text[i] == '"'))
      out += text[i];
    else
      ADD_FAILURE() << "bad escape in " << text;
  }
  return out;
}

// Takes `{name="value",...}` off the front of `rest`.
std::map<std::string, std::string> take_labels(std::string_view& rest) {
  std::map<std::string, std::string> labels;
  if (!rest.starts_with('{')) return labels;
  do {
    rest.remove_prefix(1);
    const std::size_t n = name_length(rest);
    EXPECT_GT(n, 0U) << rest;
    const std::string name(rest.substr(0, n));
    rest.remove_prefix(n);
    if (!rest.starts_with("=\"")) {
      ADD_FAILURE() << rest;
      return labels;
    }
    std::size_t end = 2;
    while (end < rest.size() && rest[end] != '"') end += rest[end] == '\\' ? 2U : 1U;
    EXPECT_TRUE(labels.emplace(name, unescaped(rest.substr(2, end - 2), true)).second) << name;
    rest.remove_prefix(end + 1);
  } while (rest.starts_with(','));
  EXPECT_TRUE(rest.starts_with('}')) << rest;
  rest.remove_prefix(1);
  return labels;
}

Page read(std::string_view text) {
  Page page;
  std::set<std::string> seen;
  if (!text.empty()) {
    EXPECT_TRUE(text.ends_with('\n'));
  }
  std::string family;
  for (std::string_view line : split(text, '\n')) {
    if (line.empty()) continue;
    const bool help = line.starts_with("# HELP ");
    if (help || line.starts_with("# TYPE ")) {
      line.remove_prefix(7);
      const std::size_t n = name_length(line);
      const std::string name(line.substr(0, n));
      EXPECT_EQ(line.substr(n, 1), " ");
      if (help) {
        EXPECT_TRUE(seen.insert(name).second) << name << " is not in one piece";
      }
      family = name;
      (help ? page.help : page.type)[name] =
          help ? unescaped(line.substr(n + 1), false) : std::string(line.substr(n + 1));
      continue;
    }
    Sample sample;
    const std::size_t n = name_length(line);
    sample.name = line.substr(0, n);
    EXPECT_TRUE(sample.name.starts_with(family)) << line;
    line.remove_prefix(n);
    sample.labels = take_labels(line);
    EXPECT_TRUE(line.starts_with(' ')) << line;
    sample.value = line.substr(1);
    EXPECT_TRUE(parse_double(sample.value).has_value()) << sample.value;
    EXPECT_FALSE(page.value(sample.name, sample.labels).has_value()) << sample.name << " twice";
    page.samples.push_back(std::move(sample));
  }
  return page;
}

TEST(PrometheusText, IsEmptyForNoMetrics) { EXPECT_EQ(prometheus_text(Registry()), ""); }

TEST(PrometheusText, ShowsEveryType) {
  Registry registry;
  registry.counter({"fairlead_rpc_calls_total", "Calls."}, {{"method", "/a"}}).value().add(3);
  registry.counter({"fairlead_rpc_calls_total", "Calls."}, {{"method", "/b"}}).value().add(4);
  registry.gauge({"fairlead_io_connections_open", "Open."}).value().set(-2);

  EXPECT_EQ(prometheus_text(registry),
            "# HELP fairlead_io_connections_open Open.\n"
            "# TYPE fairlead_io_connections_open gauge\n"
            "fairlead_io_connections_open -2\n"
            "# HELP fairlead_rpc_calls_total Calls.\n"
            "# TYPE fairlead_rpc_calls_total counter\n"
            "fairlead_rpc_calls_total{method=\"/a\"} 3\n"
            "fairlead_rpc_calls_total{method=\"/b\"} 4\n");
}

TEST(PrometheusText, EscapesHelpAndLabelValues) {
  Registry registry;
  const std::string odd = "a\"b\\c\nd,e=\"{}";
  registry.counter({"fairlead_test_odd_total", odd}, {{"k", odd}}).value().add();

  const Page page = read(prometheus_text(registry));

  EXPECT_EQ(page.help.at("fairlead_test_odd_total"), odd);
  EXPECT_EQ(page.value("fairlead_test_odd_total", {{"k", odd}}), "1");
}

TEST(PrometheusText, ShowsHistogramsInSecondsAndCumulative) {
  Registry registry;
  const Histogram latency =
      registry.histogram({"fairlead_rpc_handler_seconds", "Time."}, Unit::kSeconds, {{"m", "x"}})
          .value();
  latency.record(std::chrono::nanoseconds(1024));
  latency.record(std::chrono::nanoseconds(1025));
  latency.record(std::chrono::hours(1));

  const Page page = read(prometheus_text(registry));

  EXPECT_EQ(page.type.at("fairlead_rpc_handler_seconds"), "histogram");
  const auto bucket = [&page](const std::string& le) {
    return page.value("fairlead_rpc_handler_seconds_bucket", {{"m", "x"}, {"le", le}});
  };
  EXPECT_EQ(bucket("1.024e-06"), "1");
  EXPECT_EQ(bucket("1.536e-06"), "2");
  EXPECT_EQ(bucket("68.719476736"), "2");
  EXPECT_EQ(bucket("+Inf"), "3");
  EXPECT_EQ(page.value("fairlead_rpc_handler_seconds_count", {{"m", "x"}}), "3");
  EXPECT_EQ(page.value("fairlead_rpc_handler_seconds_sum", {{"m", "x"}}), "3600.000002049");
}

TEST(PrometheusText, KeepsBucketsRisingAndAllPresent) {
  Registry registry;
  const Histogram sizes =
      registry.histogram({"fairlead_rpc_body_bytes", "Sizes."}, Unit::kBytes).value();
  for (std::uint64_t size = 1; size < (1ULL << 40); size *= 3) sizes.record(size);

  const Page page = read(prometheus_text(registry));

  double last_le = 0;
  double last_count = 0;
  std::size_t buckets = 0;
  for (const Sample& sample : page.samples) {
    if (sample.name != "fairlead_rpc_body_bytes_bucket") continue;
    const std::string& le = sample.labels.at("le");
    const double bound = le == "+Inf" ? 1e300 : parse_double(le).value_or(-1);
    const double count = parse_double(sample.value).value_or(-1);
    EXPECT_GT(bound, last_le);
    EXPECT_GE(count, last_count);
    last_le = bound;
    last_count = count;
    ++buckets;
  }
  EXPECT_EQ(buckets, Histogram::kBuckets);
  EXPECT_EQ(last_le, 1e300) << "+Inf is last";
}

}  // namespace
}  // namespace fairlead::observe
