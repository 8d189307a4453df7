#include "fairlead/io/tls_connection.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "fairlead/base/text.h"
#include "fairlead/io/tls_error.h"
#include "fairlead/io/tls_names.h"
#include "fairlead/io/tls_records.h"

namespace fairlead::io::internal {
namespace {

using namespace std::chrono_literals;

// The most that one record carries; output is given to the library in such pieces.
constexpr std::size_t kRecordBytes = 16384;
// A cut unit longer than this gets a chunk of its own size.
constexpr std::size_t kOwnChunkBytes = 32 * 1024;
// Room behind a long unit for what is decrypted together with its end.
constexpr std::size_t kRoomBehind = 128 * 1024;
// Time for an alert to leave.
constexpr Duration kAlertTimeout = 1s;

constexpr std::string_view kHandshakeCut = "the peer closed the connection in the TLS handshake";
constexpr std::string_view kNeverAnswered =
    "the peer closed the connection without a word of TLS: perhaps it speaks none there";
constexpr std::string_view kCut = "the connection ended without close_notify: what came may be cut";

}  // namespace

// The library reads from the records of the read under way and writes to the output below: nothing
// is copied on the way in, and nothing waits in buffers of its own.
struct TlsConnection::InnerBio {
  static const BIO_METHOD* method() {
    static const BIO_METHOD* const made = [] {
      BIO_METHOD* bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
      FL_CHECK(bio != nullptr);
      BIO_meth_set_read_ex(bio, read);
      BIO_meth_set_write_ex(bio, write);
      BIO_meth_set_ctrl(bio, control);
      return bio;
    }();
    return made;
  }

  static TlsConnection& connection_of(BIO* bio) {
    return *static_cast<TlsConnection*>(BIO_get_data(bio));
  }
  static int read(BIO* bio, char* to, std::size_t size, std::size_t* count) {
    std::string_view& incoming = connection_of(bio).incoming_;
    BIO_clear_retry_flags(bio);
    if (incoming.empty()) {
      BIO_set_retry_read(bio);
      return 0;
    }
    *count = incoming.copy(to, size);
    incoming.remove_prefix(*count);
    return 1;
  }
  static int write(BIO* bio, const char* from, std::size_t size, std::size_t* count) {
    connection_of(bio).inner_->output().append({from, size});
    *count = size;
    return 1;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }
};

TlsConnection::TlsConnection(Core& core, std::unique_ptr<Stream> inner,
                             std::shared_ptr<const TlsContext> context)
    : TlsStream(core),
      inner_(std::move(inner)),
      context_(std::move(context)),
      ssl_(SSL_new(context_->state().context.get())) {
  BIO* const bio = BIO_new(InnerBio::method());
  FL_CHECK(ssl_ != nullptr && bio != nullptr);  // out of memory
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl_.get(), bio, bio);
  if (context_->role() == TlsRole::kServer) SSL_set_accept_state(ssl_.get());
  blocked_ = true;  // output waits for the handshake
}

TlsConnection::~TlsConnection() {
  if (self_ != nullptr) self_->connection = nullptr;
}

// ---- beginning --------------------------------------------------------------------------------

Status TlsConnection::begin_client(const std::string& server_name, Event& settled) {
  FL_CHECK(context_->role() == TlsRole::kClient);
  SSL* const ssl = ssl_.get();
  if (server_name.empty() && context_->state().verify_server) {
    return {Code::kInvalidOperation, "tls.bad_option",
            "the name that the server's certificate must be for is not given"};
  }
  if (!server_name.empty()) {
    X509_VERIFY_PARAM* const checks = SSL_get0_param(ssl);
    X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    const bool is_address = X509_VERIFY_PARAM_set1_ip_asc(checks, server_name.c_str()) == 1;
    ERR_clear_error();
    if (!is_address && (SSL_set1_host(ssl, server_name.c_str()) != 1 ||
                        SSL_set_tlsext_host_name(ssl, server_name.c_str()) != 1)) {
      return {Code::kInvalidOperation, "tls.bad_option",
              "'" + server_name + "' cannot be the name of a server"};
    }
  }
  SSL_set_connect_state(ssl);
  SSL_set_app_data(ssl, static_cast<TlsSessionSink*>(this));
  session_key_ = server_name + " " + inner_->peer().to_text();
  if (const Openssl<SSL_SESSION> session = context_->state().sessions.take(session_key_)) {
    SSL_set_session(ssl, session.get());
  }
  settled_ = &settled;
  core_.timers().arm(*this, core_.now() + context_->state().handshake_timeout);
  inner_->start(*this);
  shake_hands();
  return {};
}

