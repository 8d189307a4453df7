// The list of fuzz targets: functions that take any bytes and end the process when something that
// must hold does not.
#pragma once

#include <span>
#include <string_view>

namespace fairlead::fuzz {

struct Target {
  std::string_view name;  // also the folder of its corpus
  void (*run)(std::string_view input);
};

std::span<const Target> targets();
const Target* find_target(std::string_view name);  // null: there is none

void raw(std::string_view input);
void json(std::string_view input);
void pb(std::string_view input);
void thrift_binary(std::string_view input);
void thrift_struct(std::string_view input);
void ws_json(std::string_view input);
void ws_pb(std::string_view input);
void erpc_http(std::string_view input);
void fast_v3(std::string_view input);
void json_v3(std::string_view input);
void pb_v3(std::string_view input);
void metadata_text(std::string_view input);
void status_text(std::string_view input);
void body_json(std::string_view input);
void body_protobuf(std::string_view input);
void body_form(std::string_view input);
void body_thrift(std::string_view input);
void body_xml(std::string_view input);
void first_bytes(std::string_view input);
void http_request(std::string_view input);
void http_response(std::string_view input);
void http_chunked(std::string_view input);
void http_bodies(std::string_view input);
void http_written(std::string_view input);
void http_differential(std::string_view input);
void gzip(std::string_view input);
void transforms(std::string_view input);
void websocket_handshake(std::string_view input);
void websocket_frame(std::string_view input);
void websocket_messages(std::string_view input);
void resume_words(std::string_view input);
void duplicate_window(std::string_view input);

}  // namespace fairlead::fuzz
