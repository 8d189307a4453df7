#include "fairlead/service/secure_setting.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <vector>

#include "fairlead/base/text.h"
#include "fairlead/config/reader.h"

namespace fairlead::service {
namespace {

constexpr std::size_t kFileBytesMax = 64 * 1024;

Status bad_file(const std::string& path, const std::string& why) {
  return Status(Code::kInvalidOperation, "secure.file",
                "the keys of secure bodies: '" + escape_text(path) + "' " + why);
}

Result<std::string> read_keys_file(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                             &std::fclose);
  if (file == nullptr) return bad_file(path, std::string("cannot be read: ") + strerror(errno));
  std::string text(kFileBytesMax + 1, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), file.get()));
  if (std::ferror(file.get()) != 0) return bad_file(path, "cannot be read to its end");
  if (text.size() > kFileBytesMax) return bad_file(path, "has more than 64 KiB");
  return text;
}

// The keys of a file, one a line; empty lines and those that begin with # are none.
std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!line.empty() && !line.starts_with('#')) lines.push_back(line);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return lines;
}

Status in_file(const Status& status, const std::string& path) {
  return Status(status.code(), status.reason(),
                "'" + escape_text(path) + "': " + std::string(status.message()));
}

}  // namespace

Status read(const config::Value& value, SecureSpec& out) {
  config::ObjectReader reader(value);
  reader.optional("keys_file", out.keys_file);
  reader.optional("erpc_keys_file", out.erpc_keys_file);
  reader.optional("required", out.required);
  if (out.required && out.keys_file.empty() && out.erpc_keys_file.empty()) {
    reader.reject("required", "config.bad_value",
                  "secure bodies are required and there are no keys; give keys_file");
  }
  return reader.finish();
}

Result<rpc::SecureKeys> read_secure_keys(const SecureSpec& spec) {
  rpc::SecureKeys keys;
  if (!spec.keys_file.empty()) {
    FL_TRY_ASSIGN(const std::string text, read_keys_file(spec.keys_file));
    Result<wire::KeyRing> ring = wire::KeyRing::parse(text);
    if (!ring.ok()) return in_file(ring.status(), spec.keys_file);
    keys.ring = *std::move(ring);
  }
  if (!spec.erpc_keys_file.empty()) {
    FL_TRY_ASSIGN(const std::string text, read_keys_file(spec.erpc_keys_file));
    Result<wire::ErpcKeys> erpc = wire::ErpcKeys::make(lines_of(text));
    if (!erpc.ok()) return in_file(erpc.status(), spec.erpc_keys_file);
    keys.erpc = *std::move(erpc);
  }
  return keys;
}

}  // namespace fairlead::service