void TlsConnection::abandon() {
  disarm();
  settled_ = nullptr;
  state_ = State::kClosed;
}

void TlsConnection::start(StreamHandler& handler) {
  if (handler_ != nullptr) return hand_over(handler);
  handler_ = &handler;
  if (context_->role() == TlsRole::kServer) {
    core_.timers().arm(*this, core_.now() + context_->state().handshake_timeout);
    inner_->start(*this);
  } else {
    go_on_later();  // what came with the end of the handshake, or that the stream below has died
  }
}

void TlsConnection::hand_over(StreamHandler& handler) {
  FL_CHECK(handler_ != nullptr);
  handler_ = &handler;
  ended_ = false;
  paused_ = false;
  handed_over_ = true;
  if (state_ == State::kOpen) inner_->pause();  // go_on() has it give what is not decrypted yet
  go_on_later();
}

// ---- reading ----------------------------------------------------------------------------------

ReadResult TlsConnection::on_read(const Bytes& input) {
  if (state_ >= State::kFailing || ending_ || (closing_ && state_ == State::kOpen)) {
    return {input.size(), 0};
  }
  const TlsRecords records = scan_tls_records(input.view());
  heard_ = heard_ || records.whole_bytes > 0;
  incoming_ = input.view().substr(0, records.whole_bytes);
  // As with the stream below: what is written meanwhile leaves with this read.
  const bool flush_here = !std::exchange(flush_scheduled_, true);
  advance();
  const std::size_t left = std::exchange(incoming_, {}).size();
  if (records.broken && state_ < State::kFailing) {
    fail(heard_ ? Status(failure_code(), "tls.bad_record", "what came is no TLS record")
                : Status(failure_code(), "tls.not_tls",
                         "TLS is spoken here, and these are " + describe_no_tls(input.view())));
  }
  if (flush_here) {
    flush_scheduled_ = false;
    if (state_ != State::kClosed) flush();
  }
  const bool dropped = state_ >= State::kFailing;
  const ReadResult result{dropped ? input.size() : records.whole_bytes - left,
                          dropped ? 0 : records.wanted};
  // Last, because who waits runs at once.
  if (settled_ != nullptr && state_ != State::kHandshake) std::exchange(settled_, nullptr)->set();
  return result;
}

void TlsConnection::advance() {
  if (incoming_.empty()) return;
  if (state_ == State::kHandshake) shake_hands();
  // A client that has just met its server has no handler yet; the rest comes again when it has.
  if (state_ != State::kOpen || handler_ == nullptr || handed_over_ || paused_ ||
      incoming_.empty()) {
    return;
  }
  decrypt();
}

void TlsConnection::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  const int error = SSL_get_error(ssl_.get(), result);
  if (result != 1 && error != SSL_ERROR_WANT_READ) {
    return fail(tls_error(failure_code(), TlsPhase::kHandshake, ssl_.get()));
  }
  send_below();
  if (result != 1 || state_ != State::kHandshake) return;
  disarm();
  state_ = State::kOpen;
  if (established_ != nullptr) std::exchange(established_, nullptr)();
  if (handler_ == nullptr || paused_) inner_->pause();
  if (output_.empty() && !closing_) {
    blocked_ = false;
  } else {
    flush();
  }
}

// Everything that this read brought, into one chunk.
void TlsConnection::decrypt() {
  make_room(incoming_.size());
  std::size_t filled = rest_bytes_;
  int error = SSL_ERROR_NONE;
  while (error == SSL_ERROR_NONE) {
    ERR_clear_error();
    std::size_t count = 0;
    const int result =
        SSL_read_ex(ssl_.get(), rest_->data() + filled, rest_->capacity() - filled, &count);
    error = SSL_get_error(ssl_.get(), result);
    filled += count;
  }
  Status broken;
  if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_ZERO_RETURN) {
    broken = tls_error(failure_code(), TlsPhase::kOpen, ssl_.get());
  }
  ending_ = error == SSL_ERROR_ZERO_RETURN;
  send_below();  // an answer to an update of keys, or an alert
  if (filled > rest_bytes_) {
    deliver(filled);
  } else if (rest_bytes_ == 0) {
    rest_ = ChunkRef();
  }
  if (!broken.ok()) {
    fail(std::move(broken));
  } else {
    tell_end();
  }
}

