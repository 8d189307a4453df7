#include "fairlead/service/links_page.h"

#include <chrono>
#include <utility>

#include "fairlead/admin/html.h"
#include "fairlead/async/event.h"
#include "fairlead/base/json_object.h"
#include "fairlead/base/text.h"
#include "fairlead/http/proto/target.h"
#include "fairlead/rpc/session.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;

Status bad_query(std::string_view text) {
  return Status(Code::kBadMessage, "admin.bad_query", text);
}

LinkRow row_of(rpc::Session& session, Time now) {
  return {.id = session.id(),
          .peer = session.peer_address().to_text(),
          .protocol = std::string(session.protocol_name()),
          .dialled = session.dialled(),
          .leaving = session.leaving() ? "peer" : (session.going_announced() ? "told" : "no"),
          .health = session.health(),
          .calls_out = session.calls_waiting(),
          .calls_in = session.handlers_running(),
          .unsent_bytes = session.unsent_bytes(),
          .age = now - session.opened_at()};
}

// ---- asking the cores

struct Gathering {
  explicit Gathering(std::size_t cores) : parts(cores), missing(cores) {}
  AllLinks parts;
  std::size_t missing;
  Event complete;
};
using Sources = std::shared_ptr<const LinksSources>;

void ask(const std::shared_ptr<Gathering>& gathering, const Sources& sources, std::size_t number,
         const LinksQuery& query) {
  sources->cores[number]->post([gathering, sources, number, query] {
    const auto part = std::make_shared<CoreLinks>(sources->look(number, query));
    sources->cores.front()->post([gathering, number, part] {
      gathering->parts[number] = std::move(*part);
      if (--gathering->missing == 0) gathering->complete.set();
    });
  });
}

bool accepts_html(const http::Request& request) {
  const auto accept = request.fields.find("Accept");
  return accept.has_value() && accept->find("text/html") != std::string_view::npos;
}

Task<Result<http::Response>> show(Sources sources, std::string query_text, bool html,
                                  CancelToken cancelled) {
  FL_CO_TRY_ASSIGN(const LinksQuery query, parse_links_query(query_text));
  io::Core& core = *sources->cores.front();
  const auto gathering = std::make_shared<Gathering>(sources->cores.size());
  for (std::size_t i = 0; i < sources->cores.size(); ++i) ask(gathering, sources, i, query);
  const Deadline deadline = core.deadline_after(sources->patience);
  Status all = co_await gathering->complete.wait(core.timers(), deadline, cancelled);
  if (all.code() == Code::kCancelled) co_return all;
  const auto transitions = sources->transitions->recent();
  if (html) {
    co_return admin::html_response(links_html(sources->process(), gathering->parts, transitions));
  }
  co_return http::Response::json(200,
                                 links_json(sources->process(), gathering->parts, transitions));
}

admin::Page page_of(std::string path, std::string title, const Sources& sources, bool html_too) {
  const auto handler = [sources, html_too](http::Request& request) {
    return show(sources, request.query, html_too && accepts_html(request), request.cancelled);
  };
  return {.path = std::move(path), .title = std::move(title), .handler = handler};
}

// ---- JSON, and the numbers of both forms

std::string number(std::uint64_t value) { return std::to_string(value); }
std::string ms(Duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count());
}
std::string us(Duration time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::microseconds>(time).count());
}

void fill_row(const LinkRow& row, JsonObject& object) {
  object.number("id", row.id)
      .text("name", row.name)
      .text("peer", row.peer)
      .text("protocol", row.protocol)
      .boolean("dialled", row.dialled)
      .text("leaving", row.leaving)
      .text("state", rpc::link_state_name(row.health.state))
      .number("missed", row.health.missed)
      .raw("silent_ms", ms(row.health.silent_for))
      .raw("rtt_us", us(row.health.rtt))
      .number("calls_out", row.calls_out)
      .number("calls_in", row.calls_in)
      .number("unsent_bytes", row.unsent_bytes)
      .raw("age_ms", ms(row.age));
}

