#include "fairlead/service/resend_setting.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "fairlead/base/text.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;

template <class Enum>
struct Word {
  std::string_view word;
  Enum value;
};
constexpr std::array<Word<rpc::DeliveryMode>, 3> kModes = {{
    {"at_most_once", rpc::DeliveryMode::kAtMostOnce},
    {"at_least_once", rpc::DeliveryMode::kAtLeastOnce},
    {"best_effort", rpc::DeliveryMode::kBestEffort},
}};
constexpr std::array<Word<rpc::ResendOverflow>, 2> kOverflows = {{
    {"reject_new", rpc::ResendOverflow::kRejectNew},
    {"drop_oldest", rpc::ResendOverflow::kDropOldest},
}};

// Leaves `out` as it is where the key is not there.
template <class Words, class Out>
void read_choice(config::ObjectReader& reader, std::string_view key, const Words& words, Out& out) {
  std::string text;
  reader.optional(key, text);
  if (text.empty()) return;
  std::string all;
  for (const auto& known : words) {
    if (known.word == text) {
      out = known.value;
      return;
    }
    all.append(all.empty() ? "" : ", ").append(known.word);
  }
  reader.reject(key, "config.bad_value", "'" + escape_text(text) + "' is none of " + all);
}

}  // namespace

Status read(const config::Value& value, ResendSpec& out) {
  config::ObjectReader reader(value);
  read_choice(reader, "mode", kModes, out.mode);
  reader.optional("messages_max", out.options.messages_max, {1, 65536});
  reader.optional_bytes("bytes_max", out.options.bytes_max, {1024, 1ULL << 30});
  reader.optional_bytes("process_bytes_max", out.process_bytes_max, {1024, 1ULL << 34});
  reader.optional("ttl", out.options.ttl, {1ms, 24h});
  read_choice(reader, "overflow", kOverflows, out.options.overflow);
  return reader.finish();
}

Status read(const config::Value& value, DedupSpec& out) {
  config::ObjectReader reader(value);
  std::uint32_t ids = static_cast<std::uint32_t>(out.options.ids_max);
  reader.optional("ids", ids, {1, 1'000'000});
  reader.optional("age", out.options.age, {1s, 24h});
  reader.optional_bytes("bytes", out.options.reply_bytes_max, {0, 1ULL << 30});
  std::uint32_t windows = static_cast<std::uint32_t>(out.options.windows_max);
  reader.optional("windows_max", windows, {1, 1'000'000});
  reader.optional_bytes("process_bytes_max", out.options.process_bytes_max, {1024, 1ULL << 34});
  out.options.ids_max = ids;
  out.options.windows_max = windows;
  out.options.process_bytes_max =
      std::max(out.options.process_bytes_max, out.options.reply_bytes_max);
  return reader.finish();
}

Status read_client_resend(const config::Value& value, std::optional<rpc::DeliveryMode>& out) {
  config::ObjectReader reader(value);
  read_choice(reader, "mode", kModes, out);
  return reader.finish();
}

}  // namespace fairlead::service
