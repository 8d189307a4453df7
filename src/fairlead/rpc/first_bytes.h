// What a connection speaks, told by its first bytes.
//
//   first byte  0x00 .. 0x15  high byte of a frame's length (raw, json, pb, Thrift in THeader)
//               0x16          TLS: a handshake record
//               0x20 .. 0x7E  text: HTTP, whose server says what is wrong if it is no request
//               0x80          Thrift's binary form without a header: 0x80 0x01
//   CR LF                     HTTP: an empty line before a request (RFC 9112 section 2.2)
//   "PRI "                    HTTP/2: no other method has this name (RFC 9113 section 11)
//   offset 4    0x0F 0xFF     THeader: the frame is Thrift's and not one of ours
//   greetings                 of SSH ("SSH-"), SMTP ("EHLO ", "HELO ") and Redis ("*" and a digit):
//                             text that is no HTTP, where HTTP is not all that may come
//
// A reading is taken as soon as it is the only one left: its protocol then says itself what is
// wrong with bytes that only began well. So nothing waits for a byte that cannot change the answer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fairlead::rpc {

// A first frame of so many bytes or more is none: its length would look like TLS or text. Where
// HTTP is spoken, so is one of 0x0D0A0000 to 0x0D0AFFFF (209 MiB): its length begins with CR LF.
inline constexpr std::uint32_t kFirstFrameBytesMax = 0x16000000;
// So many bytes decide, whatever they are.
inline constexpr std::size_t kFirstBytesMax = 6;

// What may come.
struct ExpectedBytes {
  bool frames = false;  // one of raw, json, pb
  bool thrift = false;
  bool http = false;  // HTTP/1 and what is told apart from it: HTTP/2
  bool tls = false;
};

enum class FirstBytes : std::uint8_t {
  kNeedMore,  // several readings are left
  kFrame,
  kThrift,
  kHttp,
  kHttp2,
  kTls,
  kUnknown,  // none is left
};

// Looks at no more than kFirstBytesMax bytes, and never says another thing once it has decided.
// `first`: all that has come.
FirstBytes classify_first_bytes(std::string_view first, ExpectedBytes expected);

// What bytes look like that are kUnknown, and what a person can do: "TLS, and this port has no
// certificate: set tls.certificates". For a log.
std::string describe_first_bytes(std::string_view first);

// Whether `head`, a whole HTTP/1 request head, is of erpc's HTTP form: it has the fields X-Seq and
// X-Mtype, written so. Source: erpc's proto/httproto, which compares them so.
bool is_erpc_http(std::string_view head);

}  // namespace fairlead::rpc
