// Caller: how the checks call the server, and Expect: how they say what is wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fairlead/base/text.h>
#include <fairlead/codec/codec.h>
#include <fairlead/fairlead.h>

#include "flags.h"
#include "heartbeat.h"
#include "names.h"

namespace teleport_peer {

// One PUSH that the server sent to us.
struct Notice {
  std::string body{};
  std::string i{};
  std::uint8_t codec = 0;

  bool operator==(const Notice&) const = default;
};

// Thread: the client's one core. Lifetime: the visit that it is made for (client.cc).
class Caller {
 public:
  explicit Caller(const Flags& flags) : flags_(flags), names_(flags.mapper) {}

  // Once, before the first call.
  void set_client(fl::RawClient client) { client_ = client; }

  // A CALL with the filters of the command line, unless `words` say others.
  template <class... Words>
  fl::Task<fl::Result<fl::Reply>> call(std::string_view method, fl::CodecId codec,
                                       std::string_view body, Words... words) const {
    return client_->call(method, fl::Bytes(body), fl::with_codec(codec), fl::within(flags_.timeout),
                         fl::with_transforms(flags_.filters), std::move(words)...);
  }
  template <class... Words>
  fl::Task<fl::Status> push(std::string_view method, fl::CodecId codec, std::string_view body,
                            Words... words) const {
    return client_->push(method, fl::Bytes(body), fl::with_codec(codec), fl::within(flags_.timeout),
                         fl::with_transforms(flags_.filters), std::move(words)...);
  }

  const fl::RawClient& client() const { return *client_; }
  const Flags& flags() const { return flags_; }
  const Names& names() const { return names_; }
  std::vector<Notice>& notices() { return notices_; }  // what the server pushed, oldest first
  Heart& heart() { return heart_; }

 private:
  std::optional<fl::RawClient> client_{};
  const Flags& flags_;
  Names names_;
  std::vector<Notice> notices_{};
  Heart heart_{};
};

// A value in a FAIL line.
template <class T>
std::string shown(const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::is_arithmetic_v<T>) {
    return std::to_string(value);
  } else if constexpr (std::is_convertible_v<T, std::string_view>) {
    return "\"" + fl::escape_text(value) + "\"";
  } else {
    fl::Buffer text;
    const fl::Status written = fl::codec::encode(fl::CodecId::kJson, value, text);
    return written.ok() ? fl::escape_text(text.view()) : std::string("?");
  }
}

inline constexpr std::string_view kDiffers = "check.differs";

inline fl::Status differs(std::string_view what) {
  return fl::Status(fl::Code::kInvalidOperation, kDiffers, what);
}

// OK when they are equal. Errors: kInvalidOperation `check.differs`.
template <class T>
fl::Status expect(std::string_view what, const T& got, const std::type_identity_t<T>& want) {
  if (got == want) return {};
  return differs(std::string(what) + ": got " + shown(got) + ", want " + shown(want));
}

inline fl::Status expect_codec(const fl::Reply& reply, fl::CodecId want) {
  return expect("codec of the reply", reply.body_codec, static_cast<std::uint8_t>(want));
}

// The reply is this status, with this cause: nullptr for none.
fl::Status expect_status(const fl::Result<fl::Reply>& reply, std::int32_t code,
                         std::string_view message, const char* cause = nullptr);

// Sends `argument` in `codec` and reads the reply, which must come in the codec `wanted`.
template <class Answer, class Argument, class... Words>
fl::Task<fl::Result<Answer>> ask_for(fl::CodecId wanted, const Caller& caller, std::string method,
                                     fl::CodecId codec, Argument argument, Words... words) {
  fl::Buffer body;
  FL_CO_TRY(fl::codec::encode(codec, argument, body));
  auto call = caller.call(method, codec, body.view(), std::move(words)...);
  FL_CO_TRY_ASSIGN(const fl::Reply reply, co_await call);
  FL_CO_TRY(expect_codec(reply, wanted));
  co_return fl::codec::decode<Answer>(wanted, reply.body);
}
// The same where the reply comes in the codec of the argument.
template <class Answer, class Argument, class... Words>
fl::Task<fl::Result<Answer>> ask(const Caller& caller, std::string method, fl::CodecId codec,
                                 Argument argument, Words... words) {
  return ask_for<Answer>(codec, caller, std::move(method), codec, std::move(argument),
                         std::move(words)...);
}

// The number of a call on its session. It grows as long as the session is the same.
fl::Task<fl::Result<std::int64_t>> number_of_call(const Caller& caller);
// OK when the session is still that in which `before` was given, and it serves.
fl::Task<fl::Status> expect_same_session(const Caller& caller, std::int64_t before);

}  // namespace teleport_peer
