// TlsKeeper: the certificates of a process, read at its start and again when their files change.
//
//   add() ─► TlsHolder ─► listeners, callers          a thread of its own: every 10 s, or when
//              ▲                                      asked (HUP): changed files ─► reload()
//              └──────────────── look() ◄────────────┘
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "fairlead/base/mutex.h"
#include "fairlead/base/result.h"
#include "fairlead/io/tls_holder.h"
#include "fairlead/observe/metrics.h"
#include "fairlead/observe/transitions.h"

namespace fairlead::service::internal {

// What tells whether a file is still the one that was read. All zero: it is not there.
struct FileStamp {
  std::int64_t changed_ns = 0;
  std::int64_t bytes = 0;
  std::uint64_t inode = 0;
  bool operator==(const FileStamp&) const = default;
};
FileStamp stamp_of(const std::string& path);

// A reload that fails keeps what is in use and is tried again at the next look; why is logged when
// it is new, and again every day (`tls.not_reloaded`). What a person should know of a certificate
// is logged as `tls.warning` when it is read; that it ends within 14 days, and that it has ended,
// when that becomes true and again every day (`tls.expires_soon`, warn; `tls.expired`, error).
// Metrics, by `use`: fairlead_tls_certificate_expires_seconds (since 1970, the first that ends; 0:
//   it is not used any more),
//   fairlead_tls_reloads_total, fairlead_tls_reloads_failed_total.
// Thread: any, every method. Lifetime: outlives whoever uses its holders.
class TlsKeeper {
 public:
  static constexpr Duration kLookInterval = std::chrono::seconds(10);

  // `transitions`: hears when what is in use becomes old or current; null: nobody does.
  explicit TlsKeeper(observe::Registry& metrics, observe::Transitions* transitions = nullptr)
      : metrics_(metrics), transitions_(transitions) {}
  ~TlsKeeper();
  TlsKeeper(const TlsKeeper&) = delete;
  TlsKeeper& operator=(const TlsKeeper&) = delete;

  // Reads the files (this blocks). `use` names them in errors, log and metrics: "tls",
  // "clients.math". Who asks for the same options twice gets the same holder, under its first name.
  // It is looked after for as long as somebody has it.
  // Errors: those of io::TlsContext::make() with `use` in front; those of observe::Registry.
  Result<std::shared_ptr<const io::TlsHolder>> add(io::TlsRole role, std::string use,
                                                   io::TlsOptions options, std::int64_t wall_ms)
      FL_EXCLUDES(mutex_);

  // TlsOptions::handshake_timeout of all that listeners have, from their next reload on.
  void update_handshake_timeout(Duration timeout) FL_EXCLUDES(mutex_);

  // Starts the thread. Called once. Errors: those of start_thread().
  Status start();
  // Ends it, after what it is doing. Idempotent.
  void stop() FL_EXCLUDES(asked_mutex_);
  // Called first on that thread when somebody asks: what else is read from files. False: something
  // is wrong with that, and certificates are left alone, too. Before start().
  void ask_first(std::function<bool()> reload) { first_ = std::move(reload); }
  // Called last on that thread when somebody asked, with what is wrong with certificates. Before
  // start().
  void tell_last(std::function<void(std::vector<Status>)> told) { last_ = std::move(told); }
  // Everything is read again soon, changed or not.
  void ask() FL_EXCLUDES(asked_mutex_);
  // Reads again what has changed, or everything. This blocks.
  void look(bool everything, std::int64_t wall_ms) FL_EXCLUDES(mutex_);

 private:
  // What was said last of something that may last, and when.
  struct Told {
    std::string what{};
    std::int64_t at_ms = 0;

    // Whether it is to be said now: it is new, or a day has passed.
    bool is_due(std::string_view now_what, std::int64_t wall_ms);
  };
  struct Kept {
    io::TlsRole role;
    std::string use;
    io::TlsOptions options;
    std::vector<std::string> files;
    std::vector<FileStamp> stamps;  // taken before the files were read
    std::shared_ptr<io::TlsHolder> holder;
    observe::Gauge expires_seconds;
    observe::Counter reloads;
    observe::Counter failures;
    Told failure;
    Told end;
    std::string_view state = "current";  // or "old": its files are no good; "expiring", "expired"
  };

  static std::vector<FileStamp> stamps_of(const std::vector<std::string>& files);
  void tell(Kept& kept, std::int64_t wall_ms);
  std::vector<Status> look_at_all(bool everything, std::int64_t wall_ms) FL_EXCLUDES(mutex_);
  void drop_unused() FL_REQUIRES(mutex_);
  Status reload(Kept& kept, std::vector<FileStamp> stamps, bool asked, std::int64_t wall_ms);
  void become(Kept& kept, std::string_view state, std::string_view reason,
              std::string_view evidence);
  void watch_the_end(Kept& kept, std::int64_t wall_ms);
  Result<std::unique_ptr<Kept>> make(io::TlsRole role, std::string use, io::TlsOptions options,
                                     std::int64_t wall_ms);
  void run();

  observe::Registry& metrics_;
  observe::Transitions* const transitions_;
  Mutex mutex_;
  std::vector<std::unique_ptr<Kept>> kept_ FL_GUARDED_BY(mutex_);
  Mutex asked_mutex_;  // never held while files are read: a core asks
  bool asked_ FL_GUARDED_BY(asked_mutex_) = false;
  bool ending_ FL_GUARDED_BY(asked_mutex_) = false;
  CondVar changed_;
  std::function<bool()> first_;
  std::function<void(std::vector<Status>)> last_;
  std::thread thread_;
};

}  // namespace fairlead::service::internal
