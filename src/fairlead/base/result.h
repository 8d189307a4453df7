// Result<T>: a value or a Status that is not OK. And the macros that pass errors on.
#pragma once

#include <concepts>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

#include "fairlead/base/check.h"
#include "fairlead/base/status.h"

namespace fairlead {

// Converts from T and from Status. value() on an error, and a Result made of an OK Status, are
// bugs and end the process.
template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  // NOLINTBEGIN(google-explicit-constructor): `return value;` and `return status;` must read
  // plainly
  Result(Status status) : status_(std::move(status)) { FL_CHECK(!status_.ok()); }
  template <class U = T>
    requires(std::constructible_from<T, U &&> && !std::same_as<std::remove_cvref_t<U>, Result> &&
             !std::same_as<std::remove_cvref_t<U>, Status>)
  Result(U&& value) {
    std::construct_at(&value_, std::forward<U>(value));
  }
  // NOLINTEND(google-explicit-constructor)
  Result(const Result& other)
    requires std::copy_constructible<T>
      : status_(other.status_) {
    if (status_.ok()) std::construct_at(&value_, other.value_);
  }
  Result(Result&& other) noexcept(std::is_nothrow_move_constructible_v<T>)
      : status_(other.status_.ok() ? Status() : std::move(other.status_)) {
    if (status_.ok())
      std::construct_at(&value_, std::move(other.value_));
    else
      other.status_ = status_;  // a moved-from error is still an error
  }
  Result& operator=(Result other) noexcept(std::is_nothrow_move_constructible_v<T>) {
    std::destroy_at(this);
    std::construct_at(this, std::move(other));
    return *this;
  }
  ~Result() {
    if (status_.ok()) std::destroy_at(&value_);
  }

  bool ok() const { return status_.ok(); }
  explicit operator bool() const { return ok(); }
  const Status& status() const { return status_; }  // OK when there is a value

  T& value() & { return FL_CHECK(ok()), value_; }
  const T& value() const& { return FL_CHECK(ok()), value_; }
  T&& value() && { return FL_CHECK(ok()), std::move(value_); }
  T value_or(T fallback) && { return ok() ? std::move(value_) : std::move(fallback); }
  T value_or(T fallback) const& { return ok() ? value_ : std::move(fallback); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  Status status_;
  union {
    T value_;
  };
};

// Result without a value, for generic code.
template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;
  Result() = default;
  Result(Status status) : status_(std::move(status)) {}  // NOLINT(google-explicit-constructor)
  bool ok() const { return status_.ok(); }
  explicit operator bool() const { return ok(); }
  const Status& status() const { return status_; }
  void value() const { FL_CHECK(ok()); }

 private:
  Status status_;
};

namespace internal {
inline Status take_status(Status status) { return status; }
template <class T>
Status take_status(Result<T>&& result) {
  return result.status();
}
}  // namespace internal

}  // namespace fairlead

#define FL_INTERNAL_CAT2(a, b) a##b
#define FL_INTERNAL_CAT(a, b) FL_INTERNAL_CAT2(a, b)
#define FL_INTERNAL_TRY(returns, name, expr)                      \
  do {                                                            \
    if (auto name = (expr); !name.ok())                           \
      returns ::fairlead::internal::take_status(std::move(name)); \
  } while (false)
#define FL_INTERNAL_TRY_ASSIGN(returns, name, target, expr) \
  auto name = (expr);                                       \
  if (!name.ok()) returns name.status();                    \
  target = std::move(name).value()

// Returns the error of `expr` (Status or Result) from the function, or goes on.
#define FL_TRY(expr) FL_INTERNAL_TRY(return, FL_INTERNAL_CAT(fl_try_, __LINE__), expr)
// FL_TRY_ASSIGN(auto x, expr): declares x with the value of the Result, or returns its error.
#define FL_TRY_ASSIGN(target, ...) \
  FL_INTERNAL_TRY_ASSIGN(return, FL_INTERNAL_CAT(fl_try_, __LINE__), target, (__VA_ARGS__))
// The same in coroutines. `expr` may begin with co_await.
#define FL_CO_TRY(...)                                   \
  auto FL_INTERNAL_CAT(fl_try_, __LINE__) = __VA_ARGS__; \
  if (!FL_INTERNAL_CAT(fl_try_, __LINE__).ok())          \
  co_return ::fairlead::internal::take_status(std::move(FL_INTERNAL_CAT(fl_try_, __LINE__)))
#define FL_CO_TRY_ASSIGN(target, ...)                      \
  auto FL_INTERNAL_CAT(fl_try_, __LINE__) = __VA_ARGS__;   \
  if (!FL_INTERNAL_CAT(fl_try_, __LINE__).ok())            \
    co_return FL_INTERNAL_CAT(fl_try_, __LINE__).status(); \
  target = std::move(FL_INTERNAL_CAT(fl_try_, __LINE__)).value()
