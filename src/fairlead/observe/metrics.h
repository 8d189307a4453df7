// Metrics: counters, gauges and histograms, made by a Registry that main owns and passes down.
//
//   Registry metrics;
//   FL_TRY_ASSIGN(Counter calls, metrics.counter({"fairlead_rpc_calls_total", "Calls handled."},
//                                                {{"method", "/math/divide"}}));
//   calls.add();
//
// Names are <prefix>_<room>_<noun>_<unit>, counters end in _total. Label values come from
// configuration or contract, never from a request.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/observe/metric_cells.h"

namespace fairlead::observe {

// Handles are small values; copy them freely. They are valid as long as their registry. One that
// was default-constructed counts nothing, for objects that are built without metrics.
// Thread: all methods from any thread. Cost: about ten instructions, no lock, no shared cache line.

// A number that only grows.
class Counter {
 public:
  Counter() = default;
  void add(std::uint64_t count = 1) const {
    if (block_ != nullptr) block_->add(cell_, count);
  }
  std::uint64_t value() const { return block_ == nullptr ? 0 : block_->sum(cell_); }

 private:
  friend class Registry;
  Counter(internal::CellBlock* block, std::uint32_t cell) : block_(block), cell_(cell) {}

  internal::CellBlock* block_ = nullptr;
  std::uint32_t cell_ = 0;
};

// A number that goes up and down, as the sum of what all threads added.
class Gauge {
 public:
  Gauge() = default;
  void add(std::int64_t delta) const {
    if (block_ != nullptr) block_->add(cell_, static_cast<std::uint64_t>(delta));
  }
  // Makes the sum `value`. For one writer that measures something: beside add() on other threads,
  // or two set() at a time, the result is undefined but harmless.
  void set(std::int64_t value) const { add(value - this->value()); }
  std::int64_t value() const {
    return block_ == nullptr ? 0 : static_cast<std::int64_t>(block_->sum(cell_));
  }

 private:
  friend class Registry;
  Gauge(internal::CellBlock* block, std::uint32_t cell) : block_(block), cell_(cell) {}

  internal::CellBlock* block_ = nullptr;
  std::uint32_t cell_ = 0;
};

// What a histogram measures; it fixes the buckets and the end of the name.
enum class Unit : std::uint8_t {
  kSeconds,  // recorded in nanoseconds, buckets 1 us .. 68 s; name ends in _seconds
  kBytes,    // buckets 64 B .. 4 GiB; name ends in _bytes
  kCount,    // buckets 2 .. 2^27; the name says what is counted
};

// Two buckets per power of two, so a quantile read from it is at most half too high.
// Bucket i counts numbers in (bound(i-1), bound(i)]; the last one everything above.
class Histogram {
 public:
  static constexpr std::size_t kBuckets = 54;

  Histogram() = default;
  void record(std::uint64_t number) const {
    if (block_ == nullptr) return;
    block_->add(cell_ + bucket_of(unit_, number), 1);
    block_->add(cell_ + kBuckets, number);
  }
  void record(Duration time) const {  // negative counts as zero
    record(time.count() < 0 ? 0 : static_cast<std::uint64_t>(time.count()));
  }

  struct Snapshot {
    std::array<std::uint64_t, kBuckets> buckets{};
    std::uint64_t count = 0;  // the sum of the buckets
    std::uint64_t sum = 0;
  };
  Snapshot snapshot() const;

