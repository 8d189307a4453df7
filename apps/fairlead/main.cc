// The program `fairlead`. Everything it does is in the room cli.
#include "fairlead/cli/main.h"

int main(int argc, char** argv) { return fairlead::cli::run(argc, argv); }
