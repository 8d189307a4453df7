#include "fairlead/codec/protobuf_message.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/json_util.h>
#include <google/protobuf/wire_format_lite.h>

#include <limits>
#include <string>

#include "fairlead/base/result.h"
#include "fairlead/base/text.h"
#include "fairlead/codec/codec.h"
#include "fairlead/codec/codecs.h"

namespace fairlead::codec::internal {
namespace {

namespace pb = google::protobuf;
using Wire = pb::internal::WireFormatLite;

// Looks through a body with the message's descriptor, before libprotobuf keeps anything of it: it
// says neither where a body is wrong nor, before it is too late, what it will take; and it writes
// to the standard error output about texts that are not UTF-8, as often as a peer likes.
class MessageChecker {
 public:
  MessageChecker(const Bytes& body, std::size_t memory_bytes_max)
      : in_(reinterpret_cast<const std::uint8_t*>(body.data()), static_cast<int>(body.size())),
        budget_(memory_bytes_max) {
    in_.SetTotalBytesLimit(std::numeric_limits<int>::max());
    in_.SetRecursionLimit(contract::kDepthMax);
    in_.PushLimit(static_cast<int>(body.size()));
  }

  Status check(const pb::Descriptor& type, const FieldPath& path, int depth);

 private:
  Status check_field(const pb::FieldDescriptor* field, std::uint32_t tag, const FieldPath& path,
                     int depth);
  Status check_length(const pb::FieldDescriptor* field, const FieldPath& path, int depth);
  Status check_text(int size, const FieldPath& path);
  Status take(std::size_t count, std::size_t bytes_each, const FieldPath& path) {
    return budget_.take(count, bytes_each) ? Status() : budget_.exceeded(path);
  }
  Status wrong(const FieldPath& path, std::string_view what) const {
    return Status(Code::kBadMessage, "codec.protobuf",
                  path.to_string() + ": " + std::string(what) + " (byte " +
                      std::to_string(in_.CurrentPosition()) + ")");
  }

