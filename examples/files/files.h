// What a file server offers. Server and client include this file.
//
//   upload ──► write, write, ... ──► close      chunks in their order, several under way
//   download ► read, read, ...  ──► close
//
// A transfer belongs to the connection on which it was opened and ends with it. What was written
// stays, and the next upload() of that name says where to go on.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include <fairlead/fairlead.h>

inline constexpr std::int64_t kChunkBytes = 64 * 1024;  // of each chunk but the last

struct UploadArg {
  std::string name{};
  std::int64_t bytes = 0;
};
struct DownloadArg {
  std::string name{};
};
struct Opened {
  std::int64_t transfer = 0;
  std::int64_t bytes = 0;   // of the whole file
  std::int64_t offset = 0;  // of an upload: so many bytes are there already
};
struct Chunk {
  std::int64_t transfer = 0;
  std::int64_t offset = 0;
  fl::Bytes data{};
};
struct ReadArg {
  std::int64_t transfer = 0;
  std::int64_t offset = 0;
};
struct CloseArg {
  std::int64_t transfer = 0;
  std::uint32_t crc32c = 0;  // of the whole file, as the client has it
};
// A name is one file of one folder: no path, nothing hidden, nothing that a terminal would obey.
#define FILE_NAME                                                                           \
  required, len(1, 200), regexp("[^./\\p{Cc}][^/\\p{Cc}]*"),                                \
      error(1001,                                                                           \
            "a name has 1 to 200 bytes, no '/', no control characters, and does not begin " \
            "with '.'")
FL_STRUCT(UploadArg, (1, name, FILE_NAME), (2, bytes, range(0, INT64_MAX)))
FL_STRUCT(DownloadArg, (1, name, FILE_NAME))
#undef FILE_NAME
FL_STRUCT(Opened, (1, transfer), (2, bytes), (3, offset))
FL_STRUCT(Chunk, (1, transfer), (2, offset), (3, data, len(1, kChunkBytes)))
FL_STRUCT(ReadArg, (1, transfer), (2, offset, range(0, INT64_MAX)))
FL_STRUCT(CloseArg, (1, transfer), (2, crc32c))

// Errors: 404 `file.not_found`, `files.no_transfer`; 409 `file.busy`: somebody else sends that
// name, `files.bad_offset`; 412 `files.checksum`; 413 `files.too_large`; 503 `files.too_many`,
// `file.no_space`.
struct Files {
  static Opened upload(UploadArg);
  static void write(Chunk);  // answered when it is in the file
  static Opened download(DownloadArg);
  static fl::Bytes read(ReadArg);  // kChunkBytes, or what is left
  static void close(CloseArg);     // of an upload: now the file has its name
};
FL_SERVICE(Files, (upload), (write), (download), (read, idempotent), (close))
