#include "fairlead/observe/metrics.h"

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "fairlead/base/random.h"

namespace fairlead::observe {
namespace {

constexpr MetricInfo kCalls{"fairlead_rpc_calls_total", "Calls handled."};
constexpr MetricInfo kOpen{"fairlead_io_connections_open", "Connections open now."};
constexpr MetricInfo kLatency{"fairlead_rpc_handler_seconds", "Time in the handler."};

class CountingVisitor final : public Registry::Visitor {
 public:
  void family(const MetricInfo&, MetricType, Unit) override { ++families; }
  void series(const Registry::Series& series) override { values.push_back(series.label_values); }
  int families = 0;
  std::vector<std::vector<std::string>> values;
};

TEST(Counter, AddsUp) {
  Registry registry;
  const Counter calls = registry.counter(kCalls).value();
  calls.add();
  calls.add(41);
  EXPECT_EQ(calls.value(), 42U);
}

TEST(Counter, CountsNothingWithoutARegistry) {
  const Counter nowhere;
  nowhere.add();
  EXPECT_EQ(nowhere.value(), 0U);
  Gauge().add(1);
  Histogram().record(1);
  EXPECT_EQ(Histogram().snapshot().count, 0U);
}

TEST(Counter, LosesNothingBetweenThreads) {
  Registry registry;
  const Counter calls = registry.counter(kCalls).value();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([calls] {
      for (int n = 0; n < 20000; ++n) calls.add();
    });
  }
  while (calls.value() < 40000) std::this_thread::yield();  // read while others write
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(calls.value(), 80000U);
}

// Slots of ended threads are used again; what they counted stays.
TEST(Counter, KeepsWhatEndedThreadsCounted) {
  Registry registry;
  const Counter calls = registry.counter(kCalls).value();
  for (std::uint32_t i = 0; i < 2 * internal::kThreadSlots; ++i) {
    std::thread([calls] { calls.add(); }).join();
  }
  EXPECT_EQ(calls.value(), 2U * internal::kThreadSlots);
}

TEST(Counter, LetsThreadsBeyondTheSlotsShareOne) {
  Registry registry;
  const Counter calls = registry.counter(kCalls).value();
  constexpr std::uint64_t kThreads = internal::kThreadSlots + 20;
  std::vector<std::thread> threads;
  for (std::uint64_t i = 0; i < kThreads; ++i) {
    threads.emplace_back([calls] {
      calls.add();
      while (calls.value() < kThreads) std::this_thread::yield();  // all live at the same time
      for (int n = 0; n < 100; ++n) calls.add();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(calls.value(), kThreads * 101);
}

TEST(Gauge, GoesUpAndDownAcrossThreads) {
  Registry registry;
  const Gauge open = registry.gauge(kOpen).value();
  open.add(3);
  std::thread([open] { open.add(-5); }).join();
  EXPECT_EQ(open.value(), -2);

  open.set(7);
  EXPECT_EQ(open.value(), 7);
}

TEST(Histogram, PutsEachNumberBetweenItsBounds) {
  Random random(5);
  for (const Unit unit : {Unit::kSeconds, Unit::kBytes, Unit::kCount}) {
    for (int i = 0; i < 20000; ++i) {
      const std::uint64_t number = random.next() >> random.below(64);
      const std::uint32_t bucket = Histogram::bucket_of(unit, number);
      ASSERT_LT(bucket, Histogram::kBuckets);
      EXPECT_LE(number, Histogram::bound(unit, bucket)) << number;
      if (bucket > 0) {
        EXPECT_GT(number, Histogram::bound(unit, bucket - 1)) << number;
      }
    }
    for (std::size_t bucket = 0; bucket + 1 < Histogram::kBuckets; ++bucket) {
      const std::uint64_t bound = Histogram::bound(unit, bucket);
      EXPECT_EQ(Histogram::bucket_of(unit, bound), bucket) << "a bound belongs to its bucket";
      EXPECT_EQ(Histogram::bucket_of(unit, bound + 1), bucket + 1);
    }
  }
}

TEST(Histogram, SumsWhatItRecords) {
  Registry registry;
  const Histogram latency = registry.histogram(kLatency, Unit::kSeconds).value();
  latency.record(std::chrono::milliseconds(2));
  latency.record(std::chrono::hours(1));
  latency.record(Duration(-5));

  const Histogram::Snapshot now = latency.snapshot();

  EXPECT_EQ(now.count, 3U);
  EXPECT_EQ(now.sum, 3'600'002'000'000U);
  EXPECT_EQ(now.buckets.front(), 1U);
  EXPECT_EQ(now.buckets.back(), 1U);
}

TEST(Registry, GivesTheSameSeriesForTheSameLabels) {
  Registry registry;
  const Counter a = registry.counter(kCalls, {{"method", "/a"}, {"code", "0"}}).value();
  const Counter again = registry.counter(kCalls, {{"code", "0"}, {"method", "/a"}}).value();
  const Counter b = registry.counter(kCalls, {{"method", "/b"}, {"code", "0"}}).value();
  a.add(2);
  again.add(3);
  b.add(7);
  EXPECT_EQ(a.value(), 5U);
  EXPECT_EQ(b.value(), 7U);
}

TEST(Registry, RefusesTheSameNameWithAnotherTypeOrOtherLabels) {
  Registry registry;
  ASSERT_TRUE(registry.gauge({"fairlead_rpc_queue_seconds", "x"}, {{"a", "1"}}).ok());

  const Status type =
      registry.histogram({"fairlead_rpc_queue_seconds", "x"}, Unit::kSeconds, {{"a", "1"}})
          .status();
  EXPECT_EQ(type.code(), Code::kConflict);
  EXPECT_EQ(type.reason(), "metrics.type_differs");
  for (const std::vector<Label>& labels :
       std::vector<std::vector<Label>>{{}, {{"b", "1"}}, {{"a", "1"}, {"b", "1"}}}) {
    EXPECT_EQ(registry.gauge({"fairlead_rpc_queue_seconds", "x"}, labels).status().reason(),
              "metrics.labels_differ");
  }
}

TEST(Registry, ChecksNames) {
  Registry registry;
  const auto counter = [&](std::string_view name) {
    return std::string(registry.counter({name, "help"}).status().reason());
  };
  EXPECT_EQ(counter("fairlead_rpc_calls_total"), "");
  for (const std::string_view name :
       {"", "rpc_calls_total", "fairlead_calls_total2", "fairlead_total",
        "fairleadx_rpc_calls_total", "fairlead_rpc_calls", "fairlead_Rpc_calls_total",
        "fairlead_rpc__calls_total", "fairlead_rpc_calls_total_", "fairlead_rpc_c\nalls_total"}) {
    EXPECT_EQ(counter(name), "metrics.bad_name") << name;
  }
  EXPECT_EQ(registry.gauge({"fairlead_rpc_calls_total", ""}).status().reason(), "metrics.bad_name");
  EXPECT_EQ(registry.histogram({"fairlead_rpc_body_size", ""}, Unit::kBytes).status().reason(),
            "metrics.bad_name");
  EXPECT_TRUE(Registry("shop").counter({"shop_cart_orders_total", "x"}).ok());
}

TEST(Registry, ChecksLabelNames) {
  Registry registry;
  for (const std::vector<Label>& labels : std::vector<std::vector<Label>>{
           {{"le", "x"}}, {{"", "x"}}, {{"A", "x"}}, {{"__a", "x"}}, {{"a", "x"}, {"a", "y"}}}) {
    const Status status = registry.counter(kCalls, labels).status();
    EXPECT_EQ(status.code(), Code::kInvalidOperation);
    EXPECT_EQ(status.reason(), "metrics.bad_label");
  }
}

TEST(Registry, PutsSeriesBeyondTheBoundIntoOneNamedOther) {
  Registry registry;
  for (std::size_t i = 0; i < Registry::kSeriesPerFamilyMax + 10; ++i) {
    registry.counter(kCalls, {{"method", std::to_string(i)}}).value().add();
  }

  const Counter other = registry.counter(kCalls, {{"method", "one more"}}).value();
  CountingVisitor visitor;
  registry.visit(visitor);

  EXPECT_EQ(other.value(), 10U);
  EXPECT_EQ(visitor.values.size(), Registry::kSeriesPerFamilyMax + 1);
  EXPECT_EQ(registry.counter(kCalls, {{"method", "7"}}).value().value(), 1U) << "known ones stay";
}

TEST(Registry, BoundsTheNumberOfNames) {
  Registry registry;
  for (std::size_t i = 0; i < Registry::kFamiliesMax; ++i) {
    ASSERT_TRUE(registry.gauge({"fairlead_test_n" + std::to_string(i) + "_things", "x"}).ok());
  }
  const Status status = registry.gauge({"fairlead_test_one_more", "x"}).status();
  EXPECT_EQ(status.code(), Code::kLocalLimit);
  EXPECT_EQ(status.reason(), "metrics.too_many");
}

TEST(Registry, KeepsHistogramsWholeWhenABlockIsFull) {
  Registry registry;
  std::vector<Histogram> all;
  for (int i = 0; i < 30; ++i) {
    all.push_back(registry.histogram(kLatency, Unit::kSeconds, {{"i", std::to_string(i)}}).value());
    registry.counter({"fairlead_test_n" + std::to_string(i) + "_total", "x"}).value().add();
  }
  for (std::size_t i = 0; i < all.size(); ++i) all[i].record(Duration(i << 20));
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].snapshot().sum, i << 20);
    EXPECT_EQ(all[i].snapshot().count, 1U);
  }
}

}  // namespace
}  // namespace fairlead::observe
