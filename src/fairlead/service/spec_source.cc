#include "fairlead/service/spec_source.h"

#include <sys/stat.h>

#include <utility>

#include "fairlead/config/reader.h"
#include "fairlead/service/setting_table.h"

namespace fairlead::service {
namespace {

bool is_file(const std::string& path) {
  struct stat info{};
  return stat(path.c_str(), &info) == 0;
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
  config::Merged merged =
      config::merge(document_, written,
                    [](const std::vector<std::string>& steps) { return setting_of(steps).live; });
  Next next{.written = std::move(written),
            .whole = std::move(whole),
            .document = std::move(merged.document),
            .spec = code_,
            .live = std::move(merged.live),
            .at_start = std::move(merged.at_start)};
  FL_TRY(config::bind(next.document, next.spec));
  FL_TRY(check(next.spec));
  return next;
}

void SpecSource::take(Next next) {
  document_ = std::move(next.document);
  spec_ = std::move(next.spec);
}

ShownChange shown(const config::Change& change) {
  return shown(change, setting_of(change.steps).secret);
}

}  // namespace fairlead::service
