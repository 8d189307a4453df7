#include "fairlead/store/store.h"

#include <string_view>

#include "fairlead/base/text.h"
#include "fairlead/store/file_store.h"
#include "fairlead/store/memory_store.h"
#include "fairlead/store/sqlite.h"

namespace fairlead::store {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kMemory = "memory:";
constexpr std::string_view kFile = "file:";

Status bad(std::string_view text) { return Status(Code::kBadMessage, "store.bad_url", text); }

bool is_file(std::string_view url) {
  return url.starts_with(kFile) && url.size() > kFile.size() &&
         url.find('\0') == std::string_view::npos;
}

Status no_store(std::string_view url) {
  return bad("'" + escape_text(url) +
             "' is no store; write file:/path/store.db, memory: or memory:name");
}

}  // namespace

Status check(std::string_view url) {
  if (url.starts_with(kMemory)) return {};
  if (!is_file(url)) return no_store(url);
  return internal::check_path(std::string(url.substr(kFile.size()))).status();
}

Result<std::unique_ptr<Store>> open(io::Core& core, Options options) {
  const std::string_view url = options.url;
  if (options.busy_wait_max < 0ms || options.busy_wait_max > 60s) {
    return bad("busy_wait_max is from 0 to 60s");
  }
  if (options.poll_interval <= 0ms || options.poll_interval > 60s) {
    return bad("poll_interval is above 0 and up to 60s");
  }
  if (url.starts_with(kMemory)) {
    return internal::open_memory_store(core, std::string(url.substr(kMemory.size())));
  }
  if (is_file(url)) {
    return internal::open_file_store(core, std::string(url.substr(kFile.size())), options);
  }
  return no_store(url);
}

}  // namespace fairlead::store
