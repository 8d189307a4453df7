#include "flags.h"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <optional>
#include <utility>

#include <fairlead/base/text.h>
#include <fairlead/codec/codec.h>

namespace teleport_peer {
namespace {

enum class Who : std::uint8_t { kBoth, kServer, kClient };

struct TextFlag {
  std::string_view name;
  std::string Flags::* text;
  Who who;
};
struct SwitchFlag {
  std::string_view name;
  bool Flags::* on;
  Who who;
};

constexpr auto kTextFlags = std::to_array<TextFlag>({
    {"--listen", &Flags::address, Who::kServer},
    {"--addr", &Flags::address, Who::kClient},
    {"--network", &Flags::network, Who::kBoth},
    {"--proto", &Flags::proto, Who::kBoth},
    {"--auth", &Flags::auth, Who::kBoth},
    {"--secure", &Flags::secure, Who::kBoth},
    {"--mapper", &Flags::mapper, Who::kBoth},
    {"--tls-cert", &Flags::tls_cert, Who::kBoth},
    {"--tls-key", &Flags::tls_key, Who::kBoth},
    {"--tls-ca", &Flags::tls_ca, Who::kBoth},
    {"--codec", &Flags::codec, Who::kClient},
    {"--filters", &Flags::filters, Who::kClient},
    {"--secure-form", &Flags::secure_form, Who::kClient},
    {"--only", &Flags::only, Who::kClient},
    {"--skip", &Flags::skip, Who::kClient},
});
constexpr auto kSwitchFlags = std::to_array<SwitchFlag>({
    {"--unknown", &Flags::unknown, Who::kBoth},
    {"--until-eof", &Flags::until_eof, Who::kServer},
});

fl::Status bad_flag(std::string_view reason, std::string_view flag, std::string_view what) {
  return fl::Status(fl::Code::kInvalidOperation, reason,
                    std::string(flag) + ": " + std::string(what));
}

bool fits(Who who, Role role) {
  return who == Who::kBoth || (who == Who::kServer) == (role == Role::kServer);
}

template <class Table>
const typename Table::value_type* find(const Table& table, std::string_view name, Role role) {
  const auto found = std::ranges::find_if(
      table, [&](const auto& flag) { return flag.name == name && fits(flag.who, role); });
  return found == table.end() ? nullptr : &*found;
}

fl::Status set_value(Flags& flags, std::string_view name, std::string_view value) {
  if (const TextFlag* flag = find(kTextFlags, name, flags.role)) {
    flags.*flag->text = value;
    return {};
  }
  if (name == "--heartbeat") {
    const std::optional<std::int64_t> seconds = fl::parse_int64(value);
    if (!seconds.has_value() || (*seconds != 0 && *seconds < 3) || *seconds > 3600) {
      return bad_flag("flag.bad_value", name, "wanted 0, or 3 to 3600 seconds");
    }
    flags.heartbeat = *seconds;
    return {};
  }
  if (name == "--timeout" && flags.role == Role::kClient) {
    const std::optional<fl::Duration> timeout = fl::parse_duration(value);
    if (!timeout.has_value() || *timeout <= fl::Duration::zero()) {
      return bad_flag("flag.bad_value", name, "wanted a time as 5s or 200ms");
    }
    flags.timeout = *timeout;
    return {};
  }
  return bad_flag("flag.unknown", name, "there is no such flag");
}

fl::Status check_one_of(std::string_view flag, std::string_view value,
                        std::initializer_list<std::string_view> known) {
  if (std::ranges::find(known, value) != known.end()) return {};
  std::string what = "wanted one of";
  for (const std::string_view word : known) what.append(" ").append(word);
  return bad_flag("flag.bad_value", flag, what);
}

fl::Status check(const Flags& flags) {
  FL_TRY(check_one_of("--network", flags.network, {"tcp", "tcp4", "tcp6", "unix", "tls"}));
  FL_TRY(check_one_of("--proto", flags.proto,
                      {"raw", "json", "pb", "thrift-binary", "thrift-struct"}));
  FL_TRY(check_one_of("--mapper", flags.mapper, {"http", "rpc"}));
  FL_TRY(check_one_of("--secure-form", flags.secure_form, {"erpc", "aes-gcm"}));
  if (flags.secure_form == "aes-gcm" && !flags.secure.empty() && flags.secure.size() != 32) {
    return bad_flag("flag.bad_value", "--secure", "aes-gcm wants a key of 32 bytes");
  }
  if (flags.tls_cert.empty() != flags.tls_key.empty()) {
    return bad_flag("flag.no_value", "--tls-cert", "a certificate and its key come together");
  }
  if (flags.role == Role::kServer && flags.tls_cert.empty() &&
      (flags.network == "tls" || !flags.tls_ca.empty())) {
    return bad_flag("flag.no_value", "--tls-cert", "a server with TLS needs a certificate");
  }
  return {};
}

}  // namespace

fl::Result<Flags> parse_flags(int argc, const char* const* argv) {
  Flags flags;
  const std::string_view role = argc > 1 ? argv[1] : "";
  if (role != "server" && role != "client") {
    return bad_flag("flag.no_value", "role", "say server or client");
  }
  flags.role = role == "server" ? Role::kServer : Role::kClient;
  for (int at = 2; at < argc; ++at) {
    const std::string_view name = argv[at];
    if (const SwitchFlag* flag = find(kSwitchFlags, name, flags.role)) {
      flags.*flag->on = true;
      continue;
    }
    if (at + 1 == argc) return bad_flag("flag.no_value", name, "no such switch, or no value");
    FL_TRY(set_value(flags, name, argv[++at]));
  }
  FL_TRY(check(flags));
  return flags;
}

std::string_view usage() {
  return "usage: teleport_peer server --listen ADDRESS [flags] [--until-eof]\n"
         "       teleport_peer client --addr ADDRESS [flags] [--codec json,plain] [--filters gm]\n"
         "                            [--secure-form erpc|aes-gcm] [--only WORDS] [--skip WORDS]\n"
         "                            [--timeout 5s]\n"
         "flags: --network tcp|tcp4|tcp6|unix|tls   --mapper http|rpc\n"
         "       --proto raw|json|pb|thrift-binary|thrift-struct\n"
         "       --auth TOKEN   --secure KEY   --heartbeat SECONDS   --unknown\n"
         "       --tls-cert FILE   --tls-key FILE   --tls-ca FILE\n";
}

bool wants(const Flags& flags, fl::CodecId codec) {
  const auto names = fl::split(flags.codec, ',');
  return std::ranges::find(names, fl::codec::codec_name(codec)) != names.end();
}

bool any_word_in(std::string_view list, std::string_view name) {
  return std::ranges::any_of(fl::split(list, ','), [&](std::string_view word) {
    return !word.empty() && name.find(word) != std::string_view::npos;
  });
}

}  // namespace teleport_peer
