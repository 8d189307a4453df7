// Says what is typed, prints what is said: ./build/chat_client Ann 127.0.0.1:9090
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <string>

#include "chat.h"

std::atomic<bool> leaving = false;  // main is done with the keyboard

struct Screen {
  void said(Line in) const { std::cout << in.from << ": " << in.text << std::endl; }
};

void on_closed(const fl::SessionRef&, const fl::Status&) {
  if (leaving) return;
  std::cout << "the connection has ended" << std::endl;
  std::_Exit(1);  // main waits for the keyboard
}

int fail(const fl::Status& status) {
  leaving = true;
  std::cout << status.message() << std::endl;
  return 1;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  fl::App app(1, argv, "chat_client");
  app.serve<Room>(Screen{});
  app.sessions().on_closed(on_closed);

  const fl::Result<fl::SessionRef> server = app.dial(argv[2], {.redial = false});
  if (!server.ok()) return fail(server.status());
  auto chat = server->as<Chat>();
  auto entering = chat.enter({.name = argv[1]});
  if (const fl::Result<void> in = entering.get(); !in.ok()) return fail(in.status());
  std::cout << "you are in" << std::endl;

  for (std::string line; std::getline(std::cin, line);) {
    auto saying = chat.say({.text = line});
    const fl::Result<SayResult> said = saying.get();
    if (!said.ok()) std::cout << said.status().message() << std::endl;
  }
  leaving = true;
  return 0;
}
