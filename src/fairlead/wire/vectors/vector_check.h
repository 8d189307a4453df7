// Checks files of golden vectors: frames, and parts of them, that another implementation wrote.
//
//   {"vectors": [{"id": "...", "kind": "message", "proto": "json", "seq": 1, "mtype": 1,
//                 "service_method": "/m", "meta": [["k","v"]], "status": null, "xfer": [103],
//                 "body_codec": 106, "body_hex": "7b7d", "compare": "exact",
//                 "wire_hex": "...", "go_decodes_as": {...}}, ...]}
//
// The format, and what each kind of vector means: docs/wire/vectors.md.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "fairlead/base/result.h"

namespace fairlead::wire {

struct VectorFailure {
  std::string id;    // of the vector; "#7" when it has none
  std::string what;  // what differed, and where
};

struct VectorReport {
  std::size_t passed = 0;
  std::vector<VectorFailure> failures{};
  // Vectors of what is not spoken here yet, counted by kind and protocol: "message http".
  std::map<std::string, std::size_t> later{};

  std::size_t later_count() const;
};

// Runs every vector through the encoder and the decoder of its kind.
// Errors: kBadMessage `vectors.bad_json` (with the reader's words), `vectors.bad_file` (no list of
//         vectors in it). What is wrong with a single vector is a failure of that vector.
// Thread: any. Cost: the file and its tree in memory.
Result<VectorReport> check_vectors(std::string_view json);

// The whole frames in a file of vectors, to cut and damage them.
struct VectorFrame {
  std::string id;
  std::string protocol;  // as Protocol::name(); "message_v3 fast" for those of v3
  std::string bytes;
};
// Errors: as check_vectors().
Result<std::vector<VectorFrame>> frames_of_vectors(std::string_view json);

}  // namespace fairlead::wire
