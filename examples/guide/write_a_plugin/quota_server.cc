#include <fairlead/fairlead.h>

#include "quota.h"

int main(int argc, char** argv) {
  fl::App app(argc, argv, "quota");
  const auto greet = [](fl::Context&, std::string who) { return "hello " + who; };

  app.on_call("/greet", greet);                                 // everybody, always
  auto paid = app.group("/paid", std::make_shared<Quota>(3U));  // /paid/...: three calls each
  paid.on_call("/greet", greet);
  return app.run("tcp://127.0.0.1:9090");
}