void fill_endpoint(const EndpointRow& row, JsonObject& object) {
  object.text("service", row.service)
      .text("endpoint", row.endpoint.address)
      .text("state", to_text(row.endpoint.state))
      .number("sessions", row.endpoint.sessions)
      .number("failures", row.endpoint.failures)
      .raw("wait_ms", ms(row.endpoint.wait_left))
      .number("dials", row.endpoint.dials)
      .boolean("recovered", row.endpoint.recovered)
      .text("last_error", row.endpoint.last_error);
}

void fill_transition(const observe::Transitions::Kept& kept, JsonObject& object) {
  object.number("number", kept.number)
      .number("wall_ms", kept.wall_ms)
      .text("component", kept.component)
      .text("name", kept.name)
      .text("from", kept.from)
      .text("to", kept.to)
      .text("reason", kept.reason)
      .text("evidence", kept.evidence);
}

// ---- HTML

// A table, one row after the other; every cell is escaped.
class HtmlTable {
 public:
  HtmlTable(std::string& out, std::string_view title,
            std::initializer_list<std::string_view> columns)
      : out_(out) {
    out_ += "<h2>";
    admin::append_html(out_, title);
    out_ += "</h2>\n<table border=\"1\" cellpadding=\"4\" cellspacing=\"0\">\n<tr>";
    for (const std::string_view column : columns) cell("th", column);
    out_ += "</tr>\n";
  }
  HtmlTable(const HtmlTable&) = delete;
  HtmlTable& operator=(const HtmlTable&) = delete;
  ~HtmlTable() { out_ += "</table>\n"; }

  void row(std::initializer_list<std::string_view> cells) {
    out_ += "<tr>";
    for (const std::string_view text : cells) cell("td", text);
    out_ += "</tr>\n";
  }

 private:
  void cell(std::string_view tag, std::string_view text) {
    out_.append("<").append(tag).append(">");
    admin::append_html(out_, text);
    out_.append("</").append(tag).append(">");
  }
  std::string& out_;
};

void append_sessions_table(const AllLinks& links, std::string& out) {
  HtmlTable table(
      out, "Sessions, the latest of each core",
      {"core", "id", "name", "peer", "protocol", "direction", "state", "missed", "silent ms",
       "rtt us", "calls out", "calls in", "unsent bytes", "age s", "leaving"});
  for (std::size_t core = 0; core < links.size(); ++core) {
    if (!links[core].has_value()) continue;
    for (const LinkRow& row : links[core]->rows) {
      table.row({number(core), number(row.id), row.name, row.peer, row.protocol,
                 row.dialled ? "dialled" : "accepted", rpc::link_state_name(row.health.state),
                 number(row.health.missed), ms(row.health.silent_for), us(row.health.rtt),
                 number(row.calls_out), number(row.calls_in), number(row.unsent_bytes),
                 std::to_string(row.age / 1s), row.leaving});
    }
  }
}

void append_endpoints_table(const AllLinks& links, std::string& out) {
  HtmlTable table(out, "Endpoints of services that are called, and of sessions that come back",
                  {"core", "service or session", "endpoint", "state", "sessions", "failures",
                   "wait ms", "dials", "recovered", "reason"});
  for (std::size_t core = 0; core < links.size(); ++core) {
    if (!links[core].has_value()) continue;
    for (const EndpointRow& row : links[core]->endpoints) {
      table.row({number(core), row.service, row.endpoint.address, to_text(row.endpoint.state),
                 number(row.endpoint.sessions), number(row.endpoint.failures),
                 ms(row.endpoint.wait_left), number(row.endpoint.dials),
                 row.endpoint.recovered ? "yes" : "no", row.endpoint.last_error});
    }
  }
}

void append_cores_table(const AllLinks& links, std::string& out) {
  HtmlTable table(out, "Cores", {"core", "sessions", "shown", "all looked at"});
  for (std::size_t core = 0; core < links.size(); ++core) {
    if (links[core].has_value()) {
      table.row({number(core), number(links[core]->sessions), number(links[core]->rows.size()),
                 links[core]->all_visited ? "yes" : "no"});
    } else {
      table.row({number(core), "does not answer", "", ""});
    }
  }
}

}  // namespace

