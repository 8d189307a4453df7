// Services whose arguments and replies other generators made.
#include <google/protobuf/duration.pb.h>
#include <gtest/gtest.h>

#include "everything_types.h"
#include "fairlead/codec/protobuf_message.h"
#include "fairlead/codec/thrift_struct.h"
#include "fairlead/fairlead.h"

namespace fairlead::service {
namespace {

using namespace std::chrono_literals;
using google::protobuf::Duration;
using ThriftInner = codec::test::thrift::Inner;

struct Clock {
  static Duration twice(Duration);
  static ThriftInner count(ThriftInner);
  static Push tick(Duration);
};
FL_SERVICE(Clock, (twice, idempotent), (count), (tick))

struct ClockLogic {
  std::atomic<std::int64_t>* ticked;

  Result<Duration> twice(Duration in) const {
    if (in.seconds() < 0) return error(1001, "time does not run backwards");
    in.set_seconds(in.seconds() * 2);
    return in;
  }
  ThriftInner count(ThriftInner in) const {
    in.__set_count(static_cast<std::int32_t>(in.name.size()));
    return in;
  }
  void tick(Duration in) const { *ticked = in.seconds(); }
};

class GeneratedTest : public ::testing::Test {
 protected:
  GeneratedTest() {
    EXPECT_TRUE(
        internal::add_routes<Clock>(server.router(), std::make_shared<ClockLogic>(&ticked)).ok());
    Spec spec;
    spec.listen = {"unix:" + path};
    spec.cores = 1;
    spec.log_level = "off";
    EXPECT_TRUE(server.start(spec).ok());
    const Status serving = server.serve(false);
    EXPECT_TRUE(serving.ok()) << serving;
    spec.listen.clear();
    EXPECT_TRUE(caller.start(spec).ok());
  }
  Client<Clock> client() { return Client<Clock>(**caller.target("unix:" + path)); }

  std::string path = ::testing::TempDir() + "fl_generated_" + std::to_string(getpid()) + ".sock";
  std::atomic<std::int64_t> ticked{0};
  Process server{"server"};
  Process caller{"caller"};
};

TEST_F(GeneratedTest, MessagesTravelAsProtobufOrJson) {
  Duration seven;
  seven.set_seconds(7);

  EXPECT_EQ(client().twice(seven).get()->seconds(), 14);
  EXPECT_EQ(client().twice(seven, with_codec(codec::CodecId::kJson)).get()->seconds(), 14);
  EXPECT_EQ(client().twice(seven, with_codec(codec::CodecId::kXml)).get().status().reason(),
            "codec.unsupported");
  seven.set_seconds(-1);
  EXPECT_EQ(client().twice(seven).get().status().code(), static_cast<Code>(1001));
}

TEST_F(GeneratedTest, ThriftStructsTravelAsThrift) {
  ThriftInner inner;
  inner.__set_name("four");

  const Result<ThriftInner> reply = client().count(inner).get();

  ASSERT_TRUE(reply.ok()) << reply.status();
  EXPECT_EQ(reply->count, 4);
}

TEST_F(GeneratedTest, MessagesArePushedToo) {
  Duration five;
  five.set_seconds(5);
  ASSERT_TRUE(client().tick(five).get().ok());

  // A call behind the push on the same session: when it is answered, the push has been handled.
  EXPECT_TRUE(client().twice(five).get().ok());
  EXPECT_EQ(ticked, 5);
}

}  // namespace
}  // namespace fairlead::service
