// The service manager, systemd or who speaks as it does: what it is told, and the sockets that it
// gives.
//
// Source: the manual pages sd_notify(3) and sd_listen_fds(3), whose protocols are promised to stay.
#pragma once

#include <string_view>
#include <vector>

#include "fairlead/base/result.h"
#include "fairlead/io/listening_sockets.h"

namespace fairlead::runtime {

// Sends lines such as "READY=1" to the socket that NOTIFY_SOCKET names; without that variable it
// does nothing. Best effort: who cannot be told is not waited for. Any thread.
void notify_manager(std::string_view lines);

// The sockets of socket activation: of LISTEN_FDS, when LISTEN_PID is this process. They are lent.
// Takes the variables away, so that programs that we start do not see them: call it once, before
// there are threads. Errors: kInvalidOperation `listen.bad_socket`: the number makes no sense.
Result<std::vector<io::ListeningSockets::Socket>> take_manager_sockets();

}  // namespace fairlead::runtime
