#include "fairlead/service/caller_identity.h"

#include <algorithm>
#include <string>

#include "fairlead/base/check.h"

namespace fairlead::service::internal {

void remember_caller(rpc::SessionValues& values, const io::TlsInfo& info) {
  if (info.peer_subject.empty() && info.peer_names.empty()) return;
  std::string names;
  for (const std::string& name : info.peer_names) {
    const auto breaks = [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; };
    if (name.empty() || std::ranges::any_of(name, breaks)) continue;
    names.append(names.empty() ? "" : " ").append(name);
  }
  // The session is new: there is room.
  FL_CHECK(values.set(kCallerSubject, info.peer_subject).ok());
  FL_CHECK(values.set(kCallerNames, names).ok());
}

}  // namespace fairlead::service::internal
