#include "fairlead/service/spec_source.h"

#include <sys/stat.h>

#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/config/reader.h"
#include "fairlead/service/setting_table.h"

namespace fairlead::service {
namespace {

constexpr std::size_t kShownBytesMax = 80;

bool is_file(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0;
}

std::string shown(const std::string& value, bool secret) {
  if (value.empty()) return "(not set)";
  return secret ? "***" : escape_text(value, kShownBytesMax);
}

// What bind() does not look at, since it concerns more than one key.
Status check(const Spec& spec) { return spec.limits.validate(); }

}  // namespace

Result<SpecSource> SpecSource::read(Layers layers, Spec code) {
  layers.file_needed = layers.file_needed || is_file(layers.file);
  SpecSource source(std::move(layers), std::move(code));
  FL_TRY_ASSIGN(source.document_, source.read_layers());
  source.spec_ = source.code_;
  FL_TRY(config::bind(source.document_, source.spec_));
  return source;
}

Result<config::Document> SpecSource::read_layers() const {
  config::Document document("the configuration of " + layers_.program);
  if (layers_.file_needed) {
    FL_TRY_ASSIGN(document, config::load_file(layers_.file, {.variables = &layers_.environment}));
  }
  FL_TRY(document.overlay_environment("FAIRLEAD_", layers_.environment));
  for (const Flag& flag : layers_.flags) FL_TRY(document.overlay_flag(flag.text, flag.option));
  return document;
}

Result<SpecSource::Next> SpecSource::read_again() const {
  FL_TRY_ASSIGN(config::Document written, read_layers());
  Spec whole = code_;
  FL_TRY(config::bind(written, whole));
  FL_TRY(check(whole));
  // What counts is made of the same kind of tree, so that it is checked as a whole, too.
  Next next{
      .document = config::Document(document_.name()), .spec = code_, .live = {}, .at_start = {}};
  next.document.take(document_, {});
  for (config::Change& change : config::changes(document_, written)) {
    const bool live = setting_of(change.steps).live;
    if (live) next.document.take(written, change.steps);
    (live ? next.live : next.at_start).push_back(std::move(change));
  }
  FL_TRY(config::bind(next.document, next.spec));
  FL_TRY(check(next.spec));
  return next;
}

void SpecSource::take(Next next) {
  document_ = std::move(next.document);
  spec_ = std::move(next.spec);
}

std::string to_text(const config::Change& change) {
  const bool secret = setting_of(change.steps).secret;
  return escape_text(change.path(), kShownBytesMax) + ": " + shown(change.before, secret) + " -> " +
         shown(change.after, secret);
}

}  // namespace fairlead::service