// Room for `bytes` behind the rest. What handlers still hold of the old chunk stays theirs.
void TlsConnection::make_room(std::size_t bytes) {
  if (rest_ && rest_->capacity() - rest_bytes_ >= bytes) return;
  ChunkRef bigger(rest_bytes_ + bytes);
  if (rest_bytes_ > 0) std::memcpy(bigger->data(), rest_->data(), rest_bytes_);
  rest_ = std::move(bigger);
}

void TlsConnection::deliver(std::size_t filled) {
  rest_bytes_ = filled;
  const Bytes input(rest_, {rest_->data(), filled});
  const ReadResult result = handler_->on_read(input);
  FL_DCHECK(result.consumed <= input.size());
  if (state_ != State::kClosed) keep_rest(input, result);
}

void TlsConnection::keep_rest(const Bytes& input, ReadResult result) {
  const std::size_t left = input.size() - result.consumed;
  if (left == 0) {
    rest_ = ChunkRef();
    rest_bytes_ = 0;
    return;
  }
  std::size_t wanted = left;
  if (result.wanted > kOwnChunkBytes) wanted = std::max(result.wanted, left) + kRoomBehind;
  if (result.wanted == 0 && left >= kOwnChunkBytes) wanted = left * 2;
  if (result.consumed > 0 || rest_->capacity() < wanted) {
    ChunkRef kept(wanted);
    std::memcpy(kept->data(), input.data() + result.consumed, left);
    rest_ = std::move(kept);
  }
  rest_bytes_ = left;
}

void TlsConnection::tell_end() {
  if (!ending_ || ended_ || handed_over_ || paused_ || closing_ || state_ != State::kOpen) return;
  ended_ = true;
  handler_->on_end();
}

void TlsConnection::pause() {
  paused_ = true;
  if (state_ == State::kOpen) inner_->pause();  // the handshake goes on
}

void TlsConnection::resume() {
  if (!std::exchange(paused_, false) || state_ != State::kOpen) return;
  if (rest_bytes_ > 0 || (ending_ && !ended_)) {
    go_on_later();
  } else {
    inner_->resume();
  }
}

// The handler hears of what is already here in a turn of its own, never inside its own call.
void TlsConnection::go_on_later() {
  if (self_ == nullptr) self_ = std::make_shared<Self>(this);
  core_.post([self = self_] {
    if (self->connection != nullptr) self->connection->go_on();
  });
}

void TlsConnection::go_on() {
  if (state_ == State::kClosed && handler_ != nullptr && !why_.ok()) {
    return handler_->on_close(std::exchange(why_, Status()));
  }
  handed_over_ = false;
  if (state_ != State::kOpen || paused_ || closing_) return;
  inner_->resume();
  if (rest_bytes_ > 0) deliver(rest_bytes_);
  tell_end();
}

// ---- writing ----------------------------------------------------------------------------------

void TlsConnection::flush() {
  if (state_ == State::kHandshake && closing_ && output_.empty()) return inner_->close();
  if (state_ != State::kOpen) return;
  while (!output_.empty()) {
    // wrote() has just sent what it could: the stream below is full and tells when it is not.
    if (inner_->unsent_bytes() >= kFlushBytes) {
      blocked_ = true;
      return;
    }
    std::array<char, kRecordBytes> gathered;
    const std::string_view piece = next_record(gathered);
    ERR_clear_error();
    std::size_t written = 0;
    if (SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &written) != 1) {
      return fail(tls_error(failure_code(), TlsPhase::kOpen, ssl_.get()));
    }
    output_.consume(written);
    send_below();
    if (state_ != State::kOpen) return;
  }
  finish_output();
}

// What one record takes of the output: a piece of it as it lies there, or, where a shared body
// begins or ends, the pieces put together in `gathered`.
std::string_view TlsConnection::next_record(std::span<char> gathered) const {
  std::array<std::string_view, 2> pieces;
  const std::size_t count = output_.gather(pieces);
  if (count == 1 || pieces[0].size() >= gathered.size()) {
    return pieces[0].substr(0, gathered.size());
  }
  return {gathered.data(), output_.copy_front(gathered.data(), gathered.size())};
}

void TlsConnection::finish_output() {
  output_.release();
  if (closing_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    send_below();
    return inner_->close();
  }
  if (std::exchange(blocked_, false) && handler_ != nullptr) handler_->on_sent();
}

void TlsConnection::send_below() {
  if (inner_->unsent_bytes() > 0) inner_->wrote();
}

void TlsConnection::on_sent() {
  if (blocked_ && state_ == State::kOpen) flush();
}

// ---- ending -----------------------------------------------------------------------------------

void TlsConnection::close() {
  if (closing_ || state_ >= State::kFailing) return;
  closing_ = true;
  if (!flush_scheduled_) schedule_flush();
}

