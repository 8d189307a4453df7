// Greets whoever calls, in Go or C++: ./build/greeter_server --listen tcp://127.0.0.1:9090
#include "greeter.h"  // NOLINT(modernize-deprecated-headers): ours, beside this file

struct GreeterLogic {
  fl::Result<HelloResult> hello(fl::Context& context, HelloArg in) {
    const fl::Bytes news("\"" + in.name + " was greeted in C++\"");
    FL_TRY(context.session().push({.method = "/news/told", .body_codec = 'j'}, news));
    return HelloResult{.text = "Hello " + in.name + ", says C++"};
  }
};

int main(int argc, char** argv) {
  fl::App app(argc, argv, "greeter");
  app.serve<Greeter>(GreeterLogic{});
  return app.run("tcp://127.0.0.1:9090");
}
