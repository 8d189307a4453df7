#include "fairlead/runtime/predecessor.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "fairlead/base/text.h"
#include "fairlead/runtime/hand_over.h"

namespace fairlead::runtime {
namespace {

// It was sent before this process was started.
constexpr Duration kHandOverPatience = std::chrono::seconds(1);

Status called_off() {
  return Status(Code::kCancelled, "upgrade.called_off",
                "the process before this one goes on serving: this one ends");
}

}  // namespace

Result<std::unique_ptr<Predecessor>> Predecessor::find() {
  const char* const told = std::getenv(kUpgradeVariable);
  if (told == nullptr) return std::unique_ptr<Predecessor>();
  const std::optional<std::uint64_t> number = parse_uint64(told);
  ::unsetenv(kUpgradeVariable);
  const int control = number.has_value() && *number <= 1'000'000 ? static_cast<int>(*number) : -1;
  if (::fcntl(control, F_SETFD, FD_CLOEXEC) != 0) {
    return Status(Code::kInvalidOperation, "upgrade.bad_hand_over",
                  std::string(kUpgradeVariable) + " is set and names no descriptor that is open");
  }
  Result<HandOver> received = receive_hand_over(control, kHandOverPatience);
  if (!received.ok()) {
    ::close(control);
    return received.status();
  }
  return std::unique_ptr<Predecessor>(new Predecessor(control, *std::move(received)));
}

Predecessor::Predecessor(int control, HandOver hand_over)
    : control_(control),
      generation_(hand_over.generation),
      instance_(std::move(hand_over.instance)),
      sockets_(std::move(hand_over.sockets)) {}

Predecessor::~Predecessor() {
  for (const io::ListeningSockets::Socket& socket : sockets_) ::close(socket.descriptor);
  ::close(control_);
}

std::vector<io::ListeningSockets::Socket> Predecessor::take_sockets() {
  return std::exchange(sockets_, {});
}

Task<Status> Predecessor::take_over(io::Core& core, Duration patience) {
  // A turn, in which the core hears the signals that have come: who is to end must not be given
  // way.
  FL_CO_TRY(co_await Sleep(core.timers(), core.deadline_after(Duration::zero())));
  if (heard_.is_set()) co_return called_off();
  FL_CO_TRY_ASSIGN(std::unique_ptr<io::Disposable> watch,
                   core.watch_readable(control_, [this] { heard_.set(); }));
  Status waited;
  if (send_word(control_, kReady)) {
    waited = co_await heard_.wait(core.timers(), core.deadline_after(patience));
  }
  // It may be what woke us. And it must go before the descriptor: while the old process holds a
  // copy of that one, closing it here ends no watch.
  FL_CO_TRY(co_await Sleep(core.timers(), core.deadline_after(Duration::zero())));
  watch.reset();
  bool gone = false;
  std::string word = receive_word(control_, {}, gone);
  if (word.empty() && !gone) {
    // Nothing can be said from here on; what was said meanwhile stands.
    ::shutdown(control_, SHUT_RD);
    bool ended = false;
    word = receive_word(control_, {}, ended);
  }
  if (word == kGo || gone) co_return Status();
  if (!waited.ok()) co_return called_off().with_context("it said nothing in time");
  co_return called_off();
}

}  // namespace fairlead::runtime
