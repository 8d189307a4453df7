// The message that benchmarks of RPC frameworks have sent each other since protobuf's own: 37
// fields that make 581 bytes. Its only repeated field, 5, is empty there and left out here.
#pragma once

#include <cstdint>
#include <string>

#include <fairlead/fairlead.h>

namespace teleport_peer {

struct HelloMessage {
  std::string field1{}, field4{}, field7{}, field9{}, field18{}, field102{}, field103{}, field129{};
  std::int32_t field2 = 0, field3 = 0, field6 = 0, field16 = 0, field23 = 0, field25 = 0,
               field29 = 0, field60 = 0, field67 = 0, field68 = 0, field100 = 0, field101 = 0,
               field104 = 0, field128 = 0, field130 = 0, field131 = 0, field150 = 0, field271 = 0,
               field272 = 0, field280 = 0;
  std::int64_t field22 = 0;
  bool field12 = false, field13 = false, field14 = false, field17 = false, field24 = false,
       field30 = false, field59 = false, field78 = false, field80 = false, field81 = false;

  bool operator==(const HelloMessage&) const = default;
};
FL_STRUCT(HelloMessage, (1, field1), (2, field2), (3, field3), (4, field4), (6, field6),
          (7, field7), (9, field9), (12, field12), (13, field13), (14, field14), (16, field16),
          (17, field17), (18, field18), (22, field22), (23, field23), (24, field24), (25, field25),
          (29, field29), (30, field30), (59, field59), (60, field60), (67, field67), (68, field68),
          (78, field78), (80, field80), (81, field81), (100, field100), (101, field101),
          (102, field102), (103, field103), (104, field104), (128, field128), (129, field129),
          (130, field130), (131, field131), (150, field150), (271, field271), (272, field272),
          (280, field280))

// Every text the same, every number 100000, everything true.
inline HelloMessage benchmark_message() {
  HelloMessage message;
  for (std::string HelloMessage::* text :
       {&HelloMessage::field1, &HelloMessage::field4, &HelloMessage::field7, &HelloMessage::field9,
        &HelloMessage::field18, &HelloMessage::field102, &HelloMessage::field103,
        &HelloMessage::field129}) {
    message.*text = "许多往事在眼前一幕一幕，变的那麼模糊";
  }
  for (std::int32_t HelloMessage::* number :
       {&HelloMessage::field2,   &HelloMessage::field3,   &HelloMessage::field6,
        &HelloMessage::field16,  &HelloMessage::field23,  &HelloMessage::field25,
        &HelloMessage::field29,  &HelloMessage::field60,  &HelloMessage::field67,
        &HelloMessage::field68,  &HelloMessage::field100, &HelloMessage::field101,
        &HelloMessage::field104, &HelloMessage::field128, &HelloMessage::field130,
        &HelloMessage::field131, &HelloMessage::field150, &HelloMessage::field271,
        &HelloMessage::field272, &HelloMessage::field280}) {
    message.*number = 100000;
  }
  message.field22 = 100000;
  for (bool HelloMessage::* flag :
       {&HelloMessage::field12, &HelloMessage::field13, &HelloMessage::field14,
        &HelloMessage::field17, &HelloMessage::field24, &HelloMessage::field30,
        &HelloMessage::field59, &HelloMessage::field78, &HelloMessage::field80,
        &HelloMessage::field81}) {
    message.*flag = true;
  }
  return message;
}

}  // namespace teleport_peer
