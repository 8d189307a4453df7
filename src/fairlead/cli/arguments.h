// Arguments: the command line, read. The only user of CLI11.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/codec/codec.h"
#include "fairlead/service/network_spec.h"

namespace fairlead::cli {

// `fairlead call` and `fairlead push`.
struct CallArguments {
  std::string target{};  // service, or addresses
  std::string method{};
  std::optional<std::string> body{};  // as written: text, "-", "@file"
  std::vector<std::string> meta{};    // "key=value"
  Duration timeout = std::chrono::seconds(5);
  codec::CodecId codec = codec::CodecId::kJson;
  std::string store{};
  // Of addresses also the protocol; TLS is required of them when any option of it is given.
  service::ClientOptions client{};
  std::string transforms{};  // ids
};

// `fairlead up` and `fairlead gateway`.
struct RunArguments {
  std::string config = "fairlead.yaml";
  std::vector<std::string> settings{};
  std::string log_level{};
  bool check = false;
};

// `fairlead wire check`.
struct WireCheckArguments {
  std::string file{};  // "-": standard input
};

// `fairlead upgrade`: one of the two is given.
struct UpgradeArguments {
  std::string pid{};
  std::string pid_file{};
  Duration timeout = std::chrono::seconds(60);
};

struct Arguments {
  enum class Command : unsigned char {
    kHelp,
    kVersion,
    kCall,
    kPush,
    kGateway,
    kUp,
    kUpgrade,
    kWireCheck,
  };

  Command command = Command::kHelp;
  std::string help{};  // of kHelp: the text
  bool json = false;
  CallArguments call{};
  RunArguments run{};
  UpgradeArguments upgrade{};
  WireCheckArguments wire_check{};
};

// Reads argv. Errors: kBadMessage `usage.bad_arguments`, which name the word, the nearest one that
// would be right, and where help is.
Result<Arguments> read_arguments(int argc, const char* const* argv);

// True when `--json` stands anywhere: errors of the command line are told as a document then.
bool wants_json(int argc, const char* const* argv);

}  // namespace fairlead::cli
