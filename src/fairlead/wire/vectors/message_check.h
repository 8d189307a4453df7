// Vectors of whole messages. Private to the room.
#pragma once

#include "fairlead/wire/protocol.h"
#include "fairlead/wire/protocols/v3_message.h"
#include "fairlead/wire/transforms/transform.h"
#include "fairlead/wire/vectors/compare.h"
#include "fairlead/wire/vectors/vector_file.h"

namespace fairlead::wire::internal {

// Written by us, its bytes are those given or read back whole; the frame given reads as both the
// head given and what the original reads. Where the original is at fault: docs/wire/vectors.md.
Outcome check_message(const Protocol& protocol, const TransformSet& transforms,
                      const Vector& vector);

// The frame of teleport v3 given reads as the head, metadata, error and body given.
Outcome check_v3_message(V3Parser parse, const TransformSet& transforms, const Vector& vector);

}  // namespace fairlead::wire::internal
