#include "logic.h"

#include <algorithm>
#include <chrono>
#include <string>

namespace {

// Requests of HTTP are no connections: what one of them opens no other could use.
fl::Status need_a_connection(const fl::Context& context) {
  if (context.session().side() != fl::rpc::Session::Side::kServing) return {};
  return fl::Status(fl::Code::kPreconditionFailed, "files.no_connection",
                    "a transfer needs a connection, not requests of HTTP");
}

// Takes its place behind the chunks that came before it. Chunks are written one after the other,
// though several are here: what a part file holds has no gap, so its length says where to go on.
fl::Status line_up(Transfer& transfer, const Chunk& in) {
  if (!transfer.upload.has_value() || in.offset != transfer.accepted) {
    return fl::Status(fl::Code::kConflict, "files.bad_offset",
                      "the next chunk begins at " + std::to_string(transfer.accepted));
  }
  const auto bytes = static_cast<std::int64_t>(in.data.size());
  if (bytes > transfer.bytes - transfer.accepted) {
    return fl::Status(fl::Code::kTooLarge, "files.too_large", "this is more than was told");
  }
  transfer.accepted += bytes;
  return {};
}

// Reads the file again, so that it answers for what is on the disk.
fl::Status check(const File& file, const Transfer& transfer, std::uint32_t crc32c) {
  FL_TRY_ASSIGN(const std::uint32_t sum, file.crc32c(transfer.bytes));
  if (sum == crc32c) return {};
  return fl::Status(fl::Code::kPreconditionFailed, "files.checksum",
                    "the bytes here are not those at the other side");
}

fl::Status finish(const Transfer& transfer, std::uint32_t crc32c) {
  if (transfer.download.has_value()) return check(*transfer.download, transfer, crc32c);
  fl::Status checked = check(transfer.upload->file(), transfer, crc32c);
  if (checked.ok()) return transfer.upload->publish();
  if (checked.reason() == "files.checksum") FL_TRY(transfer.upload->discard());
  return checked;
}

}  // namespace

FilesLogic::FilesLogic(fl::Hub& hub, const fl::Pool& disk, const ServerOptions& options)
    : hub_(hub),
      disk_(disk),
      options_(options),
      transfers_(options.transfers_max, std::chrono::seconds(options.idle_seconds)) {}

fl::Task<fl::Result<Opened>> FilesLogic::upload(fl::Context& context, UploadArg in) {
  FL_CO_TRY(need_a_connection(context));
  if (in.bytes > options_.file_bytes_max) {
    co_return fl::Status(
        fl::Code::kTooLarge, "files.too_large",
        "a file has at most " + std::to_string(options_.file_bytes_max) + " bytes here");
  }
  transfers_.remove_idle(context.core().now());
  auto opening = fl::blocking(
      disk_, context, [this, &in] { return PartFile::open(options_.folder / in.name, in.bytes); });
  FL_CO_TRY_ASSIGN(PartFile part, co_await opening);
  const std::int64_t offset = part.offset();
  auto transfer = std::make_shared<Transfer>(hub_.of(context));
  transfer->bytes = in.bytes;
  transfer->accepted = offset;
  transfer->upload.emplace(std::move(part));
  FL_CO_TRY_ASSIGN(const std::int64_t number, transfers_.add(transfer, context.core().now()));
  co_return Opened{.transfer = number, .bytes = in.bytes, .offset = offset};
}

fl::Task<fl::Status> FilesLogic::write(fl::Context& context, Chunk in) {
  FL_CO_TRY_ASSIGN(const std::shared_ptr<Transfer> transfer, find(context, in.transfer));
  FL_CO_TRY(line_up(*transfer, in));
  const auto done = std::make_shared<fl::Event>();
  const std::shared_ptr<fl::Event> before = std::exchange(transfer->last, done);

  // No deadline: whoever stands in line leaves it in order. The writes before it end on their own.
  fl::Status written;
  if (before != nullptr) {
    written = co_await before->wait(context.core().timers(), fl::Deadline());
  }
  if (written.ok()) written = transfer->failed;
  if (written.ok()) {
    auto writing = fl::blocking(disk_, [&transfer, &in] {
      return transfer->upload->file().write(in.offset, in.data.view());
    });
    written = co_await writing;
  }
  if (!written.ok()) transfer->failed = written;
  done->set();
  co_return written;
}

fl::Task<fl::Result<Opened>> FilesLogic::download(fl::Context& context, DownloadArg in) {
  FL_CO_TRY(need_a_connection(context));
  transfers_.remove_idle(context.core().now());
  auto opening =
      fl::blocking(disk_, context, [this, &in] { return File::open(options_.folder / in.name); });
  FL_CO_TRY_ASSIGN(File file, co_await opening);
  FL_CO_TRY_ASSIGN(const std::int64_t bytes, file.bytes());  // known to the system: no disk
  auto transfer = std::make_shared<Transfer>(hub_.of(context));
  transfer->bytes = bytes;
  transfer->download.emplace(std::move(file));
  FL_CO_TRY_ASSIGN(const std::int64_t number, transfers_.add(transfer, context.core().now()));
  co_return Opened{.transfer = number, .bytes = bytes};
}

fl::Task<fl::Result<fl::Bytes>> FilesLogic::read(fl::Context& context, ReadArg in) {
  FL_CO_TRY_ASSIGN(const std::shared_ptr<Transfer> transfer, find(context, in.transfer));
  if (!transfer->download.has_value() || in.offset >= transfer->bytes) {
    co_return fl::Status(fl::Code::kConflict, "files.bad_offset", "there is nothing to read");
  }
  auto reading = fl::blocking(disk_, context, [&transfer, &in] {
    return transfer->download->read(in.offset, std::min(kChunkBytes, transfer->bytes - in.offset));
  });
  co_return co_await reading;
}

fl::Task<fl::Status> FilesLogic::close(fl::Context& context, CloseArg in) {
  FL_CO_TRY_ASSIGN(const std::shared_ptr<Transfer> transfer, find(context, in.transfer));
  if (transfer->last != nullptr) {
    FL_CO_TRY(co_await transfer->last->wait(context.core().timers(), fl::Deadline()));
  }
  FL_CO_TRY(transfer->failed);
  if (transfer->upload.has_value() && transfer->accepted != transfer->bytes) {
    co_return fl::Status(fl::Code::kConflict, "files.bad_offset", "the file is not whole yet");
  }
  transfers_.remove(in.transfer);  // no second close
  auto finishing = fl::blocking(disk_, [&transfer, &in] { return finish(*transfer, in.crc32c); });
  const fl::Status finished = co_await finishing;
  FL_LOG(info, "files.closed", {"what", transfer->upload.has_value() ? "upload" : "download"},
         {"bytes", transfer->bytes}, {"result", finished.ok() ? "ok" : finished.reason()});
  co_return finished;
}
