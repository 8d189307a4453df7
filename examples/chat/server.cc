// A chat on one port, for terminals and for browsers: chat_server, then http://127.0.0.1:9090/
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "chat_room.h"
#include "page.h"

namespace {

fl::Status give_page(fl::Context& context) {
  context.add_reply_meta("content-type", "text/html; charset=utf-8");
  context.add_reply_meta("cache-control", "no-cache");
  context.add_reply_meta("x-content-type-options", "nosniff");
  context.reply_with('s', fl::Bytes::borrow(kPage));
  return {};
}

void tell_addresses(const std::vector<fairlead::io::Address>& addresses) {
  for (const auto& address : addresses) {
    if (address.is_unix()) continue;
    std::printf("the chat is open: http://%s/\n", address.to_text().c_str());
  }
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  fl::App app(argc, argv, "chat");
  fl::Hub& hub = app.sessions();
  const char* const admin_word = std::getenv("CHAT_ADMIN_WORD");
  const auto room = std::make_shared<ChatRoom>(hub, admin_word == nullptr ? "" : admin_word);
  hub.on_closed(
      [room](const fl::SessionRef& session, const fl::Status&) { room->on_closed(session); });
  app.serve<Chat>(room).on_call("/", [](fl::Context& context) { return give_page(context); });
  return app.on_ready(tell_addresses).run("tcp://127.0.0.1:9090");
}
