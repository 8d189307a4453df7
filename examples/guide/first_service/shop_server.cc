// Serves Shop: ./build/shop_server --store file:shop.db
#include <map>
#include <string>

#include "shop.h"

struct ShopLogic {
  std::map<std::string, std::int64_t> cents_each = {{"book", 1990}, {"pen", 120}};

  fl::Result<QuoteResult> quote(QuoteArg in) const {
    const auto found = cents_each.find(in.item);
    if (found == cents_each.end()) return fl::error(1003, "no such item: " + in.item);
    return QuoteResult{.cents = found->second * in.count};
  }
};

int main(int argc, char** argv) {
  fl::App app(argc, argv, "shop");
  app.serve<Shop>(ShopLogic{});
  return app.discover().run("tcp://127.0.0.1:0");  // any free port: callers ask the registry
}
