#include "fairlead/service/tls_keeper.h"

#include <sys/stat.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "fairlead/base/start_thread.h"
#include "fairlead/base/time.h"
#include "fairlead/observe/log.h"

namespace fairlead::service::internal {
namespace {

constexpr std::int64_t kDayMs = std::int64_t{24} * 3600 * 1000;
constexpr std::int64_t kSoonMs = 14 * kDayMs;
constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

std::vector<std::string> files_of(const io::TlsOptions& options) {
  std::vector<std::string> files;
  for (const io::TlsCertificate& pair : options.certificates) {
    files.push_back(pair.certificate_file);
    files.push_back(pair.key_file);
  }
  if (!options.ca_file.empty()) files.push_back(options.ca_file);
  return files;
}

std::string certificates_of(const io::TlsOptions& options) {
  std::string files;
  for (const io::TlsCertificate& pair : options.certificates) {
    files.append(files.empty() ? "" : ", ").append(pair.certificate_file);
  }
  return files;
}

// "" while there is time.
std::string_view end_state(std::int64_t ends_ms, std::int64_t wall_ms) {
  if (ends_ms == kNever || ends_ms - wall_ms > kSoonMs) return {};
  return ends_ms <= wall_ms ? "expired" : "expiring";
}

}  // namespace

bool TlsKeeper::Told::is_due(std::string_view now_what, std::int64_t wall_ms) {
  if (what == now_what && wall_ms - at_ms < kDayMs) return false;
  what = now_what;
  at_ms = wall_ms;
  return true;
}

FileStamp stamp_of(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return {};
  return {.changed_ns = std::int64_t{info.st_mtim.tv_sec} * 1'000'000'000 + info.st_mtim.tv_nsec,
          .bytes = info.st_size,
          .inode = info.st_ino};
}

TlsKeeper::~TlsKeeper() { stop(); }

void TlsKeeper::stop() {
  {
    const MutexLock lock(asked_mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Result<std::shared_ptr<const io::TlsHolder>> TlsKeeper::add(io::TlsRole role, std::string use,
                                                            io::TlsOptions options,
                                                            std::int64_t wall_ms) {
  using Shared = std::shared_ptr<const io::TlsHolder>;
  const MutexLock lock(mutex_);
  for (const auto& kept : kept_) {
    if (kept->role == role && kept->options == options) return Shared(kept->holder);
  }
  FL_TRY_ASSIGN(std::unique_ptr<Kept> kept,
                make(role, std::move(use), std::move(options), wall_ms));
  kept_.push_back(std::move(kept));
  return Shared(kept_.back()->holder);
}

Result<std::unique_ptr<TlsKeeper::Kept>> TlsKeeper::make(io::TlsRole role, std::string use,
                                                         io::TlsOptions options,
                                                         std::int64_t wall_ms) {
  auto kept = std::make_unique<Kept>();
  kept->files = files_of(options);
  kept->stamps = stamps_of(kept->files);
  Result<std::unique_ptr<io::TlsHolder>> holder = io::TlsHolder::make(role, options, wall_ms);
  if (!holder.ok()) {
    const Status& why = holder.status();
    return Status(why.code(), why.reason(), use + ": " + std::string(why.message()));
  }
  kept->holder = *std::move(holder);
  kept->role = role;
  kept->options = std::move(options);
  kept->use = std::move(use);
  const observe::Label label{"use", kept->use};
  if (kept->holder->current()->expires_ms() != kNever) {
    FL_TRY_ASSIGN(kept->expires_seconds,
                  metrics_.gauge({"fairlead_tls_certificate_expires_seconds",
                                  "When the first certificate of ours ends, since 1970."},
                                 {label}));
  }
  FL_TRY_ASSIGN(kept->reloads, metrics_.counter({"fairlead_tls_reloads_total",
                                                 "Times that certificates were read again."},
                                                {label}));
  FL_TRY_ASSIGN(
      kept->failures,
      metrics_.counter({"fairlead_tls_reloads_failed_total",
                        "Times that certificates were no good when read again; the old ones stay."},
                       {label}));
  tell(*kept, wall_ms);
  return kept;
}

std::vector<FileStamp> TlsKeeper::stamps_of(const std::vector<std::string>& files) {
  std::vector<FileStamp> stamps;
  for (const std::string& file : files) stamps.push_back(stamp_of(file));
  return stamps;
}

// What was read: its warnings, which tell of its end too, and its end.
void TlsKeeper::tell(Kept& kept, std::int64_t wall_ms) {
  const std::shared_ptr<const io::TlsContext> context = kept.holder->current();
  for (const io::TlsWarning& warning : context->warnings()) {
    FL_LOG(warn, "tls.warning", {"use", kept.use}, {"reason", warning.reason},
           {"message", warning.message});
  }
  if (context->expires_ms() != kNever) kept.expires_seconds.set(context->expires_ms() / 1000);
  const std::string_view state = end_state(context->expires_ms(), wall_ms);
  kept.end = {.what = std::string(state), .at_ms = wall_ms};
  if (!state.empty()) become(kept, state, "read", certificates_of(kept.options));
}

Status TlsKeeper::reload(Kept& kept, std::vector<FileStamp> stamps, bool asked,
                         std::int64_t wall_ms) {
  const Status reloaded = kept.holder->reload(wall_ms);
  if (!reloaded.ok()) {
    kept.failures.add();
    if (kept.failure.is_due(reloaded.message(), wall_ms) || asked) {
      FL_LOG(error, "tls.not_reloaded", {"use", kept.use}, {"reason", reloaded.reason()},
             {"message", reloaded.message()});
    }
    become(kept, "old", reloaded.reason(), reloaded.message());
    return Status(reloaded.code(), reloaded.reason(),
                  kept.use + ": " + std::string(reloaded.message()));
  }
  kept.stamps = std::move(stamps);
  kept.failure = {};
  kept.reloads.add();
  FL_LOG(info, "tls.reloaded", {"use", kept.use});
  become(kept, "current", "reloaded", {});
  tell(kept, wall_ms);
  return {};
}

// A certificate that was good when it was read grows old.
void TlsKeeper::watch_the_end(Kept& kept, std::int64_t wall_ms) {
  const std::int64_t ends_ms = kept.holder->current()->expires_ms();
  const std::string_view state = end_state(ends_ms, wall_ms);
  if (state.empty() || !kept.end.is_due(state, wall_ms)) return;
  const std::string files = certificates_of(kept.options);
  if (state == "expired") {
    FL_LOG(error, "tls.expired", {"use", kept.use}, {"files", files},
           {"days", (wall_ms - ends_ms) / kDayMs});
    return become(kept, state, "tls.expired", files);
  }
  FL_LOG(warn, "tls.expires_soon", {"use", kept.use}, {"files", files},
         {"days", (ends_ms - wall_ms) / kDayMs});
  become(kept, state, "tls.expires_soon", files);
}

void TlsKeeper::become(Kept& kept, std::string_view state, std::string_view reason,
                       std::string_view evidence) {
  const std::string_view before = std::exchange(kept.state, state);
  if (before == state && reason != "reloaded") return;
  if (transitions_ == nullptr) return;
  // The log has its own line already.
  transitions_->tell(observe::LogLevel::kDebug, {.event = "tls.state",
                                                 .name = kept.use,
                                                 .from = before,
                                                 .to = state,
                                                 .reason = reason,
                                                 .evidence = evidence});
}

void TlsKeeper::update_handshake_timeout(Duration timeout) {
  const MutexLock lock(mutex_);
  for (const auto& kept : kept_) {
    if (kept->role != io::TlsRole::kServer) continue;
    kept->options.handshake_timeout = timeout;
    kept->holder->update_handshake_timeout(timeout);
  }
}

void TlsKeeper::look(bool everything, std::int64_t wall_ms) {
  std::vector<Status> wrong;
  if (!everything || !first_ || first_()) wrong = look_at_all(everything, wall_ms);
  if (everything && last_) last_(std::move(wrong));
}

// What is wrong with them.
std::vector<Status> TlsKeeper::look_at_all(bool everything, std::int64_t wall_ms) {
  std::vector<Status> wrong;
  const MutexLock lock(mutex_);
  drop_unused();
  for (const auto& kept : kept_) {
    std::vector<FileStamp> stamps = stamps_of(kept->files);
    if (everything || stamps != kept->stamps) {
      Status reloaded = reload(*kept, std::move(stamps), everything, wall_ms);
      if (!reloaded.ok()) wrong.push_back(std::move(reloaded));
    }
    watch_the_end(*kept, wall_ms);
  }
  return wrong;
}

// Clients may be given other certificates while the program runs; the files of those before may be
// gone, and nobody wants to hear that.
void TlsKeeper::drop_unused() {
  for (std::size_t i = kept_.size(); i-- > 0;) {
    if (kept_[i]->holder.use_count() > 1) continue;  // nobody else gives it out
    const std::unique_ptr<Kept> unused = std::move(kept_[i]);
    kept_.erase(kept_.begin() + static_cast<std::ptrdiff_t>(i));
    if (std::ranges::none_of(kept_, [&](const auto& kept) { return kept->use == unused->use; })) {
      unused->expires_seconds.set(0);
    }
  }
}

Status TlsKeeper::start() {
  FL_TRY_ASSIGN(thread_, start_thread("fl-tls-keeper", [this] { run(); }));
  return {};
}

void TlsKeeper::ask() {
  {
    const MutexLock lock(asked_mutex_);
    asked_ = true;
  }
  changed_.notify_all();
}

void TlsKeeper::run() {
  while (true) {
    bool everything = false;
    {
      const MutexLock lock(asked_mutex_);
      const auto next = std::chrono::steady_clock::now() + kLookInterval;
      while (!ending_ && !asked_ && changed_.wait_until(asked_mutex_, next)) {
      }
      if (ending_) return;
      everything = std::exchange(asked_, false);
    }
    look(everything, wall_ms());
  }
}

}  // namespace fairlead::service::internal
