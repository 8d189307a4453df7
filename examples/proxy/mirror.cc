// Serves Mirror: mirror --listen tcp://127.0.0.1:9002
#include "mirror.h"

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <fairlead/base/mutex.h>

namespace {

LookResult describe(const fl::Context& context, LookArg in) {
  const auto codec = static_cast<fl::CodecId>(context.body_codec());  // known: it was decoded
  LookResult seen{.text = std::move(in.text),
                  .codec = std::string(fl::codec::codec_name(codec)),
                  .transforms = std::string(context.transforms()),
                  .real_ip = context.real_ip()};
  const auto pairs = context.metadata();
  if (pairs.ok()) {
    pairs->visit([&seen](std::string_view key, std::string_view value) {
      seen.metadata.emplace(key, value);
    });
  }
  return seen;
}

class MirrorLogic {
 public:
  LookResult look(fl::Context& context, LookArg in) {
    context.add_reply_meta("mirror", "clean");
    return describe(context, std::move(in));
  }
  void remember(fl::Context& context, LookArg in) {
    LookResult seen = describe(context, std::move(in));
    const fl::MutexLock lock(mutex_);
    last_ = std::move(seen);
  }
  LookResult remembered() {
    const fl::MutexLock lock(mutex_);
    return last_;
  }

 private:
  fl::Mutex mutex_;  // calls come on every core
  LookResult last_ FL_GUARDED_BY(mutex_);
};

}  // namespace

int main(int argc, char** argv) {
  fl::App app(argc, argv, "mirror");
  app.serve<Mirror>(std::make_shared<MirrorLogic>());
  return app.run("tcp://127.0.0.1:9002");
}
