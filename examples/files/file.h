// File and PartFile: what both sides do on their disks. Everything here blocks: it runs on a pool.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <utility>

#include <fairlead/fairlead.h>

// An open file. Errors of all methods: kInternal `file.failed`, kOverloaded `file.no_space`.
// Thread: any, also several at once.
class File {
 public:
  // A regular file, to be read. Errors: also kNotFound `file.not_found`.
  static fl::Result<File> open(const std::filesystem::path& path);
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    return *this;
  }
  ~File();

  fl::Result<std::int64_t> bytes() const;
  // Exactly `bytes` > 0 of it. Errors: also kInternal `file.short`.
  fl::Result<fl::Bytes> read(std::int64_t offset, std::int64_t bytes) const;
  fl::Status write(std::int64_t offset, std::string_view data) const;
  // Of the first `bytes`.
  fl::Result<std::uint32_t> crc32c(std::int64_t bytes) const;
  int descriptor() const { return descriptor_; }

 private:
  int descriptor_;
};

// A file that is being received. Until it is whole it is called ".NAME.part", and a lock says that
// somebody writes it; who is killed leaves the part, without the lock.
class PartFile {
 public:
  // The part of `whole`, as it was left, or empty when it is longer than `bytes`.
  // Errors: those of File; kConflict `file.busy`.
  static fl::Result<PartFile> open(std::filesystem::path whole, std::int64_t bytes);

  const File& file() const { return file_; }
  std::int64_t offset() const { return offset_; }  // so many bytes were there
  // Gives it its name, in the place of whatever was called so. It is on the disk then.
  fl::Status publish() const;
  // Begins anew the next time.
  fl::Status discard() const;

 private:
  PartFile(File file, std::filesystem::path whole, std::int64_t offset)
      : file_(std::move(file)), whole_(std::move(whole)), offset_(offset) {}
  static std::filesystem::path part_of(const std::filesystem::path& whole);

  File file_;
  std::filesystem::path whole_;
  std::int64_t offset_;
};
