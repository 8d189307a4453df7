// The frame around everything that TLS says. Private to the room.
//
//   u8  type: 20 change cipher spec, 21 alert, 22 handshake, 23 application data
//   u16 version, 3.x
//   u16 length of what follows, big-endian
//
// Only whole records are given to the TLS library: a cut one stays with the stream below, so that
// the library holds no half-filled buffers, and bytes that are no TLS are seen at the first of
// them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace fairlead::io::internal {

struct TlsRecords {
  std::size_t whole_bytes = 0;  // records at the front that are all there
  std::size_t wanted = 0;       // bytes that the cut one behind them needs in all; 0: there is none
  bool broken = false;          // what comes behind them is no record
};

// Cost: one look at the head of each record.
TlsRecords scan_tls_records(std::string_view input);

// What bytes look like that came where TLS was spoken: "bytes of HTTP", "bytes of SSH", else the
// first of them in hex.
std::string describe_no_tls(std::string_view input);

}  // namespace fairlead::io::internal
