// Cancellation: a CancelSource asks, everybody who holds its CancelToken hears it.
#pragma once

#include <cstdint>
#include <utility>

namespace fairlead {

class CancelToken;

namespace internal {

// What source, tokens and registrations share. Counted without atomics: one core.
struct CancelState;
void retain(CancelState* state);
void release(CancelState* state);

}  // namespace internal

// Something that wants to hear of a cancellation. Destroying it unregisters it.
class CancelListener {
 public:
  CancelListener() = default;
  CancelListener(const CancelListener&) = delete;
  CancelListener& operator=(const CancelListener&) = delete;

  // Calls on_cancel() when `token` is cancelled; at most once. True: it is cancelled already, and
  // on_cancel() will not be called.
  bool listen(const CancelToken& token);
  void forget();

 protected:
  ~CancelListener() { forget(); }

 private:
  friend class CancelSource;
  virtual void on_cancel() = 0;

  internal::CancelState* state_ = nullptr;
  CancelListener* next_ = nullptr;
  CancelListener** link_ = nullptr;
};

// Copyable. A default token is never cancelled and costs nothing.
// Thread: the source's core.
class CancelToken {
 public:
  CancelToken() = default;
  CancelToken(const CancelToken& other) : CancelToken(other.state_) {}
  CancelToken(CancelToken&& other) noexcept : state_(std::exchange(other.state_, nullptr)) {}
  CancelToken& operator=(CancelToken other) noexcept {
    std::swap(state_, other.state_);
    return *this;
  }
  ~CancelToken() {
    if (state_ != nullptr) internal::release(state_);
  }

  bool cancelled() const;
  bool can_be_cancelled() const { return state_ != nullptr; }

 private:
  friend class CancelSource;
  friend class CancelListener;
  explicit CancelToken(internal::CancelState* state) : state_(state) {
    if (state_ != nullptr) internal::retain(state_);
  }

  internal::CancelState* state_ = nullptr;
};

// Thread: one core. Destroying the source does not cancel.
class CancelSource {
 public:
  CancelSource();
  CancelSource(CancelSource&& other) noexcept;  // `other` may only be destroyed then
  CancelSource(const CancelSource&) = delete;
  CancelSource& operator=(const CancelSource&) = delete;
  ~CancelSource();

  CancelToken token() const { return CancelToken(state_); }
  bool cancelled() const;
  // Tells every listener, in any order. Idempotent.
  void cancel();

 private:
  internal::CancelState* state_;
};

}  // namespace fairlead
