// SessionWatcher: hears which sessions a peer has, and may hang something of its own on each.
#pragma once

#include "fairlead/base/status.h"

namespace fairlead::rpc {

class Session;

// What a watcher keeps of a session: Session::mark(). Others may hold it too and outlive the
// session.
class SessionMark {
 public:
  SessionMark() = default;
  SessionMark(const SessionMark&) = delete;
  SessionMark& operator=(const SessionMark&) = delete;
  virtual ~SessionMark() = default;
};

// PeerOptions::watcher. Thread: called on the core of each peer that has it, so on several at the
// same time. Lifetime: outlives those peers.
class SessionWatcher {
 public:
  // A session that was accepted is open: nobody asked it for a login, or that has ended well. Not
  // told of those that were dialled, whom the caller of dial() has, nor of requests of HTTP.
  virtual void on_open(Session& session) = 0;
  // A session with a mark has begun to end (Session::ending()), after its LeavingHandler; a second
  // time where it becomes old after its peer has said that it goes away.
  virtual void on_leaving(Session& /*session*/) {}
  // A session with a mark can no longer be used: once, after its ClosedHandler. Its values can
  // still be read; it dies at the end of this turn.
  virtual void on_end(Session& session, const Status& why) = 0;

 protected:
  ~SessionWatcher() = default;
};

}  // namespace fairlead::rpc
