// Document: a configuration file with the layers above it.
//
//   file  <  environment variables  <  flags          a later layer replaces single values
//
//   FL_TRY_ASSIGN(Document document, load_file("gateway.yaml", {.variables = &environment}));
//   FL_TRY(document.overlay_environment("FAIRLEAD_", environment));
//   FL_TRY(document.overlay_flag("gateway.listen=127.0.0.1:80"));
//   FL_TRY(bind(document, spec));                   // reader.h
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/config/value.h"

namespace fairlead::config {

using Environment = std::map<std::string, std::string, std::less<>>;

// A copy of this process's environment. Thread: not while another thread calls setenv.
Environment system_environment();

struct Options {
  std::size_t file_bytes_max = std::size_t{16} << 20;
  std::size_t depth_max = 64;                          // levels of lists and maps, 1 .. 200
  std::size_t nodes_max = 100'000;                     // values, counted after aliases are expanded
  std::size_t text_bytes_max = std::size_t{64} << 20;  // all scalars and keys after expansion
  // Where `${NAME}` inside values is looked up. Null: such text stays as it is.
  const Environment* variables = nullptr;
};

// Thread: like a standard container.
class Document {
 public:
  // An empty document: null at the root. `name` stands in messages.
  explicit Document(std::string name);

  const Value& root() const { return *root_; }
  const std::string& name() const { return *root_->place().source; }

  // Sets values from the variables whose name begins with `prefix`: the rest of the name in lower
  // case is the path, "__" separates levels, a number selects an item of a list (its size appends
  // one). FAIRLEAD_GATEWAY__BODY_MAX sets gateway.body_max. Existing keys match in any case.
  // Errors: `config.bad_override` for a path that does not fit the document. All at once; what
  //         fits is applied.
  Status overlay_environment(std::string_view prefix, const Environment& environment);

  // Sets one value from "path.to.key=text"; items of lists as "routes.0.prefix" or
  // "routes[0].prefix". `option` is what the user wrote, for errors. Errors: `config.bad_override`.
  Status overlay_flag(std::string_view setting, std::string_view option = "--set");

  // Makes the value at these keys what it is in `other`, with its place: null when it is not there.
  // Keys of maps only; none: the whole document. What stands in the way of a map gives way to it.
  void take(const Document& other, const std::vector<std::string>& steps);

  // What is wrong with the value at these keys (items of lists by their numbers), with its place
  // and its path in front of each line: those of the value around it where it is not there, and
  // the path alone where none of its keys is. Code and reason stay.
  Status blame(const std::vector<std::string>& steps, const Status& why) const;

 private:
  friend Result<Document> parse(std::string_view text, std::string_view name,
                                const Options& options);
  explicit Document(std::unique_ptr<Value> root) : root_(std::move(root)) {}

  std::unique_ptr<Value> root_;
};

// Reads YAML 1.2 or JSON. `name` stands for the file in messages. An empty text is a null root.
// Errors, each with name:line:column and a remedy; code kBadMessage unless said:
//   `config.bad_encoding`    not UTF-8 (a UTF-8 byte order mark is skipped)
//   `config.not_text`        NUL or another control byte
//   `config.tab_indent`      a tab where YAML wants blanks
//   `config.bad_syntax`      everything else that the parser refuses, also a second document
//   `config.duplicate_key`   twice in one map
//   `config.unsupported`     keys that are not text, tags, merge keys
//   `config.too_big`         kTooLarge: more bytes or values than Options allow
//   `config.too_deep`        kTooLarge: more levels than Options allow
//   `config.missing_variable`, `config.bad_variable`   see docs/reference/config_syntax.md
Result<Document> parse(std::string_view text, std::string_view name, const Options& options = {});

// Reads the file `path`, then as parse(). Also: `config.missing_file`, `config.not_a_file` (a
// folder, a device), `config.unreadable`.
Result<Document> load_file(const std::string& path, const Options& options = {});

}  // namespace fairlead::config