void TlsConnection::abort(Status why) {
  FL_CHECK(!why.ok());
  if (state_ == State::kClosed || !why_.ok()) return;
  state_ = State::kFailing;
  why_ = why;
  inner_->abort(std::move(why));
}

// An alert may be in the output below: it leaves before the connection closes.
void TlsConnection::fail(Status why) {
  if (state_ >= State::kFailing) return;
  state_ = State::kFailing;
  why_ = std::move(why);
  core_.timers().arm(*this, core_.now() + kAlertTimeout);
  send_below();
  inner_->close();
}

void TlsConnection::on_end() {
  const bool shaking = state_ == State::kHandshake;
  if (state_ >= State::kFailing || ending_ || (closing_ && !shaking)) return;
  Status why(failure_code(), shaking ? "tls.handshake_cut" : "tls.truncated",
             !shaking  ? kCut
             : !heard_ ? kNeverAnswered
                       : kHandshakeCut);
  state_ = State::kFailing;
  why_ = why;
  inner_->abort(std::move(why));
}

void TlsConnection::on_close(Status status) {
  if (state_ == State::kClosed) return;
  disarm();
  if (!why_.ok()) status = std::exchange(why_, Status());
  if (status.code() == Code::kConnectionClosed && status.code() != failure_code()) {
    status = Status(failure_code(), status.reason(), status.message());
  }
  state_ = State::kClosed;
  rest_ = ChunkRef();
  rest_bytes_ = 0;
  if (handler_ != nullptr) {
    handler_->on_close(std::move(status));  // may ask how much was not sent
    output_.release();
    return;
  }
  why_ = std::move(status);
  if (settled_ != nullptr) std::exchange(settled_, nullptr)->set();
}

void TlsConnection::on_timer() {
  if (state_ == State::kFailing) return inner_->abort(why_);
  state_ = State::kFailing;
  why_ = Status(failure_code(), "tls.timeout", "the TLS handshake took too long");
  inner_->abort(why_);
}

// A client that has no connection yet could not dial.
Code TlsConnection::failure_code() const {
  return context_->role() == TlsRole::kClient && handler_ == nullptr ? Code::kDialFailed
                                                                     : Code::kConnectionClosed;
}

// ---- what was agreed --------------------------------------------------------------------------

void TlsConnection::on_session(Openssl<SSL_SESSION> session) {
  context_->state().sessions.put(session_key_, std::move(session));
}

namespace {

TlsInfo info_of(SSL* ssl) {
  TlsInfo info;
  info.version = SSL_version(ssl) == TLS1_3_VERSION ? TlsVersion::kTls13 : TlsVersion::kTls12;
  info.cipher = SSL_get_cipher_name(ssl);
  info.resumed = SSL_session_reused(ssl) == 1;
  const unsigned char* alpn = nullptr;
  unsigned alpn_size = 0;
  SSL_get0_alpn_selected(ssl, &alpn, &alpn_size);
  if (alpn_size > 0) info.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  if (const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name)) {
    info.server_name = name;
  }
  X509* const certificate = SSL_get0_peer_certificate(ssl);
  if (certificate == nullptr) return info;
  info.peer_subject = subject_of(certificate);
  info.peer_names = names_of(certificate);
  return info;
}

bool is_for(X509* certificate, std::string_view host) {
  return X509_check_host(certificate, host.data(), host.size(), 0, nullptr) == 1;
}

// The same for an address in numbers; nothing else is one.
bool is_for_address(X509* certificate, std::string_view host) {
  std::array<char, 64> text{};  // ended by a zero
  if (host.size() >= text.size()) return false;
  host.copy(text.data(), host.size());
  const bool covered = X509_check_ip_asc(certificate, text.data(), 0) == 1;
  ERR_clear_error();
  return covered;
}

}  // namespace

const TlsInfo& TlsConnection::info() const {
  static const TlsInfo nothing;
  if (info_ != nullptr) return *info_;
  if (!SSL_is_init_finished(ssl_.get())) return nothing;
  info_ = std::make_unique<const TlsInfo>(info_of(ssl_.get()));
  return *info_;
}

bool TlsConnection::speaks_for(std::string_view host) const {
  const char* const named = SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name);
  if (named == nullptr || equals_ignoring_case(named, host)) return true;
  const std::vector<TlsCredential>& credentials = context_->state().credentials;
  X509* const shown = chosen_credential(credentials, named).certificate.get();
  return is_for(shown, host) || is_for_address(shown, host);
}

}  // namespace fairlead::io::internal
