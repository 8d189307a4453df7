#include "fairlead/cli/wire_check.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "fairlead/base/json_object.h"
#include "fairlead/base/text.h"

namespace fairlead::cli {

namespace {

constexpr std::size_t kFileBytesMax = std::size_t{64} << 20;

Status bad_vectors(const std::string& text) {
  return Status(Code::kBadMessage, "usage.bad_vectors", text);
}

struct CloseFile {
  void operator()(std::FILE* file) const {
    if (file != stdin) std::fclose(file);
  }
};

Result<std::string> read_file(const std::string& path) {
  const std::string name = path == "-" ? "standard input" : "'" + escape_text(path) + "'";
  const std::unique_ptr<std::FILE, CloseFile> file(path == "-" ? stdin
                                                               : std::fopen(path.c_str(), "rbe"));
  if (file == nullptr) {
    return bad_vectors("cannot open " + name + ": " + std::strerror(errno) +
                       "; name a file of golden vectors, or - for standard input");
  }
  std::string text;
  std::array<char, 65536> block;
  while (const std::size_t count = std::fread(block.data(), 1, block.size(), file.get())) {
    text.append(block.data(), count);
    if (text.size() > kFileBytesMax) return bad_vectors(name + " has more than 64 MiB");
  }
  if (std::ferror(file.get()) != 0) {
    return bad_vectors("cannot read " + name + ": " + std::strerror(errno));
  }
  return text;
}

}  // namespace

Result<wire::VectorReport> wire_report_of(const std::string& file) {
  FL_TRY_ASSIGN(const std::string text, read_file(file));
  Result<wire::VectorReport> report = wire::check_vectors(text);
  if (report.ok()) return report;
  const std::string name = file == "-" ? "standard input" : "'" + escape_text(file) + "'";
  return bad_vectors(name + " is no file of vectors: " + std::string(report.status().message()));
}

std::string wire_report_text(const wire::VectorReport& report) {
  std::string text;
  for (const wire::VectorFailure& failure : report.failures) {
    text += "FAILED " + escape_text(failure.id) + ": " + failure.what + "\n";
  }
  for (const auto& [name, count] : report.later) {
    text += "later  " + std::to_string(count) + " of " + escape_text(name) + "\n";
  }
  if (report.later_count() > 0) text += std::to_string(report.later_count()) + " later\n";
  return text + std::to_string(report.passed) + " passed, " +
         std::to_string(report.failures.size()) + " failed\n";
}

std::string wire_report_document(const wire::VectorReport& report) {
  const auto fill = [](const wire::VectorFailure& failure, JsonObject& one) {
    one.text("id", failure.id).text("what", failure.what);
  };
  JsonObject document;
  document.boolean("ok", report.failures.empty())
      .number("passed", report.passed)
      .number("failed", report.failures.size())
      .number("later", report.later_count())
      .list("failures", report.failures, fill);
  return document.str();
}

ExitCode run_wire_check(const WireCheckArguments& arguments, const Output& output) {
  const Result<wire::VectorReport> report = wire_report_of(arguments.file);
  if (!report.ok()) return output.fail(report.status());
  output.print(output.json() ? wire_report_document(*report) : wire_report_text(*report));
  return report->failures.empty() ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace fairlead::cli
