#include <gtest/gtest.h>
#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/transport/TBufferTransports.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>

#include "everything_types.h"
#include "fairlead/codec/test_types.h"

namespace fairlead::codec {
namespace {

using namespace test;
using namespace std::string_literals;
using apache::thrift::protocol::TBinaryProtocol;
using apache::thrift::transport::TMemoryBuffer;

template <class T>
Result<T> read(std::string_view body, const DecodeOptions& options = {}) {
  return decode<T>(CodecId::kThrift, Bytes::borrow(body), options);
}
template <class T>
std::string write(const T& value) {
  return encoded(CodecId::kThrift, value);
}

// What libthrift writes for one of its own structs.
template <class T>
std::string their_bytes(const T& value) {
  const auto memory = std::make_shared<TMemoryBuffer>();
  TBinaryProtocol protocol(memory);
  value.write(&protocol);
  return memory->getBufferAsString();
}

template <class T>
T read_by_them(std::string bytes) {
  const auto memory = std::make_shared<TMemoryBuffer>(reinterpret_cast<std::uint8_t*>(bytes.data()),
                                                      static_cast<std::uint32_t>(bytes.size()));
  TBinaryProtocol protocol(memory);
  T value;
  value.read(&protocol);
  return value;
}

struct Author {
  std::string author{};
};
FL_STRUCT(Author, (1, author))

// tests/data/teleport_vectors.json: p.codec.thrift, p.codec.thrift.nil
TEST(Thrift, WritesTheBytesOfTheGoCodec) {
  EXPECT_EQ(write(Author{"andeya"}),
            "\x0B\0\x01\0\0\0\x06"s
            "andeya\0"s);
  Buffer nothing;
  ASSERT_TRUE(encode(CodecId::kThrift, contract::type_info<void>(), nullptr, nothing).ok());
  EXPECT_EQ(nothing.view(), "\0"s);
  EXPECT_EQ(read<Author>("\x0B\0\x01\0\0\0\x06"s
                         "andeya\0"s)
                ->author,
            "andeya");
  EXPECT_TRUE(read<void>("\0"s).ok());
  EXPECT_TRUE(read<void>("").ok());
}

TEST(Thrift, RoundTripsEveryKind) {
  const Result<Everything> back = read<Everything>(write(full()));

  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, full());
  EXPECT_EQ(*read<Everything>(write(Everything{})), Everything{});
}

// libthrift is the reference: it must read what we write and the other way round.
TEST(Thrift, AgreesWithLibthriftBothWays) {
  const auto theirs = read_by_them<thrift::Everything>(write(full()));

  EXPECT_EQ(theirs.i64_, INT64_MIN);
  EXPECT_EQ(static_cast<std::uint32_t>(theirs.u32), UINT32_MAX);
  EXPECT_EQ(theirs.single, double{0.1F});
  EXPECT_EQ(theirs.bytes, full().bytes.view());
  EXPECT_EQ(theirs.color, thrift::Color::BLUE);
  EXPECT_EQ(theirs.inners.size(), 3U);
  EXPECT_EQ(theirs.by_number.at(-1).name, "minus");
  EXPECT_TRUE(theirs.__isset.maybe_i32);
  EXPECT_TRUE(theirs.__isset.maybe_inner);
  const Result<Everything> back = read<Everything>(their_bytes(theirs));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(*back, full());
}

TEST(Thrift, WritesTheSameBytesAsLibthrift) {
  for (const Everything& ours : {full(), Everything{}}) {
    EXPECT_EQ(their_bytes(read_by_them<thrift::Everything>(write(ours))), write(ours));
  }
}

TEST(Thrift, SkipsWhatTheContractDoesNotHave) {
  thrift::Stranger stranger;
  stranger.count = 7;
  stranger.numbers = {3, 1};
  stranger.deep = {{{{2, {"a", "b"}}}, {}}, {}};

  const Result<Inner> inner = read<Inner>(their_bytes(stranger));

  ASSERT_TRUE(inner.ok()) << inner.status();
  EXPECT_EQ(inner->count, 7);
  EXPECT_EQ(inner->name, "") << "field 1 is another type there";
}

struct Numbers {
  std::vector<std::int32_t> numbers{};
};
FL_STRUCT(Numbers, (4, numbers))

TEST(Thrift, ReadsASetIntoAList) {
  thrift::Stranger stranger;
  stranger.numbers = {3, 1};

  EXPECT_EQ(read<Numbers>(their_bytes(stranger))->numbers, (std::vector<std::int32_t>{1, 3}));
}

TEST(Thrift, KeepsEveryBitOfFloatingPoint) {
  for (const double real : {-0.0, std::nan(""), HUGE_VAL, 5e-324}) {
    const auto back = read<Everything>(write(Everything{.real = real}));
    EXPECT_EQ(std::bit_cast<std::uint64_t>(back->real), std::bit_cast<std::uint64_t>(real));
  }
  EXPECT_TRUE(std::isinf(read<Everything>(write(Everything{.single = HUGE_VALF}))->single));
}

TEST(Thrift, SharesTheBodysChunkForBytes) {
  const Bytes body(write(Everything{.bytes = Bytes("shared")}));

  EXPECT_EQ(decode<Everything>(CodecId::kThrift, body)->bytes.chunk().get(), body.chunk().get());
}

TEST(Thrift, LetsTheLastOfAFieldAndOfAKeyWin) {
  EXPECT_EQ(read<Inner>("\x08\0\x02\0\0\0\x01\x08\0\x02\0\0\0\x02\0"s)->count, 2);
  const std::string list = "\x0F\0\x03\x08\0\0\0\x01\0\0\0\x05"s;
  EXPECT_EQ(read<Inner>(list + list + "\0"s)->numbers, (std::vector<std::int32_t>{5}));
  const std::string map =
      "\x0D\0\x14\x0B\x08\0\0\0\x02\0\0\0\x01"s
      "a\0\0\0\x01\0\0\0\x01"s
      "a\0\0\0\x02\0"s;
  EXPECT_EQ(read<Everything>(map)->by_text, (std::map<std::string, std::int32_t>{{"a", 2}}));
}

struct WithDefault {
  std::int32_t count = 3;
};
FL_STRUCT(WithDefault, (1, count))

TEST(Thrift, LeavesWhatIsMissingAsItIsInitialised) {
  EXPECT_EQ(read<WithDefault>("\0"s)->count, 3);
  EXPECT_EQ(read<WithDefault>(write(WithDefault{.count = 0}))->count, 0);
}

TEST(Thrift, RefusesWhatIsNotThrift) {
  const std::string bodies[] = {
      ""s,  // no end of the struct
      "\x0B\0\x01\0\0\0\x06"s
      "andey",                                    // text past the end
      "\x0B\0\x01\xFF\xFF\xFF\xFF\0"s,            // size -1
      "\x0B\0\x01\x7F\xFF\xFF\xFF\0"s,            // size 2^31 - 1
      "\x0F\0\x03\x08\x7F\xFF\xFF\xFF\0"s,        // 2^31 - 1 elements
      "\x0F\0\x03\x08\x80\0\0\0\0"s,              // -2^31 elements
      "\x0F\0\x03\x0B\0\0\0\x01\0\0\0\0\0"s,      // a list of strings for numbers
      "\x0B\0\x01\0\0\0\x01\xFF\0"s,              // not UTF-8
      "\x01\0\x09\0"s,                            // type 1
      "\x10\0\x09\0"s,                            // type 16
      "\x0F\0\x09\x01\0\0\0\x01\0\0"s,            // an unknown list of type 1
      "\x0D\0\x09\x08\x08\x10\0\0\0\0"s,          // an unknown map past the end
      "\x08\0\x02\0\0\0"s,                        // a number that is cut
      "\x0F\0\x09\x55\0\0\0\0\0"s,                // an unknown empty list of type 85
      "\x0D\0\x09\x08\x00\0\0\0\x01\0\0\0\0\0"s,  // an unknown map to nothing
      "\0x"s,                                     // a byte behind the struct
  };
  for (const std::string& body : bodies) {
    const Status status = read<Inner>(body).status();
    EXPECT_EQ(status.code(), Code::kBadMessage);
    EXPECT_EQ(status.reason(), "codec.thrift") << status << testing::PrintToString(body);
  }
  EXPECT_EQ(read<Everything>("\x04\0\x08\x7F\xEF\xFF\xFF\xFF\xFF\xFF\xFF\0"s).status().reason(),
            "codec.thrift")
      << "a double that a float cannot hold";
}

TEST(Thrift, NamesTheFieldAndTheByte) {
  EXPECT_EQ(read<Everything>("\x0C\0\x0D\x0B\0\x01\0\0\0\x01\xFF\0\0"s).status().message(),
            "inner.name: wanted UTF-8 text (byte 11)");
  EXPECT_EQ(read<Inner>("\x0F\0\x03\x0B\0\0\0\x01\0\0\0\0\0"s).status().message(),
            "numbers: wanted a list of i32, got one of string (byte 8)");
}

TEST(Thrift, HoldsTheLimitOfNesting) {
  // A tree is a struct with a list: 32 of them make 64 levels.
  EXPECT_EQ(*read<Tree>(write(nested(32))), nested(32));
  Buffer out;
  EXPECT_EQ(encode(CodecId::kThrift, nested(33), out).reason(), "codec.depth");
  const std::string deep = their_bytes([] {
    thrift::Tree tree;
    for (int i = 1; i < 33; ++i) {
      thrift::Tree up;
      up.children.push_back(tree);
      tree = up;
    }
    return tree;
  }());
  EXPECT_EQ(read<Tree>(deep).status().reason(), "codec.depth");
  std::string unknown;
  for (int i = 0; i < 10'000; ++i) unknown += "\x0C\0\x09"s;
  EXPECT_EQ(read<Inner>(unknown).status().reason(), "codec.depth");
}

// A count is believed only when as many elements can follow, and those are counted.
TEST(Thrift, HoldsTheLimitOfMemory) {
  const std::string many = "\x0F\0\x01\x0C\0\x0F\x42\x40"s + std::string(1'000'000, '\0') + "\0"s;
  EXPECT_TRUE(read<Tree>(many).ok());
  const Status status = read<Tree>(many, {.memory_bytes_max = 1 << 20}).status();
  EXPECT_EQ(status.code(), Code::kTooLarge);
  EXPECT_EQ(status.reason(), "codec.memory");
}

struct Far {
  std::int32_t near = 0;
  std::optional<std::int32_t> far{};
};
FL_STRUCT(Far, (32767, near), (32768, far))

TEST(Thrift, HasNoFormForNumbersBeyondItsOwnAndForAnythingButStructs) {
  EXPECT_EQ(read<Far>(write(Far{.near = 5}))->near, 5);
  Buffer out;
  EXPECT_EQ(encode(CodecId::kThrift, Far{.far = 1}, out).reason(), "codec.thrift");
  EXPECT_EQ(encode(CodecId::kThrift, std::string("x"), out).reason(), "codec.thrift");
  EXPECT_EQ(read<std::string>("\0"s).status().reason(), "codec.thrift");
  EXPECT_EQ(encode(CodecId::kThrift, Author{"\xFF"}, out).reason(), "codec.thrift");
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace fairlead::codec
