// FilesLogic: the handlers of a file server.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include <fairlead/fairlead.h>

#include "files.h"
#include "transfers.h"

struct ServerOptions {
  std::filesystem::path folder{};
  std::int64_t file_bytes_max = std::int64_t{1} << 30;
  std::size_t transfers_max = 64;
  std::int64_t idle_seconds = 60;
};

// One object for all cores. Every touch of the disk is a job of the pool; order and limits are kept
// on the cores.
class FilesLogic {
 public:
  FilesLogic(fl::Hub& hub, const fl::Pool& disk, const ServerOptions& options);

  fl::Task<fl::Result<Opened>> upload(fl::Context& context, UploadArg in);
  fl::Task<fl::Status> write(fl::Context& context, Chunk in);
  fl::Task<fl::Result<Opened>> download(fl::Context& context, DownloadArg in);
  fl::Task<fl::Result<fl::Bytes>> read(fl::Context& context, ReadArg in);
  fl::Task<fl::Status> close(fl::Context& context, CloseArg in);

  // For Hub::on_closed().
  void forget(const fl::SessionRef& session) { transfers_.remove_all_of(session); }

 private:
  fl::Result<std::shared_ptr<Transfer>> find(fl::Context& context, std::int64_t number) {
    return transfers_.find(number, hub_.of(context), context.core().now());
  }

  fl::Hub& hub_;
  const fl::Pool disk_;
  const ServerOptions options_;
  Transfers transfers_;
};
