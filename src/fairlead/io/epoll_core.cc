#include "fairlead/io/epoll_core.h"

#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "fairlead/async/event.h"
#include "fairlead/io/socket_listener.h"
#include "fairlead/io/socket_stream.h"
#include "fairlead/io/system_calls.h"

namespace fairlead::io {

Result<std::unique_ptr<Core>> Core::make(CoreOptions options) {
  internal::Descriptor epoll(epoll_create1(EPOLL_CLOEXEC));
  internal::Descriptor wake_up(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!epoll.valid() || !wake_up.valid()) {
    return Status(Code::kInternal, "core.no_epoll",
                  "the system gives no descriptor for an event loop (" +
                      std::string(std::strerror(errno)) + "); raise the limit: ulimit -n");
  }
  return std::unique_ptr<Core>(
      std::make_unique<internal::EpollCore>(std::move(epoll), std::move(wake_up), options));
}

namespace internal {
namespace {

constexpr std::uint64_t kAcceptorTag = 1;  // in epoll_data; pointers are even

Status dial_error(const Address& address, int error) {
  std::string_view reason = "dial.failed";
  if (error == ECONNREFUSED || error == ENOENT) reason = "dial.refused";
  return Status(Code::kDialFailed, reason,
                "cannot connect to " + address.to_text() + ": " + std::strerror(error) +
                    (reason == "dial.refused" ? " (nobody listens there)" : ""));
}

// One connect under way: wakes its event when the socket became writable or failed.
class Dialing final : public Watcher {
 public:
  void on_events(std::uint32_t) override { done.set(); }
  Event done;
};

class ReadableWatch final : public Disposable, private Watcher {
 public:
  ReadableWatch(EpollCore& core, int fd, std::function<void()> ready)
      : core_(core), fd_(fd), ready_(std::move(ready)) {}
  ~ReadableWatch() override {
    if (active_) core_.remove(fd_);
  }
  bool start() { return active_ = core_.add(fd_, EPOLLIN | EPOLLET, *this); }

 private:
  void on_events(std::uint32_t) override { ready_(); }

  EpollCore& core_;
  const int fd_;
  std::function<void()> ready_;
  bool active_ = false;
};

}  // namespace

class EpollCore::Lingerer final : private Watcher, private Timer {
 public:
  Lingerer(EpollCore& core, Descriptor socket, ConnectionPass pass)
      : core_(core), pass_(std::move(pass)), socket_(std::move(socket)) {}
  ~Lingerer() { core_.remove(socket_.get()); }
  bool start() {
    core_.timers().arm(*this, core_.now() + std::chrono::seconds(1));
    return core_.add(socket_.get(), EPOLLIN | EPOLLRDHUP | EPOLLET, *this);
  }

 private:
  void on_timer() override { end(); }
  void on_events(std::uint32_t) override {
    char dropped[16 * 1024];
    constexpr std::size_t kDroppedBytesMax = 1024 * 1024;
    while (true) {
      const ssize_t count = recv(socket_.get(), dropped, sizeof(dropped), 0);
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) return end();
      dropped_ += static_cast<std::size_t>(count);
      if (dropped_ > kDroppedBytesMax) return end();
    }
  }
  void end() {  // destroys this object when the turn ends
    disarm();
    struct Dying final : Disposable {
      std::unique_ptr<Lingerer> lingerer;
    };
    auto dying = std::make_unique<Dying>();
    const auto me = std::ranges::find(core_.lingerers_, this, &std::unique_ptr<Lingerer>::get);
    if (me == core_.lingerers_.end()) return;
    dying->lingerer = std::move(*me);
    core_.lingerers_.erase(me);
    core_.dispose(std::move(dying));
  }

  EpollCore& core_;
  ConnectionPass pass_;  // ends after the descriptor
  Descriptor socket_;
  std::size_t dropped_ = 0;
};

EpollCore::EpollCore(Descriptor epoll, Descriptor wake_up, CoreOptions options)
    : Core(steady_now()),
      epoll_(std::move(epoll)),
      wake_up_(std::move(wake_up)),
      spin_(options.spin),
      sockets_(options.sockets),
      events_(static_cast<std::size_t>(kEventsMax)) {
  epoll_event event{};
  event.events = EPOLLIN | EPOLLET;  // edge-triggered: the counter need not be read
  event.data.ptr = nullptr;
  FL_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_up_.get(), &event) == 0);
}

EpollCore::~EpollCore() {
  shut_down();
  lingerers_.clear();
}

std::int64_t EpollCore::wall_ms() const { return fairlead::wall_ms(); }

bool EpollCore::add(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

void EpollCore::modify(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &watcher;
  FL_CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0);
}

void EpollCore::remove(int fd) { epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr); }

bool EpollCore::add_acceptor(int fd, std::uint32_t events, Watcher& watcher) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = reinterpret_cast<std::uintptr_t>(&watcher) | kAcceptorTag;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) != 0) return false;
  ++acceptors_;
  return true;
}

void EpollCore::remove_acceptor(int fd) {
  remove(fd);
  --acceptors_;
}

// Runs the acceptors among the events of this turn, and takes them out.
void EpollCore::run_acceptors(int events) {
  for (int i = 0; i < events; ++i) {
    epoll_event& event = events_[static_cast<std::size_t>(i)];
    if ((event.data.u64 & kAcceptorTag) == 0) continue;
    const std::uintptr_t watcher = event.data.u64 & ~kAcceptorTag;
    event.data.ptr = nullptr;
    reinterpret_cast<Watcher*>(watcher)->on_events(event.events);
  }
}