  pb::io::CodedInputStream in_;
  MemoryBudget budget_;
};

// What a message takes at least: its own words and some for each field.
std::size_t memory_of(const pb::Descriptor& type) {
  return 32 + 16 * static_cast<std::size_t>(type.field_count());
}

Status MessageChecker::check(const pb::Descriptor& type, const FieldPath& path, int depth) {
  if (depth == 0) {
    return Status(Code::kBadMessage, "codec.depth", path.to_string() + ": nested too deep");
  }
  while (in_.BytesUntilLimit() > 0) {
    const std::uint32_t tag = in_.ReadTag();
    const int number = Wire::GetTagFieldNumber(tag);
    if (tag == 0 || number == 0) return wrong(path, "wanted the number of a field");
    const pb::FieldDescriptor* field = type.FindFieldByNumber(number);
    if (field == nullptr) {
      FL_TRY(check_field(nullptr, tag, path, depth));
    } else {
      FL_TRY(check_field(field, tag, FieldPath(path, field->name()), depth));
    }
  }
  return Status();
}

Status MessageChecker::check_field(const pb::FieldDescriptor* field, std::uint32_t tag,
                                   const FieldPath& path, int depth) {
  if (field != nullptr && field->is_repeated()) FL_TRY(take(1, sizeof(std::uint64_t), path));
  if (Wire::GetTagWireType(tag) == Wire::WIRETYPE_LENGTH_DELIMITED) {
    return check_length(field, path, depth);
  }
  if (Wire::GetTagWireType(tag) == Wire::WIRETYPE_END_GROUP || !Wire::SkipField(&in_, tag)) {
    return wrong(path, "wanted a value");
  }
  return Status();
}

Status MessageChecker::check_length(const pb::FieldDescriptor* field, const FieldPath& path,
                                    int depth) {
  int size = 0;
  if (!in_.ReadVarintSizeAsInt(&size) || size > in_.BytesUntilLimit()) {
    return wrong(path, "a length that runs past the end");
  }
  if (field == nullptr) return in_.Skip(size) ? Status() : wrong(path, "wanted a value");
  if (field->type() == pb::FieldDescriptor::TYPE_MESSAGE) {
    FL_TRY(take(1, memory_of(*field->message_type()), path));
    const auto outer = in_.PushLimit(size);
    FL_TRY(check(*field->message_type(), path, depth - 1));
    in_.PopLimit(outer);
    return Status();
  }
  const bool text = field->type() == pb::FieldDescriptor::TYPE_STRING;
  if (text || field->type() == pb::FieldDescriptor::TYPE_BYTES) {
    FL_TRY(take(1, sizeof(std::string), path));
  } else if (field->is_packable()) {
    FL_TRY(take(static_cast<std::size_t>(size), sizeof(std::uint64_t), path));
  }
  const bool proto3 = field->file()->syntax() == pb::FileDescriptor::SYNTAX_PROTO3;
  if (text && proto3) FL_TRY(check_text(size, path));
  return in_.Skip(size) ? Status() : wrong(path, "wanted a value");
}

Status MessageChecker::check_text(int size, const FieldPath& path) {
  const void* at = nullptr;
  int there = 0;
  if (size == 0) return Status();
  if (!in_.GetDirectBufferPointer(&at, &there)) return wrong(path, "wanted a value");
  const std::string_view text(static_cast<const char*>(at), static_cast<std::size_t>(size));
  return valid_utf8(text) ? Status() : wrong(path, "wanted UTF-8 text");
}

Status decode_binary(const Bytes& body, pb::Message& message, std::size_t memory_bytes_max) {
  if (body.size() > std::numeric_limits<int>::max()) {
    return Status(Code::kTooLarge, "codec.memory", "the body: longer than 2147483647 bytes");
  }
  MessageChecker checker(body, memory_bytes_max);
  FL_TRY(checker.check(*message.GetDescriptor(), FieldPath(), contract::kDepthMax));
  if (!message.ParsePartialFromArray(body.data(), static_cast<int>(body.size()))) {
    return Status(Code::kBadMessage, "codec.protobuf",
                  "the body is no " + message.GetDescriptor()->full_name());
  }
  if (message.IsInitialized()) return Status();
  return Status(Code::kBadMessage, "codec.protobuf",
                message.InitializationErrorString() + ": values are required");
}

Status decode_text(const Bytes& body, pb::Message& message, bool refuse_unknown) {
  pb::util::JsonParseOptions options;
  options.ignore_unknown_fields = !refuse_unknown;
  const auto status =
      pb::util::JsonStringToMessage(pb::StringPiece(body.data(), body.size()), &message, options);
  if (status.ok()) return Status();
  return Status(Code::kBadMessage, "codec.json", escape_text(std::string(status.message()), 400));
}

}  // namespace

std::string_view name_of_message(const pb::Message& message) {
  return message.GetDescriptor()->full_name();
}

Status encode_message(std::uint8_t codec, const pb::Message& message, Buffer& out) {
  if (!message.IsInitialized()) {
    return Status(Code::kEncodeFailed, "codec.protobuf",
                  message.InitializationErrorString() + ": values are required");
  }
  if (codec == static_cast<std::uint8_t>(CodecId::kJson)) {
    std::string text;
    const auto status = pb::util::MessageToJsonString(message, &text);
    if (!status.ok()) {
      return Status(Code::kEncodeFailed, "codec.json", std::string(status.message()));
    }
    out.append(text);
    return Status();
  }
  const std::size_t size = message.ByteSizeLong();
  if (size > std::numeric_limits<int>::max()) {
    return Status(Code::kEncodeFailed, "codec.protobuf", "the body: longer than 2147483647 bytes");
  }
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(out.prepare(size)));
  out.commit(size);
  return Status();
}

Status decode_message(std::uint8_t codec, const Bytes& body, pb::Message& message,
                      bool refuse_unknown, std::size_t memory_bytes_max) {
  if (codec == static_cast<std::uint8_t>(CodecId::kJson)) {
    return decode_text(body, message, refuse_unknown);
  }
  return decode_binary(body, message, memory_bytes_max);
}

}  // namespace fairlead::codec::internal
