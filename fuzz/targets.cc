#include "targets.h"

namespace fairlead::fuzz {
namespace {

constexpr Target kTargets[] = {
    {"raw", raw},
    {"json", json},
    {"pb", pb},
    {"thrift_binary", thrift_binary},
    {"thrift_struct", thrift_struct},
    {"ws_json", ws_json},
    {"ws_pb", ws_pb},
    {"erpc_http", erpc_http},
    {"fast_v3", fast_v3},
    {"json_v3", json_v3},
    {"pb_v3", pb_v3},
    {"metadata_text", metadata_text},
    {"status_text", status_text},
    {"body_json", body_json},
    {"body_protobuf", body_protobuf},
    {"body_form", body_form},
    {"body_thrift", body_thrift},
    {"body_xml", body_xml},
    {"first_bytes", first_bytes},
    {"http_request", http_request},
    {"http_response", http_response},
    {"http_chunked", http_chunked},
    {"http_bodies", http_bodies},
    {"http_written", http_written},
    {"http_differential", http_differential},
    {"gzip", gzip},
    {"transforms", transforms},
    {"websocket_handshake", websocket_handshake},
    {"websocket_frame", websocket_frame},
    {"websocket_messages", websocket_messages},
    {"resume_words", resume_words},
    {"duplicate_window", duplicate_window},
};

}  // namespace

std::span<const Target> targets() { return kTargets; }

const Target* find_target(std::string_view name) {
  for (const Target& target : kTargets) {
    if (target.name == name) return &target;
  }
  return nullptr;
}

}  // namespace fairlead::fuzz