void EpollCore::forget_again(Watcher& watcher) {
  if (!again_.empty() && again_.back() == &watcher)
    return again_.pop_back();  // it changed its mind
  std::ranges::replace(again_, &watcher, static_cast<Watcher*>(nullptr));
  std::ranges::replace(running_again_, &watcher, static_cast<Watcher*>(nullptr));
}

EpollCore::ReadSpace EpollCore::read_space() {
  if (read_chunk_ && read_chunk_->unique()) [[likely]] {
#ifndef NDEBUG
    std::memset(read_chunk_->data() + read_used_, 0xDB, read_filled_);  // as Chunk does at its end
#endif
    read_used_ = read_filled_ = 0;
    return {read_chunk_, read_chunk_->data(), read_chunk_->capacity()};
  }
  read_used_ += read_filled_;  // views of the last read are still held
  read_filled_ = 0;
  if (!read_chunk_ || read_chunk_->capacity() - read_used_ < kReadBytesMin) {
    read_chunk_ = ChunkRef(kReadChunkBytes);
    read_used_ = 0;
  }
  return {read_chunk_, read_chunk_->data() + read_used_, read_chunk_->capacity() - read_used_};
}

// Looks for events until something comes, the spin's limit is over or somebody needs the CPU.
int EpollCore::look(Deadline deadline) {
  const Time begin = read_clock();
  const Deadline until = earlier(deadline, Deadline::after(begin, spin_.limit()));
  for (Time before = begin; !until.passed(before);) {
    const int count = wait_for_events(epoll_.get(), events_.data(), kEventsMax, 0);
    if (count != 0) {
      spin_.found();
      return count;
    }
    const Time after = read_clock();
    if (spin_.disturbed(after - before, after)) return 0;
    before = after;
  }
  spin_.missed();
  return 0;
}

[[gnu::always_inline]] inline int EpollCore::wait(Deadline deadline) {
  if (!again_.empty() || deadline.passed(now())) {
    return wait_for_events(epoll_.get(), events_.data(), kEventsMax, 0);
  }
  Time begin = now();
  if (spin_.enabled()) {
    if (spin_.wanted(begin)) {
      const int count = look(deadline);
      if (count != 0) return count;
    }
    begin = read_clock();
  }
  int timeout_ms = -1;
  if (deadline.is_set()) {
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(deadline.remaining(begin));
    timeout_ms = static_cast<int>(std::min<std::int64_t>(wait.count(), 3'600'000));
  }
  const int count = wait_for_events(epoll_.get(), events_.data(), kEventsMax, timeout_ms);
  if (spin_.enabled()) spin_.slept(read_clock() - begin);
  return count;
}

void EpollCore::poll(Deadline deadline) {
  const int count = wait(deadline);
  FL_CHECK(count >= 0 || errno == EINTR);
  update_now();
  if (acceptors_ > 0) run_acceptors(count);
  // Who asks for another turn while events are given gets it in the next one.
  const bool some_again = !again_.empty();
  if (some_again) running_again_.swap(again_);
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events_[static_cast<std::size_t>(i)];
    if (event.data.ptr != nullptr) static_cast<Watcher*>(event.data.ptr)->on_events(event.events);
  }
  if (!some_again) return;
  for (Watcher*& watcher : running_again_) {  // forget_again() may null what is still to come
    if (watcher != nullptr) watcher->on_again();
  }
  running_again_.clear();
}

void EpollCore::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_up_.get(), &one, sizeof(one));
}

Result<std::unique_ptr<Listener>> EpollCore::listen(const Address& address, ListenOptions options,
                                                    AcceptHandler handler) {
  return SocketListener::open(*this, address, std::move(options), std::move(handler));
}

Task<Result<std::unique_ptr<Stream>>> EpollCore::connect(Address address, Deadline deadline,
                                                         CancelToken cancel) {
  Descriptor socket(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) co_return dial_error(address, errno);
  if (!address.is_unix()) set_tcp_options(socket.get());
  if (::connect(socket.get(), address.get(), address.length()) != 0) {
    if (errno != EINPROGRESS) co_return dial_error(address, errno);
    Dialing dialing;
    if (!add(socket.get(), EPOLLOUT | EPOLLET, dialing)) co_return dial_error(address, errno);
    Status waited = co_await dialing.done.wait(timers(), deadline, std::move(cancel));
    remove(socket.get());
    if (waited.code() == Code::kDeadlineExceeded) {
      co_return Status(Code::kDialFailed, "dial.timeout",
                       "no answer from " + address.to_text() + " in time");
    }
    if (!waited.ok()) co_return waited;
    int error = 0;
    socklen_t length = sizeof(error);
    getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) co_return dial_error(address, error);
  }
  co_return std::unique_ptr<Stream>(std::make_unique<SocketStream>(*this, std::move(socket)));
}

Result<std::unique_ptr<Disposable>> EpollCore::watch_readable(int fd, std::function<void()> ready) {
  auto watch = std::make_unique<ReadableWatch>(*this, fd, std::move(ready));
  if (!watch->start()) {
    return Status(Code::kInvalidOperation, "watch.failed",
                  "cannot watch descriptor " + std::to_string(fd) + ": " + std::strerror(errno));
  }
  return std::unique_ptr<Disposable>(std::move(watch));
}

void EpollCore::linger(Descriptor socket, ConnectionPass pass) {
  auto lingerer = std::make_unique<Lingerer>(*this, std::move(socket), std::move(pass));
  if (lingerer->start()) lingerers_.push_back(std::move(lingerer));
}

}  // namespace internal
}  // namespace fairlead::io
