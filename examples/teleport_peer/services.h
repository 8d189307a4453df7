// What the server offers; README.md has the table.
#pragma once

#include <fairlead/fairlead.h>

#include "flags.h"
#include "names.h"

namespace teleport_peer {

// Registers everything that `flags` asks for.
void serve_all(fl::App& app, const Flags& flags);

// Its parts.
void serve_bodies(fl::App& app, const Names& names);    // services_bodies.cc: one per codec
void serve_messages(fl::App& app, const Names& names);  // services_messages.cc: all but the body
void serve_sessions(fl::App& app, const Flags& flags, const Names& names);  // services_sessions.cc
void serve_login(fl::App& app, const std::string& token);

}  // namespace teleport_peer
