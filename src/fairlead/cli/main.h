// The program `fairlead`: its sub-commands, their output and exit codes (docs/reference/cli.md).
#pragma once

namespace fairlead::cli {

// Does what the command line says and gives the exit code. Called once, by main, before any thread
// is started.
int run(int argc, const char* const* argv);

}  // namespace fairlead::cli
