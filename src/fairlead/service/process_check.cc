// What a start needs beyond what each key may be: files, what the code declared, and how both go
// together. Asked before anything is opened, and of every configuration that is read again, so that
// a program that runs takes none with which it could not be started.
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "fairlead/base/text.h"
#include "fairlead/base/time.h"
#include "fairlead/config/problems.h"
#include "fairlead/io/tls_context.h"
#include "fairlead/service/process.h"

namespace fairlead::service {
namespace {

using Steps = std::vector<std::string>;

// All that is wrong, with its places.
class Mistakes {
 public:
  explicit Mistakes(const config::Document& written) : written_(written) {}

  void add(const Steps& steps, const Status& why) { problems_.add(written_.blame(steps, why)); }
  Status status() const { return problems_.status(); }

 private:
  const config::Document& written_;
  config::Problems problems_;
};

// The messages of TLS begin with the file that they are about.
bool is_about(const Status& why, const std::string& file) {
  return !file.empty() && why.message().starts_with(file + ": ");
}

bool same_files(const io::TlsOptions& one, const io::TlsOptions& other) {
  return one.certificates == other.certificates && one.ca_file == other.ca_file;
}

Status check_plugins(const std::vector<PluginSpec>& plugins, const std::set<std::string>& taken,
                     const config::Document& written) {
  Mistakes mistakes(written);
  std::set<std::string> names = taken;
  for (std::size_t i = 0; i < plugins.size(); ++i) {
    const std::string at = std::to_string(i);
    if (!names.insert(plugins[i].name).second) {
      mistakes.add(
          {"plugins", at, "name"},
          Status(Code::kConflict, "plugin.taken",
                 "there is a plugin '" + escape_text(plugins[i].name) + "' already: use it once"));
    }
    if (plugins[i].check) mistakes.add({"plugins", at, "limits_file"}, plugins[i].check());
  }
  return mistakes.status();
}

Status check_keys(const SecureSpec& spec, const config::Document& written) {
  Mistakes mistakes(written);
  const SecureSpec ours{.keys_file = spec.keys_file};
  const SecureSpec erpc{.erpc_keys_file = spec.erpc_keys_file};
  mistakes.add({"secure", "keys_file"}, read_secure_keys(ours).status());
  mistakes.add({"secure", "erpc_keys_file"}, read_secure_keys(erpc).status());
  return mistakes.status();
}

// What is wrong with the files of listeners, at the key that names the file.
Status blame_tls(const config::Document& written, const io::TlsOptions& options,
                 const Status& why) {
  for (std::size_t i = 0; i < options.certificates.size(); ++i) {
    const io::TlsCertificate& pair = options.certificates[i];
    for (const auto& [key, file] : {std::pair("certificate_file", &pair.certificate_file),
                                    std::pair("key_file", &pair.key_file)}) {
      if (!is_about(why, *file)) continue;
      return written.blame({"tls", "certificates", std::to_string(i), key}, why);
    }
  }
  return written.blame(is_about(why, options.ca_file) ? Steps{"tls", "ca_file"} : Steps{"tls"},
                       why);
}

}  // namespace

Status blame_client_tls(const config::Document& written, const Spec& spec, const std::string& name,
                        const Status& told) {
  // The keeper of certificates put in front what they are for, which the key says here.
  std::string_view text = told.message();
  if (const std::string use = "clients." + name + ": "; text.starts_with(use)) {
    text.remove_prefix(use.size());
  }
  const Status why(told.code(), told.reason(), text);
  const auto own = spec.clients.find(name);
  const auto shared = spec.clients.find("default");
  for (const auto& found : {own, shared}) {
    if (found == spec.clients.end()) continue;
    const ClientTls& tls = found->second.tls;
    for (const auto& [key, file] :
         {std::pair("ca_file", &tls.ca_file), std::pair("certificate_file", &tls.certificate_file),
          std::pair("key_file", &tls.key_file)}) {
      if (is_about(why, *file)) return written.blame({"clients", found->first, "tls", key}, why);
    }
  }
  return written.blame({"clients", name, "tls"}, why);
}

// Certificates that are in use already are read again by the keeper, which stays with the old ones
// where they are no good.
Status Process::check_certificates(const Spec& spec, const config::Document& written) const {
  if (spec.tls.certificates.empty()) return {};
  const Status good = io::TlsContext::make(io::TlsRole::kServer, spec.tls, wall_ms()).status();
  const bool in_use = started() && same_files(spec.tls, spec_.tls);
  if (good.ok() || (in_use && good.reason() != "tls.bad_option")) return {};
  return blame_tls(written, spec.tls, good);
}

Status Process::check_start(const Spec& spec, const config::Document& written) const {
  Mistakes mistakes(written);
  config::Problems all;
  if (!spec.store.empty()) mistakes.add({"store"}, store::check(spec.store));
  for (const auto& [name, told] : spec.pools) {
    mistakes.add({"pools", name}, check_pool(spec, name));
  }
  all.add(mistakes.status());
  all.add(check_certificates(spec, written));
  all.add(check_keys(spec.secure, written));
  all.add(check_plugins(spec.plugins, own_plugins_, written));
  return all.status();
}

Status Process::check_serving(const Spec& spec, const config::Document& written,
                              const Served& how) const {
  Mistakes mistakes(written);
  if (how.nothing) {
    mistakes.add({"listen"}, check_listens_nowhere(spec));
    return mistakes.status();
  }
  mistakes.add({"pid_file"}, runtime::check_pid_file(spec.pid_file));
  if (how.discover && spec.store.empty()) {
    mistakes.add({"store"}, Status(Code::kInvalidOperation, "service.no_store",
                                   "'" + name_ +
                                       "' is to be discovered and no store is set; give --store "
                                       "file:/path/store.db, or do not call discover()"));
  }
  for (std::size_t i = 0; i < spec.plugins.size(); ++i) {
    const std::string& calls = spec.plugins[i].calls;
    const std::vector<std::string> at{"plugins", std::to_string(i), "to"};
    if (calls.find(':') != std::string::npos) {
      mistakes.add(at, check_addresses(spec, calls));
    } else if (!calls.empty() && spec.store.empty()) {
      mistakes.add(at, no_store_for(calls));
    }
  }
  std::vector<ListenPlan> plans;
  const std::vector<ListenSpec> listen = listeners_of(spec, how.otherwise);
  for (std::size_t i = 0; i < listen.size(); ++i) {
    Result<ListenPlan> plan = plan_listener(spec, listen[i]);
    mistakes.add({"listen", std::to_string(i)}, plan.status());
    if (plan.ok()) plans.push_back(*std::move(plan));
  }
  if (how.discover && plans.size() == listen.size()) {
    mistakes.add({"listen"}, called_of(plans).status());
  }
  return mistakes.status();
}

Status Process::check_again(const Spec& whole, const config::Document& written) {
  config::Problems problems;
  problems.add(check_start(whole, written));
  std::optional<Served> served;
  {
    const MutexLock lock(parts_mutex_);
    served = served_;
  }
  if (served.has_value()) problems.add(check_serving(whole, written, *served));
  return problems.status();
}

}  // namespace fairlead::service
