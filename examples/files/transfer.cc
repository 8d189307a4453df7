#include "transfer.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <deque>
#include <utility>

#include "file.h"
#include "files.h"

using namespace std::chrono_literals;

namespace {

constexpr std::size_t kWindow = 8;    // chunks under way
constexpr auto kPatience = 10s;       // with a chunk
constexpr auto kPatienceAtEnd = 60s;  // both sides read the whole file once more

fl::Time now() { return fl::io::Core::current()->now(); }

// A call is sent when it is made, so the calls in this queue are the window. Whoever takes the
// oldest one out waits for it.
template <class Reply>
struct Sent {
  fl::Call<Reply> call;
  std::int64_t offset;
  std::int64_t bytes;
};

}  // namespace

fl::Task<fl::Status> upload(fl::SessionRef link, fl::Pool disk, Order order, Progress& progress) {
  auto opening = fl::blocking(disk, [&order] { return File::open(order.path); });
  FL_CO_TRY_ASSIGN(const File file, co_await opening);
  FL_CO_TRY_ASSIGN(const std::int64_t bytes, file.bytes());

  auto server = link.as<Files>();
  auto asking = server.upload({.name = order.name, .bytes = bytes}, fl::within(kPatience));
  FL_CO_TRY_ASSIGN(const Opened opened, co_await asking);
  progress.begin(opened.offset, bytes, now());

  std::deque<Sent<void>> window;
  for (std::int64_t offset = opened.offset; offset < bytes || !window.empty();) {
    if (offset < bytes && window.size() < kWindow) {
      const std::int64_t size = std::min(kChunkBytes, bytes - offset);
      auto reading = fl::blocking(disk, [&file, offset, size] { return file.read(offset, size); });
      FL_CO_TRY_ASSIGN(fl::Bytes data, co_await reading);
      Chunk chunk{.transfer = opened.transfer, .offset = offset, .data = std::move(data)};
      window.push_back({server.write(std::move(chunk), fl::within(kPatience)), offset, size});
      offset += size;
      continue;
    }
    FL_CO_TRY(co_await window.front().call);
    progress.add(window.front().bytes, now());
    window.pop_front();
  }

  auto summing = fl::blocking(disk, [&file, bytes] { return file.crc32c(bytes); });
  FL_CO_TRY_ASSIGN(const std::uint32_t sum, co_await summing);
  auto closing =
      server.close({.transfer = opened.transfer, .crc32c = sum}, fl::within(kPatienceAtEnd));
  const fl::Result<void> closed = co_await closing;
  co_return closed.status();
}

fl::Task<fl::Status> download(fl::SessionRef link, fl::Pool disk, Order order, Progress& progress) {
  auto server = link.as<Files>();
  auto asking = server.download({.name = order.name}, fl::within(kPatience));
  FL_CO_TRY_ASSIGN(const Opened opened, co_await asking);
  const std::int64_t bytes = opened.bytes;
  auto opening = fl::blocking(disk, [&order, bytes] { return PartFile::open(order.path, bytes); });
  FL_CO_TRY_ASSIGN(const PartFile part, co_await opening);
  progress.begin(part.offset(), bytes, now());

  std::deque<Sent<fl::Bytes>> window;
  for (std::int64_t offset = part.offset(); offset < bytes || !window.empty();) {
    if (offset < bytes && window.size() < kWindow) {
      const std::int64_t size = std::min(kChunkBytes, bytes - offset);
      auto call =
          server.read({.transfer = opened.transfer, .offset = offset}, fl::within(kPatience));
      window.push_back({std::move(call), offset, size});
      offset += size;
      continue;
    }
    Sent<fl::Bytes> oldest = std::move(window.front());
    window.pop_front();
    FL_CO_TRY_ASSIGN(const fl::Bytes data, co_await oldest.call);
    if (static_cast<std::int64_t>(data.size()) != oldest.bytes) {
      co_return fl::Status(fl::Code::kBadMessage, "files.bad_chunk", "the chunk has a wrong size");
    }
    auto writing = fl::blocking(
        disk, [&part, &oldest, &data] { return part.file().write(oldest.offset, data.view()); });
    FL_CO_TRY(co_await writing);
    progress.add(oldest.bytes, now());
  }

  auto summing = fl::blocking(disk, [&part, bytes] { return part.file().crc32c(bytes); });
  FL_CO_TRY_ASSIGN(const std::uint32_t sum, co_await summing);
  auto closing =
      server.close({.transfer = opened.transfer, .crc32c = sum}, fl::within(kPatienceAtEnd));
  const fl::Result<void> closed = co_await closing;
  if (closed.status().reason() == "files.checksum") {
    auto discarding = fl::blocking(disk, [&part] { return part.discard(); });
    FL_CO_TRY(co_await discarding);
  }
  FL_CO_TRY(closed.status());
  auto publishing = fl::blocking(disk, [&part] { return part.publish(); });
  const fl::Status published = co_await publishing;
  co_return published;
}
