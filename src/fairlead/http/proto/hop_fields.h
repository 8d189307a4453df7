// HopFields: which fields of a message are of one connection, and end there.
#pragma once

#include <string_view>

#include "fairlead/http/proto/fields_view.h"

namespace fairlead::http::proto {

// Whether a field is about the connection on which it came, by its name alone: Connection,
// Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade, Proxy-Authenticate,
// Proxy-Authentication-Info and Proxy-Authorization (RFC 9110 section 7.6.1; the last three
// sections 11.7.1 to 11.7.3: who is in the middle asks and is answered). Ignores case.
bool is_hop_field(std::string_view name);

// The same of one message, whose Connection may name more. Who passes a message on leaves out what
// holds() is true of, and adds its own fields behind that: a sender who names one of these in
// Connection only removes what it has sent itself.
//
// Lifetime: borrows the table. Cost: one look at each field; of a message with Connection as many
// again for each question.
class HopFields {
 public:
  explicit HopFields(FieldsView fields);
  bool holds(std::string_view name) const { return is_hop_field(name) || names(name); }
  // Whether Connection names it; for who has asked is_hop_field() already.
  bool names(std::string_view name) const;

 private:
  const FieldsView fields_;
  const bool named_;  // there is a Connection
};

}  // namespace fairlead::http::proto
