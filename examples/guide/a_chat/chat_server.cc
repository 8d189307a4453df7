// A room for all who enter: ./build/chat_server
#include "chat.h"

// Sessions that have entered.
bool entered(const fairlead::rpc::Session& session) {
  return session.values().get("name").has_value();
}

struct ChatLogic {
  fl::Hub& hub;

  fl::Status enter(fl::Context& context, EnterArg in) const {
    if (!context.session().open()) return fl::error(1004, "a single request cannot enter");
    FL_TRY(context.session().values().set("name", in.name));
    return hub.of(context).set_id(in.name);  // who had this name is sent away
  }

  fl::Task<fl::Result<SayResult>> say(SayArg in) const {
    auto telling = hub.some<Room>(entered).said({.from = in.from, .text = in.text});
    FL_CO_TRY_ASSIGN(const fl::BroadcastResult told, co_await telling);
    co_return SayResult{.heard_by = static_cast<std::int64_t>(told.sent)};
  }
};

int main(int argc, char** argv) {
  fl::App app(argc, argv, "chat");
  app.serve<Chat>(ChatLogic{.hub = app.sessions()});
  return app.run("tcp://127.0.0.1:9090");
}
