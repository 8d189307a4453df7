// SpecSource: the layers that a program's settings come from, and what they say.
//
//   read() ─► spec(): what counts      read_again() ─► Next: checked, compared ─► take(next)
//
// A program that runs takes over what can change live (setting_table.h) and nothing else, so what
// counts is a mixture: live keys as they are written now, the others as they were at the start.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/config/changes.h"
#include "fairlead/config/document.h"
#include "fairlead/service/reload_outcome.h"
#include "fairlead/service/spec.h"

namespace fairlead::service {

// Thread: like a standard container.
class SpecSource {
 public:
  struct Flag {
    std::string text;    // "key=value"
    std::string option;  // as the user wrote it, for errors
  };
  struct Layers {
    std::string program;  // its name, for messages
    std::string file;
    bool file_needed = false;  // else it may be missing
    config::Environment environment{};
    std::vector<Flag> flags{};
  };

  // Reads all layers over what the code says. This blocks, as read_again() does.
  // Errors: those of config::load_file(), config::Document and config::bind(), with their places.
  static Result<SpecSource> read(Layers layers, Spec code);

  const Spec& spec() const { return spec_; }
  const config::Document& document() const { return document_; }  // of spec()
  // There is a file to read again.
  bool has_file() const { return layers_.file_needed; }
  const std::string& file() const { return layers_.file; }

  // What the layers say now. The environment is that of the start: nobody can change it from
  // outside.
  struct Next {
    config::Document written;  // as a start would read it
    Spec whole;                // of that
    config::Document document;
    Spec spec;
    std::vector<config::Change> live;      // of the keys that count from now on
    std::vector<config::Change> at_start;  // of those that count at the next start
  };
  // Errors: as read(); a file that was there must be there. Nothing has changed then.
  Result<Next> read_again() const;
  void take(Next next);

 private:
  SpecSource(Layers layers, Spec code)
      : layers_(std::move(layers)), code_(std::move(code)), document_("") {}
  Result<config::Document> read_layers() const;

  Layers layers_;
  Spec code_;                  // what the code says, below all layers
  config::Document document_;  // what counts
  Spec spec_;
};

// A change of a program's setting, for people.
ShownChange shown(const config::Change& change);

}  // namespace fairlead::service
