#include "fairlead/observe/prometheus.h"

#include <array>
#include <charconv>
#include <cstdint>

namespace fairlead::observe {
namespace {

// Backslash and line feed are escaped everywhere, quotation marks inside label values.
void append_escaped(std::string& out, std::string_view text, bool quoted) {
  for (const char c : text) {
    if (c == '\\')
      out += "\\\\";
    else if (c == '\n')
      out += "\\n";
    else if (c == '"' && quoted)
      out += "\\\"";
    else
      out += c;
  }
}

template <class Number>
void append_number(std::string& out, Number number) {
  std::array<char, 32> digits;
  const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  out.append(digits.data(), result.ptr);
}

void append_scaled(std::string& out, Unit unit, std::uint64_t number) {
  if (unit == Unit::kSeconds)
    append_number(out, static_cast<double>(number) / 1e9);
  else
    append_number(out, number);
}

std::string_view type_name(MetricType type) {
  switch (type) {
    case MetricType::kCounter:
      return "counter";
    case MetricType::kGauge:
      return "gauge";
    case MetricType::kHistogram:
      return "histogram";
  }
  return "untyped";
}

class TextWriter final : public Registry::Visitor {
 public:
  std::string take() { return std::move(out_); }

  void family(const MetricInfo& info, MetricType type, Unit unit) override {
    name_ = info.name;
    type_ = type;
    unit_ = unit;
    out_.append("# HELP ").append(name_).append(" ");
    append_escaped(out_, info.help, false);
    out_.append("\n# TYPE ").append(name_).append(" ").append(type_name(type)).append("\n");
  }

  void series(const Registry::Series& series) override {
    labels_.clear();
    for (std::size_t i = 0; i < series.label_names.size(); ++i) {
      labels_.append(i == 0 ? "" : ",").append(series.label_names[i]).append("=\"");
      append_escaped(labels_, series.label_values[i], true);
      labels_ += '"';
    }
    switch (type_) {
      case MetricType::kCounter:
        begin_line("");
        append_number(out_, series.counter);
        break;
      case MetricType::kGauge:
        begin_line("");
        append_number(out_, series.gauge);
        break;
      case MetricType::kHistogram:
        histogram(series.histogram);
        break;
    }
    out_ += '\n';
  }

 private:
  void begin_line(std::string_view suffix) {
    out_.append(name_).append(suffix);
    if (!labels_.empty()) out_.append("{").append(labels_).append("}");
    out_ += ' ';
  }

  void begin_bucket() {
    out_.append(name_).append("_bucket{").append(labels_).append(labels_.empty() ? "" : ",");
    out_ += "le=\"";
  }

  void histogram(const Histogram::Snapshot& snapshot) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i + 1 < Histogram::kBuckets; ++i) {
      below += snapshot.buckets[i];
      begin_bucket();
      append_scaled(out_, unit_, Histogram::bound(unit_, i));
      out_ += "\"} ";
      append_number(out_, below);
      out_ += '\n';
    }
    begin_bucket();
    out_ += "+Inf\"} ";
    append_number(out_, snapshot.count);
    out_ += '\n';
    begin_line("_sum");
    append_scaled(out_, unit_, snapshot.sum);
    out_ += '\n';
    begin_line("_count");
    append_number(out_, snapshot.count);
  }

  std::string out_;
  std::string name_;
  std::string labels_;
  MetricType type_ = MetricType::kCounter;
  Unit unit_ = Unit::kCount;
};

}  // namespace

std::string prometheus_text(const Registry& registry) {
  TextWriter writer;
  registry.visit(writer);
  return writer.take();
}

}  // namespace fairlead::observe
