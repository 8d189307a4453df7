// Asks the shop for prices: ./build/shop_client --store file:shop.db
#include <chrono>
#include <iostream>

#include "shop.h"

using namespace std::chrono_literals;

// Calls from a thread of its own: get() waits for the reply.
bool ask_for_books(fl::Client<Shop> shop) {
  auto call = shop.quote({.item = "book", .count = 3}, fl::within(500ms));
  const fl::Result<QuoteResult> quote = call.get();
  if (!quote.ok()) {
    std::cerr << quote.status() << "\n";
    return false;
  }
  std::cout << "3 books: " << quote->cents << " cents\n";
  return true;
}

// Calls from a coroutine, which gives up its thread while it waits.
fl::Task<int> ask_for_more(fl::Client<Shop> shop) {
  auto both = fl::all(shop.quote({.item = "pen", .count = 10}), shop.quote({.item = "lamp"}));
  auto [pens, lamp] = co_await both;
  if (pens.ok()) std::cout << "10 pens: " << pens->cents << " cents\n";
  if (!lamp.ok()) std::cout << "a lamp: " << lamp.status().message() << "\n";
  co_return 0;
}

int main(int argc, char** argv) {
  fl::Runtime runtime(argc, argv, "shop_client");
  const fl::Client<Shop> shop = runtime.client<Shop>("shop");
  if (!ask_for_books(shop)) return 1;
  return runtime.run(ask_for_more(shop));
}
