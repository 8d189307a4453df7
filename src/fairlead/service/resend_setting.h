// The settings `resend` and `dedup`: messages that outlive their connections, as this program sends
// them, and as it keeps apart those that come again.
#pragma once

#include <cstddef>
#include <optional>

#include "fairlead/base/status.h"
#include "fairlead/config/reader.h"
#include "fairlead/rpc/duplicate_window.h"
#include "fairlead/rpc/resend_queue.h"

namespace fairlead::service {

struct ResendSpec {
  std::optional<rpc::DeliveryMode> mode{};  // of clients that say none themselves
  rpc::ResendOptions options{};
  std::size_t process_bytes_max = 64 * 1024 * 1024;
};
struct DedupSpec {
  rpc::DuplicateOptions options{};
};

// Found by config::bind(). Errors: those of config::ObjectReader; `config.bad_value`.
Status read(const config::Value& value, ResendSpec& out);
Status read(const config::Value& value, DedupSpec& out);
// The section `resend` of a client: its mode.
Status read_client_resend(const config::Value& value, std::optional<rpc::DeliveryMode>& out);

}  // namespace fairlead::service
