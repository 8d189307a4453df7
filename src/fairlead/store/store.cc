#include "fairlead/store/store.h"

#include <string_view>

#include "fairlead/base/text.h"
#include "fairlead/store/file_store.h"
#include "fairlead/store/memory_store.h"

namespace fairlead::store {
namespace {

using namespace std::chrono_literals;

Status bad(std::string_view text) { return Status(Code::kBadMessage, "store.bad_url", text); }

}  // namespace

Result<std::unique_ptr<Store>> open(io::Core& core, Options options) {
  const std::string_view url = options.url;
  if (options.busy_wait_max < 0ms || options.busy_wait_max > 60s) {
    return bad("busy_wait_max is from 0 to 60s");
  }
  if (options.poll_interval <= 0ms || options.poll_interval > 60s) {
    return bad("poll_interval is above 0 and up to 60s");
  }
  if (url.starts_with("memory:")) {
    return internal::open_memory_store(core, std::string(url.substr(7)));
  }
  if (url.starts_with("file:") && url.size() > 5 && url.find('\0') == std::string_view::npos) {
    return internal::open_file_store(core, std::string(url.substr(5)), options);
  }
  return bad("'" + escape_text(url) +
             "' is no store; write file:/path/store.db, memory: or memory:name");
}

}  // namespace fairlead::store