Result<LinksQuery> parse_links_query(std::string_view query) {
  LinksQuery out;
  FL_TRY_ASSIGN(const std::vector<http::proto::QueryPair> pairs, http::proto::parse_query(query));
  for (const auto& [name, value] : pairs) {
    if (name == "limit") {
      out.limit = static_cast<std::size_t>(parse_uint64(value).value_or(0));
      if (out.limit < 1 || out.limit > LinksQuery::kLimitMax) {
        return bad_query("limit is a number from 1 to " + number(LinksQuery::kLimitMax));
      }
    } else if (name == "state") {
      using enum rpc::LinkState;
      for (const rpc::LinkState state : {kAlive, kSuspect, kDead}) {
        if (rpc::link_state_name(state) == value) out.state = state;
      }
      if (!out.state.has_value()) return bad_query("state is alive, suspect or dead");
    } else {
      return bad_query("this page knows limit=N and state=alive|suspect|dead");
    }
  }
  return out;
}

void look_at_links(rpc::Peer& peer, const LinksQuery& query,
                   const std::function<std::string(rpc::Session&)>& name_of, CoreLinks& out) {
  out.sessions += peer.session_count();
  const Time now = peer.core().now();
  std::size_t visited = 0;
  peer.visit_sessions([&](rpc::Session& session) {
    if (out.rows.size() >= query.limit) return false;
    if (++visited > LinksQuery::kVisitedMax) {
      out.all_visited = false;
      return false;
    }
    if (session.side() == rpc::Session::Side::kServing) return true;  // no connection
    if (query.state.has_value() && session.health().state != *query.state) return true;
    out.rows.push_back(row_of(session, now));
    if (name_of) out.rows.back().name = name_of(session);
    return true;
  });
}

std::string links_json(const ProcessState& process, const AllLinks& links,
                       const std::vector<observe::Transitions::Kept>& transitions) {
  std::size_t core = 0;
  const auto fill_core = [&core](const std::optional<CoreLinks>& part, JsonObject& object) {
    object.number("core", core++).boolean("answered", part.has_value());
    if (!part.has_value()) return;
    object.number("sessions", part->sessions)
        .boolean("all_visited", part->all_visited)
        .list("links", part->rows, fill_row)
        .list("endpoints", part->endpoints, fill_endpoint);
  };
  JsonObject document;
  document.text("name", process.name)
      .text("phase", process.phase)
      .text("upgrade", process.upgrade)
      .number("generation", process.generation)
      .number("calls_cut", process.calls_cut)
      .list("cores", links, fill_core)
      .list("transitions", transitions, fill_transition);
  return document.str() + '\n';
}

std::string links_html(const ProcessState& process, const AllLinks& links,
                       const std::vector<observe::Transitions::Kept>& transitions) {
  std::string out = admin::html_head("Links", process.name);
  {
    HtmlTable table(out, "Process", {"phase", "upgrade", "generation", "calls cut"});
    table.row(
        {process.phase, process.upgrade, number(process.generation), number(process.calls_cut)});
  }
  append_cores_table(links, out);
  append_sessions_table(links, out);
  append_endpoints_table(links, out);
  const std::int64_t now_ms = wall_ms();
  {
    HtmlTable table(out, "Changes of state, the latest first",
                    {"number", "s ago", "component", "name", "from", "to", "reason", "evidence"});
    for (const observe::Transitions::Kept& kept : transitions) {
      table.row({number(kept.number), std::to_string((now_ms - kept.wall_ms) / 1000),
                 kept.component, kept.name, kept.from, kept.to, kept.reason, kept.evidence});
    }
  }
  return out += admin::kHtmlEnd;
}

std::vector<admin::Page> links_pages(LinksSources sources) {
  const auto shared = std::make_shared<const LinksSources>(std::move(sources));
  std::vector<admin::Page> pages;
  pages.push_back(page_of("/links", "Every link, endpoint and change of state.", shared, true));
  pages.push_back(page_of("/links.json", "The same as JSON.", shared, false));
  return pages;
}

}  // namespace fairlead::service
