#include "fairlead/observe/metrics.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace fairlead::observe {
namespace {

constexpr std::string_view kOther = "other";

bool is_word(std::string_view text) {
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
         std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

Status bad_name(std::string_view name, std::string_view rule) {
  return {Code::kInvalidOperation, "metrics.bad_name",
          "metric name " + std::string(name) + ": " + std::string(rule)};
}

// <prefix>_<room>_<noun...>: lower case, at least two words behind the prefix.
Status check_name(std::string_view prefix, std::string_view name, MetricType type, Unit unit) {
  if (!is_word(name) || name.ends_with('_') || name.find("__") != std::string_view::npos) {
    return bad_name(name, "only a-z, 0-9 and single underscores");
  }
  if (!name.starts_with(prefix) || name.substr(prefix.size()).find('_') != 0) {
    return bad_name(name, "must begin with " + std::string(prefix) + "_");
  }
  if (std::ranges::count(name.substr(prefix.size()), '_') < 2) {
    return bad_name(name, "must name a room, a noun and a unit");
  }
  if ((type == MetricType::kCounter) != name.ends_with("_total")) {
    return bad_name(name, "counters, and only they, end in _total");
  }
  if (type != MetricType::kHistogram) return {};
  if ((unit == Unit::kSeconds && !name.ends_with("_seconds")) ||
      (unit == Unit::kBytes && !name.ends_with("_bytes"))) {
    return bad_name(name, "a histogram ends in its unit");
  }
  return {};
}

Status check_labels(std::string_view name, Labels labels) {
  for (auto label = labels.begin(); label != labels.end(); ++label) {
    const bool twice = std::any_of(labels.begin(), label, [label](const Label& earlier) {
      return earlier.name == label->name;
    });
    // `le` is what Prometheus itself puts on buckets; two leading underscores are its own too.
    if (!is_word(label->name) || label->name == "le" || twice) {
      return {Code::kInvalidOperation, "metrics.bad_label",
              "metric " + std::string(name) + ": bad label name " + std::string(label->name)};
    }
  }
  return {};
}

Status differs(std::string_view reason, std::string_view name, std::string_view what) {
  return {Code::kConflict, reason,
          "metric " + std::string(name) + " exists with other " + std::string(what)};
}

}  // namespace

Histogram::Snapshot Histogram::snapshot() const {
  Snapshot result;
  if (block_ == nullptr) return result;
  for (std::uint32_t i = 0; i < kBuckets; ++i) {
    result.buckets[i] = block_->sum(cell_ + i);
    result.count += result.buckets[i];
  }
  result.sum = block_->sum(cell_ + kBuckets);
  return result;
}

std::uint64_t Histogram::bound(Unit unit, std::size_t bucket) {
  if (bucket + 1 >= kBuckets) return std::numeric_limits<std::uint64_t>::max();
  const std::uint64_t power = std::uint64_t{1} << (first_exponent(unit) + bucket / 2);
  return bucket % 2 == 0 ? power : power + power / 2;
}

Registry::~Registry() = default;

Result<Counter> Registry::counter(const MetricInfo& info, Labels labels) {
  FL_TRY_ASSIGN(const std::uint32_t cell,
                find_or_make(info, MetricType::kCounter, Unit::kCount, labels));
  return Counter(block_at(cell), cell % internal::kCellsPerBlock);
}

Result<Gauge> Registry::gauge(const MetricInfo& info, Labels labels) {
  FL_TRY_ASSIGN(const std::uint32_t cell,
                find_or_make(info, MetricType::kGauge, Unit::kCount, labels));
  return Gauge(block_at(cell), cell % internal::kCellsPerBlock);
}

Result<Histogram> Registry::histogram(const MetricInfo& info, Unit unit, Labels labels) {
  FL_TRY_ASSIGN(const std::uint32_t cell, find_or_make(info, MetricType::kHistogram, unit, labels));
  return Histogram(block_at(cell), cell % internal::kCellsPerBlock, unit);
}

void Registry::visit(Visitor& visitor) const {
  const MutexLock lock(mutex_);
  for (const auto& [name, family] : families_) {
    visitor.family({name, family.help}, family.type, family.unit);
    for (const auto& [values, cell] : family.series) {
      internal::CellBlock* block = blocks_[cell / internal::kCellsPerBlock].get();
      const std::uint32_t at = cell % internal::kCellsPerBlock;
      Series series{family.label_names, values, 0, 0, {}};
      switch (family.type) {
        case MetricType::kCounter:
          series.counter = Counter(block, at).value();
          break;
        case MetricType::kGauge:
          series.gauge = Gauge(block, at).value();
          break;
        case MetricType::kHistogram:
          series.histogram = Histogram(block, at, family.unit).snapshot();
          break;
      }
      visitor.series(series);
    }
  }
}

Result<std::uint32_t> Registry::find_or_make(const MetricInfo& info, MetricType type, Unit unit,
                                             Labels labels) {
  FL_TRY(check_name(prefix_, info.name, type, unit));
  FL_TRY(check_labels(info.name, labels));
  const MutexLock lock(mutex_);
  FL_TRY_ASSIGN(Family* const family, family_of(info, type, unit, labels));

  std::vector<std::string> values(labels.size());
  for (const Label& label : labels) {
    const auto at = std::ranges::find(family->label_names, label.name);
    values[static_cast<std::size_t>(at - family->label_names.begin())] = label.value;
  }
  const auto found = family->series.find(values);
  if (found != family->series.end()) return found->second;
  if (family->series.size() >= kSeriesPerFamilyMax) {
    std::ranges::fill(values, kOther);
    const auto other = family->series.find(values);
    if (other != family->series.end()) return other->second;
  }
  const std::uint32_t count = type == MetricType::kHistogram ? Histogram::kBuckets + 1 : 1;
  const std::uint32_t cell = take_cells(count);
  family->series.emplace(std::move(values), cell);
  return cell;
}

Result<Registry::Family*> Registry::family_of(const MetricInfo& info, MetricType type, Unit unit,
                                              Labels labels) {
  const auto found = families_.find(info.name);
  if (found == families_.end()) {
    if (families_.size() >= kFamiliesMax) {
      return Status(Code::kLocalLimit, "metrics.too_many",
                    "more than " + std::to_string(kFamiliesMax) + " metric names");
    }
    Family family{std::string(info.help), type, unit, {}, {}};
    for (const Label& label : labels) family.label_names.emplace_back(label.name);
    return &families_.emplace(info.name, std::move(family)).first->second;
  }
  Family& family = found->second;
  if (family.type != type || family.unit != unit) {
    return differs("metrics.type_differs", info.name, "type or unit");
  }
  const auto known = [&family](const Label& label) {
    return std::ranges::find(family.label_names, label.name) != family.label_names.end();
  };
  if (labels.size() != family.label_names.size() || !std::ranges::all_of(labels, known)) {
    return differs("metrics.labels_differ", info.name, "label names");
  }
  return &family;
}

std::uint32_t Registry::take_cells(std::uint32_t count) {
  const std::uint32_t left = internal::kCellsPerBlock - cells_taken_ % internal::kCellsPerBlock;
  if (left < count) cells_taken_ += left;  // a histogram lies in one block
  const std::uint32_t first = cells_taken_;
  cells_taken_ += count;
  while (blocks_.size() * internal::kCellsPerBlock < cells_taken_) {
    blocks_.push_back(std::make_unique<internal::CellBlock>());
  }
  return first;
}

internal::CellBlock* Registry::block_at(std::uint32_t cell) const {
  const MutexLock lock(mutex_);
  return blocks_[cell / internal::kCellsPerBlock].get();
}

}  // namespace fairlead::observe