  // Upper bound of a bucket in the recorded unit; the last has none (returns 2^64 - 1).
  static std::uint64_t bound(Unit unit, std::size_t bucket);
  static constexpr std::uint32_t bucket_of(Unit unit, std::uint64_t number) {
    // Bounds are 2^k and 1.5 * 2^k from k = first on; a bound belongs to the bucket below it.
    const std::uint32_t first = first_exponent(unit);
    if (number <= std::uint64_t{1} << first) return 0;
    const std::uint64_t below = number - 1;
    const auto exponent = static_cast<std::uint32_t>(std::bit_width(below)) - 1;
    const auto half = static_cast<std::uint32_t>(below >> (exponent - 1) & 1);
    const std::uint32_t bucket = 2 * (exponent - first) + half + 1;
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  static constexpr std::uint32_t first_exponent(Unit unit) {
    return unit == Unit::kSeconds ? 10 : unit == Unit::kBytes ? 6 : 1;
  }

 private:
  friend class Registry;
  Histogram(internal::CellBlock* block, std::uint32_t cell, Unit unit)
      : block_(block), cell_(cell), unit_(unit) {}

  internal::CellBlock* block_ = nullptr;
  std::uint32_t cell_ = 0;  // kBuckets buckets, then the sum
  Unit unit_ = Unit::kCount;
};

enum class MetricType : std::uint8_t { kCounter, kGauge, kHistogram };

struct MetricInfo {
  std::string_view name;
  std::string_view help;  // one sentence
};

struct Label {
  std::string_view name;
  std::string_view value;
};

// The labels of one call: {{"method", "/a"}}, or a vector. Borrowed until it returns.
class Labels {
 public:
  Labels() = default;
  Labels(std::initializer_list<Label> labels) : labels_(labels.begin(), labels.size()) {}
  // NOLINTNEXTLINE(google-explicit-constructor): both forms are written as an argument
  Labels(const std::vector<Label>& labels) : labels_(labels) {}

  auto begin() const { return labels_.begin(); }
  auto end() const { return labels_.end(); }
  std::size_t size() const { return labels_.size(); }

 private:
  std::span<const Label> labels_;
};

// Owns all metrics of a process. Thread: any. Making metrics takes a lock; counting does not.
class Registry {
 public:
  static constexpr std::size_t kSeriesPerFamilyMax = 1000;  // then all go to one named `other`
  static constexpr std::size_t kFamiliesMax = 10000;

  // All names must begin with `prefix` and an underscore.
  explicit Registry(std::string_view prefix = "fairlead") : prefix_(prefix) {}
  ~Registry();
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // The series with these labels, made at the first call. The first call for a name fixes its
  // type, unit and label names; the order of labels is that of the first call.
  // Errors: kInvalidOperation `metrics.bad_name` `metrics.bad_label`,
  //         kConflict `metrics.type_differs` `metrics.labels_differ`,
  //         kLocalLimit `metrics.too_many` (kFamiliesMax).
  Result<Counter> counter(const MetricInfo& info, Labels labels = {});
  Result<Gauge> gauge(const MetricInfo& info, Labels labels = {});
  Result<Histogram> histogram(const MetricInfo& info, Unit unit, Labels labels = {});

  // One series as it is now. Views are valid during the visit.
  struct Series {
    const std::vector<std::string>& label_names;
    const std::vector<std::string>& label_values;
    std::uint64_t counter = 0;
    std::int64_t gauge = 0;
    Histogram::Snapshot histogram;
  };
  class Visitor {
   public:
    virtual ~Visitor() = default;
    virtual void family(const MetricInfo& info, MetricType type, Unit unit) = 0;
    virtual void series(const Series& series) = 0;
  };
  // Families by name, each followed by its series in order of labels. Holds the lock: the visitor
  // must not make metrics.
  void visit(Visitor& visitor) const;

 private:
  struct Family {
    std::string help;
    MetricType type;
    Unit unit;
    std::vector<std::string> label_names;
    std::map<std::vector<std::string>, std::uint32_t> series;  // label values -> first cell
  };

  Result<std::uint32_t> find_or_make(const MetricInfo& info, MetricType type, Unit unit,
                                     Labels labels);
  Result<Family*> family_of(const MetricInfo& info, MetricType type, Unit unit, Labels labels)
      FL_REQUIRES(mutex_);
  std::uint32_t take_cells(std::uint32_t count) FL_REQUIRES(mutex_);
  internal::CellBlock* block_at(std::uint32_t cell) const;

  const std::string prefix_;
  mutable Mutex mutex_;
  std::map<std::string, Family, std::less<>> families_ FL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<internal::CellBlock>> blocks_ FL_GUARDED_BY(mutex_);
  std::uint32_t cells_taken_ FL_GUARDED_BY(mutex_) = 0;
};

}  // namespace fairlead::observe
