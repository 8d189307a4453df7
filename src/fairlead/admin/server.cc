#include "fairlead/admin/server.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "fairlead/admin/html.h"
#include "fairlead/admin/request_rules.h"
#include "fairlead/base/check.h"
#include "fairlead/base/json_object.h"
#include "fairlead/base/text.h"
#include "fairlead/http/problem.h"
#include "fairlead/observe/prometheus.h"

namespace fairlead::admin {
namespace {

constexpr std::size_t kBodyBytesMax = std::size_t{1} << 20U;

http::Response answer_for(const http::Request& request, const Status& status) {
  return http::problem_response(status, request.id);
}

bool knows(const Page& page, std::string_view method) {
  const bool get = std::ranges::find(page.methods, "GET") != page.methods.end();
  if (method == "HEAD" && get) return true;
  return std::ranges::find(page.methods, method) != page.methods.end();
}

std::string allowed_methods(const Page& page) {
  std::string list;
  for (const std::string& method : page.methods) {
    if (!list.empty()) list += ", ";
    list += method;
    if (method == "GET") list += ", HEAD";
  }
  return list;
}

// A page that cannot be opened is no link.
void append_link(std::string& out, const Page& page) {
  std::string path;
  append_html(path, page.path);
  if (!knows(page, "GET")) {
    out += path;
    return;
  }
  out.append("<a href=\"").append(path).append("\">").append(path).append("</a>");
}

Page plain_page(std::string path, std::string title,
                std::function<Result<http::Response>(http::Request&)> function) {
  return {.path = std::move(path),
          .title = std::move(title),
          .handler = http::plain_handler(std::move(function))};
}

}  // namespace

Status check_loopback(const io::Address& address) {
  if (address.is_loopback()) return {};
  return Status(Code::kBadMessage, "admin.not_loopback",
                address.to_text() +
                    " can be reached from other machines; choose a loopback address, as in "
                    "127.0.0.1:9901");
}

std::unique_ptr<Server> Server::make(io::Core& core, const observe::Registry& registry,
                                     Options options) {
  http::ServerOptions http_options{.body_bytes_max = kBodyBytesMax, .metrics = options.metrics};
  std::unique_ptr<Server> server(new Server(registry, std::move(options)));
  Server* self = server.get();
  auto made = http::Server::make(core, http_options,
                                 [self](http::Request& request) { return self->answer(request); });
  server->http_ = std::move(made).value();  // the options are ours
  server->add_own_pages();
  return server;
}

Server::Server(const observe::Registry& registry, Options options)
    : registry_(registry), options_(std::move(options)) {}

Result<io::Address> Server::listen(const io::Address& address) {
  if (!options_.allow_outside) FL_TRY(check_loopback(address));
  return http_->listen(address);
}

void Server::add_check(std::string name, Check check) {
  FL_CHECK(check != nullptr);
  checks_.insert_or_assign(std::move(name), std::move(check));
}

void Server::remove_check(std::string_view name) {
  if (const auto found = checks_.find(name); found != checks_.end()) checks_.erase(found);
}

void Server::add_page(Page page) {
  FL_CHECK(page.path.starts_with('/') && page.handler != nullptr && !page.methods.empty());
  std::string path = page.path;
  const bool added = pages_.emplace(std::move(path), std::move(page)).second;
  FL_CHECK(added);
}

void Server::remove_page(std::string_view path) {
  if (const auto found = pages_.find(path); found != pages_.end()) pages_.erase(found);
}

Task<Status> Server::close(Deadline deadline) { return http_->close(deadline); }

Task<Result<http::Response>> Server::answer(http::Request& request) {
  if (!options_.allow_outside && !is_own_host(request.authority)) {
    const Status status(static_cast<Code>(421), "admin.wrong_host",
                        "this listener answers to IP addresses and localhost");
    co_return answer_for(request, status);
  }
  const auto found = pages_.find(request.path);
  if (found == pages_.end()) co_return answer_for(request, unknown_page(request.path));
  if (!knows(found->second, request.method)) {
    const Status status(Code::kKindNotAllowed, "admin.method",
                        "this page knows " + allowed_methods(found->second));
    http::Response response = answer_for(request, status);
    response.fields.add("Allow", allowed_methods(found->second));
    co_return response;
  }
  if (!only_reads(request.method)) {
    const Status allowed = check_write(request);
    if (!allowed.ok()) {
      http::Response response = answer_for(request, allowed);
      if (response.status == 415) response.fields.add("Accept", "application/json");
      co_return response;
    }
  }
  // The page may be removed while it answers: its handler is copied for that long.
  const http::Handler handler = found->second.handler;
  Task<Result<http::Response>> task = handler(request);
  Result<http::Response> result = co_await std::move(task);
  if (result.ok() && !result->fields.find("Cache-Control")) {
    result->fields.add("Cache-Control", "no-store");
  }
  co_return result;
}

Status Server::unknown_page(std::string_view path) const {
  std::vector<std::string_view> names;
  names.reserve(pages_.size());
  for (const auto& [name, page] : pages_) names.push_back(name);
  const std::string_view near = nearest_name(path, names);
  const std::string hint = near.empty() ? "; / lists them" : "; did you mean " + std::string(near);
  return Status(Code::kNotFound, "admin.unknown_page", "no page " + escape_text(path) + hint);
}

void Server::add_own_pages() {
  add_page(plain_page("/", "This list.", [this](const http::Request&) { return show_index(); }));
  add_page(plain_page("/healthz", "Is the process alive?",
                      [](const http::Request&) { return http::Response::text(200, "ok\n"); }));
  add_page(plain_page("/readyz", "Can it take requests?",
                      [this](const http::Request&) { return show_readiness(); }));
  add_page(
      plain_page("/metrics", "What it counts, as Prometheus text.", [this](const http::Request&) {
        return http::Response::typed(200, observe::kPrometheusContentType,
                                     observe::prometheus_text(registry_));
      }));
}

http::Response Server::show_index() const {
  std::string html = html_head("Pages", options_.name) + "<ul>\n";
  for (const auto& [path, page] : pages_) {
    html += "<li>";
    append_link(html, page);
    html += ' ';
    append_html(html, page.title);
    html += "</li>\n";
  }
  html.append("</ul>").append(kHtmlEnd);
  return html_response(html);
}

// {"ready":false,"checks":[{"name":"store","ready":false,"reason":"...","message":"..."}]}
http::Response Server::show_readiness() const {
  bool ready = true;
  std::vector<std::pair<std::string_view, Status>> results;
  for (const auto& [name, check] : checks_) {
    results.emplace_back(name, check());
    ready = ready && results.back().second.ok();
  }
  JsonObject document;
  document.boolean("ready", ready).list("checks", results, [](const auto& result, JsonObject& one) {
    const auto& [name, status] = result;
    one.text("name", name).boolean("ready", status.ok());
    if (!status.ok()) one.text("reason", status.reason()).text("message", status.message());
  });
  return http::Response::json(ready ? 200 : 503, document.str() + '\n');
}

}  // namespace fairlead::admin
