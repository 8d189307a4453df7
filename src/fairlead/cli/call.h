// `fairlead call` and `fairlead push`: one message to a service, from the command line.
#pragma once

#include <string>

#include "fairlead/base/result.h"
#include "fairlead/cli/arguments.h"
#include "fairlead/cli/exit_code.h"
#include "fairlead/cli/output.h"
#include "fairlead/rpc/pending_call.h"
#include "fairlead/upstream/service.h"

namespace fairlead::cli {

ExitCode run_call(const CallArguments& arguments, const Output& output);
ExitCode run_push(const CallArguments& arguments, const Output& output);

// What the arguments ask to send. Reads standard input or a file when they say so, up to
// 8 MiB. Errors: kBadMessage `usage.bad_body` (missing, unreadable, too large).
Result<upstream::RawRequest> request_of(const CallArguments& arguments);

// The document of --json:
//   {"ok":true,"codec":"json","metadata":[{"key":"a","value":"1"}],"body":{"quotient":5}}
// A body in JSON stands as it is; other text as a string; other bytes as "body_base64".
std::string reply_document(const rpc::Reply& reply);

}  // namespace fairlead::cli
