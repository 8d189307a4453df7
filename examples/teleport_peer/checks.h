// The checks of the client, in groups. A check is a coroutine: OK, or what is wrong.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "caller.h"

namespace teleport_peer {

struct Check {
  std::string name;
  std::function<fl::Task<fl::Status>(Caller&)> run;
  bool rest_needs_it = false;  // when it fails, those behind it are left out
};
using Checks = std::vector<Check>;

void add_body_checks(const Flags& flags, Checks& checks);       // checks_bodies.cc
void add_bad_body_checks(const Flags& flags, Checks& checks);   // checks_bad_bodies.cc
void add_message_checks(const Flags& flags, Checks& checks);    // checks_messages.cc
void add_transform_checks(const Flags& flags, Checks& checks);  // checks_transforms.cc
void add_session_checks(const Flags& flags, Checks& checks);    // checks_sessions.cc
void add_rule_checks(const Flags& flags, Checks& checks);       // checks_rules.cc
void add_secure_checks(const Flags& flags, Checks& checks);     // checks_secure.cc
void add_heartbeat_checks(const Flags& flags, Checks& checks);  // checks_heartbeat.cc
// What a connection can do that speaks thrift-struct, and nothing else.
void add_thrift_struct_checks(const Flags& flags, Checks& checks);  // checks_thrift_struct.cc

// Checks that need a connection of another kind.
Checks refused_login_checks();  // with another token
Checks missing_login_checks();  // without one
Checks bad_rate_checks();       // a session without heartbeats
Checks wrong_key_checks();      // secure bodies with another key
Checks damaged_body_checks();   // secure bodies made by hand, without any key
Checks many_sessions_checks();  // a client of many sessions

}  // namespace teleport_peer
