#include "file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include <fairlead/wire/crc32c.h>

namespace {

// What `errno` says. The path stays with us: a peer has no use for it.
fl::Status failure(const char* what) {
  const int error = errno;
  const std::string text = std::string(what) + ": " + std::strerror(error);
  if (error == ENOENT) return fl::Status(fl::Code::kNotFound, "file.not_found", "no such file");
  if (error == ENOSPC || error == EDQUOT) {
    return fl::Status(fl::Code::kOverloaded, "file.no_space", text);
  }
  return fl::Status(fl::Code::kInternal, "file.failed", text);
}

fl::Status busy() {
  return fl::Status(fl::Code::kConflict, "file.busy", "somebody else is sending this file");
}

}  // namespace

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

fl::Result<File> File::open(const std::filesystem::path& path) {
  // NONBLOCK: a pipe of that name would wait for who writes it.
  File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (file.descriptor_ < 0) return failure("open");
  struct stat facts{};
  if (::fstat(file.descriptor_, &facts) != 0) return failure("stat");
  if (!S_ISREG(facts.st_mode)) {
    return fl::Status(fl::Code::kNotFound, "file.not_found", "this is no file");
  }
  return file;
}

fl::Result<std::int64_t> File::bytes() const {
  struct stat facts{};
  if (::fstat(descriptor_, &facts) != 0) return failure("stat");
  return std::int64_t{facts.st_size};
}

fl::Result<fl::Bytes> File::read(std::int64_t offset, std::int64_t bytes) const {
  const auto size = static_cast<std::size_t>(bytes);
  const fl::ChunkRef chunk(size);  // what is read here leaves as a message without a copy
  for (std::size_t done = 0; done < size;) {
    const ssize_t got =
        ::pread(descriptor_, chunk->data() + done, size - done, offset + static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure("read");
    if (got == 0) return fl::Status(fl::Code::kInternal, "file.short", "the file has become short");
    done += static_cast<std::size_t>(got);
  }
  return fl::Bytes(chunk, {chunk->data(), size});
}

fl::Status File::write(std::int64_t offset, std::string_view data) const {
  while (!data.empty()) {
    const ssize_t put = ::pwrite(descriptor_, data.data(), data.size(), offset);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failure("write");
    offset += put;
    data.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

fl::Result<std::uint32_t> File::crc32c(std::int64_t bytes) const {
  constexpr std::int64_t kStep = 1024 * 1024;
  std::uint32_t sum = 0;
  for (std::int64_t offset = 0; offset < bytes; offset += kStep) {
    FL_TRY_ASSIGN(const fl::Bytes data, read(offset, std::min(kStep, bytes - offset)));
    sum = fl::wire::crc32c(data.view(), sum);
  }
  return sum;
}

std::filesystem::path PartFile::part_of(const std::filesystem::path& whole) {
  return whole.parent_path() / ("." + whole.filename().string() + ".part");
}

fl::Result<PartFile> PartFile::open(std::filesystem::path whole, std::int64_t bytes) {
  const std::filesystem::path part = part_of(whole);
  File file(::open(part.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (file.descriptor() < 0) return failure("open");
  if (::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? busy() : failure("lock");
  }
  // Whoever had the lock may have given this very file its name, between our open and our lock.
  struct stat ours{};
  struct stat named{};
  if (::fstat(file.descriptor(), &ours) != 0) return failure("stat");
  if (::lstat(part.c_str(), &named) != 0 || named.st_ino != ours.st_ino) return busy();
  std::int64_t offset = ours.st_size;
  if (offset > bytes) {
    if (::ftruncate(file.descriptor(), 0) != 0) return failure("truncate");
    offset = 0;
  }
  return PartFile(std::move(file), std::move(whole), offset);
}

fl::Status PartFile::publish() const {
  if (::fsync(file_.descriptor()) != 0) return failure("sync");
  if (::rename(part_of(whole_).c_str(), whole_.c_str()) != 0) return failure("rename");
  const std::filesystem::path folder = whole_.has_parent_path() ? whole_.parent_path() : ".";
  const File names(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (names.descriptor() < 0 || ::fsync(names.descriptor()) != 0) return failure("sync");
  return {};
}

fl::Status PartFile::discard() const {
  if (::unlink(part_of(whole_).c_str()) != 0) return failure("unlink");
  return {};
}
