// The flags of teleport_peer: what both roles agree on, and what each of them does.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include <fairlead/fairlead.h>

namespace teleport_peer {

enum class Role : std::uint8_t { kServer, kClient };

struct Flags {
  Role role = Role::kServer;

  // Both roles.
  std::string address{"127.0.0.1:9090"};  // a path with `network` unix
  std::string network{"tcp"};             // tcp, tcp4, tcp6, unix, tls
  std::string proto{"raw"};               // raw, json, pb, thrift-binary, thrift-struct
  std::string auth{};                     // token; empty: no login
  std::string secure{};                   // key of 16, 24 or 32 bytes; empty: no secure bodies
  std::string mapper{"http"};             // how names become methods: http, rpc
  std::string tls_cert{};                 // PEM files; any of them turns TLS on, over any network
  std::string tls_key{};
  std::string tls_ca{};
  std::int64_t heartbeat = 0;  // seconds, at least 3; 0: none
  bool unknown = false;        // the server answers methods that it does not know
  // Server.
  bool until_eof = false;  // end when the input does
  // Client.
  std::string codec{"json,protobuf,form,plain,thrift,xml"};
  std::string filters{};                           // transforms of every call, outermost first
  std::string secure_form{"erpc"};                 // erpc, aes-gcm
  std::string only{};                              // run checks whose name contains one of these
  std::string skip{};                              // and none whose name contains one of these
  fl::Duration timeout = std::chrono::seconds(5);  // of one call
};

// Errors: kInvalidOperation `flag.unknown`, `flag.no_value`, `flag.bad_value`, with the flag.
fl::Result<Flags> parse_flags(int argc, const char* const* argv);

// What is printed beside such an error.
std::string_view usage();

// Whether a codec is in the client's --codec.
bool wants(const Flags& flags, fl::CodecId codec);

// Whether one of the words of a list with commas stands in `name`.
bool any_word_in(std::string_view list, std::string_view name);

}  // namespace teleport_peer
