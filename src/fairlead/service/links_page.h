// The admin page /links: the state of every link of the process, of what it calls, and of itself.
//
//   first core: /links ─► a letter to each core ─► look(): first sessions, counts ─► letter back
//                                └ a core that does not answer within 2 s is shown as that
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "fairlead/admin/server.h"
#include "fairlead/base/result.h"
#include "fairlead/base/time.h"
#include "fairlead/io/core.h"
#include "fairlead/observe/transitions.h"
#include "fairlead/rpc/liveness.h"
#include "fairlead/rpc/peer.h"
#include "fairlead/upstream/service.h"

namespace fairlead::service {

// What is to be shown.
struct LinksQuery {
  static constexpr std::size_t kLimitMax = 1000;
  // A filter that finds little must not hold a core: it looks at so many sessions of each peer.
  static constexpr std::size_t kVisitedMax = 20'000;

  std::size_t limit = 100;                // sessions of each core, 1 .. kLimitMax; the latest
  std::optional<rpc::LinkState> state{};  // only those
};

// "limit=10&state=suspect". Errors: kBadMessage `admin.bad_query`; those of http::proto.
Result<LinksQuery> parse_links_query(std::string_view query);

// One session. Texts may come from outside.
struct LinkRow {
  std::uint64_t id = 0;  // of its peer
  std::string name{};    // in the hub; empty: it has none
  std::string peer{};    // address
  std::string protocol{};
  bool dialled = false;
  std::string_view leaving{};  // "no", "told" (we said so), "peer" (it said so)
  rpc::LinkHealth health{};
  std::size_t calls_out = 0;  // that wait for their replies
  std::size_t calls_in = 0;   // whose handlers run
  std::size_t unsent_bytes = 0;
  Duration age{};
};

// One endpoint of a service that is called, or of a session that comes back.
struct EndpointRow {
  std::string service{};  // its name, or the session's id in the hub
  upstream::EndpointView endpoint{};
};

struct CoreLinks {
  std::size_t sessions = 0;  // all of them
  bool all_visited = true;   // false: the filter looked at kVisitedMax and no further
  std::vector<LinkRow> rows{};
  std::vector<EndpointRow> endpoints{};
};

// The rows of one peer, behind those that are there. `name_of` gives names of sessions; may be
// empty. Thread: the peer's core.
void look_at_links(rpc::Peer& peer, const LinksQuery& query,
                   const std::function<std::string(rpc::Session&)>& name_of, CoreLinks& out);

// The process itself.
struct ProcessState {
  std::string_view name{};   // of the program
  std::string_view phase{};  // "serving", "notice", "draining", "closing"
  std::string upgrade{};     // "none", or what is going on
  std::uint32_t generation = 1;
  std::uint64_t calls_cut = 0;
};

struct LinksSources {
  std::vector<io::Core*> cores{};  // the first one shows the page
  std::function<CoreLinks(std::size_t core, const LinksQuery& query)> look{};  // on that core
  std::function<ProcessState()> process{};                                     // on the first core
  const observe::Transitions* transitions = nullptr;
  Duration patience = std::chrono::seconds(2);  // with a core
};

// nullopt: that core did not answer.
using AllLinks = std::vector<std::optional<CoreLinks>>;

std::string links_json(const ProcessState& process, const AllLinks& links,
                       const std::vector<observe::Transitions::Kept>& transitions);
std::string links_html(const ProcessState& process, const AllLinks& links,
                       const std::vector<observe::Transitions::Kept>& transitions);

// /links, as HTML for those who accept it and else as JSON, and /links.json. The sources live as
// long as the pages.
std::vector<admin::Page> links_pages(LinksSources sources);

}  // namespace fairlead::service
