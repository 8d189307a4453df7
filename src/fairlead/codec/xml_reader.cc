// XML in: expat reads the body once and tells each element and text; a stack of frames, one per
// open element, says where they go.
//
//   <Obj><inner><name>x    stack: Obj (struct), inner (struct), name (text is collected)
//
// As Go's encoding/xml reads it: the root may have any name, prefixes of namespaces and attributes
// are ignored, elements in any order, blanks around numbers are, and an empty number or bool is
// zero. Stricter than that: no document types (so no entities but the five of XML), UTF-8 only, an
// element given twice that is no list is refused, as is text where a struct is wanted.
#include <expat.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fairlead/base/check.h"
#include "fairlead/base/text.h"
#include "fairlead/codec/codecs.h"
#include "fairlead/codec/xml_names.h"
#include "fairlead/contract/text_value.h"

namespace fairlead::codec::internal {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view without_blanks(std::string_view text) {
  const std::size_t from = std::min(text.find_first_not_of(kBlanks), text.size());
  text.remove_prefix(from);
  return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

// One open element. The path of a frame points into the frame below, so frames never move.
struct Frame {
  const TypeInfo* type = nullptr;  // null: unknown, everything inside is skipped
  void* value = nullptr;
  std::string key{};  // of a map's entry
  FieldPath list{};   // the list, when this is one of its elements
  FieldPath path{};
  std::string text{};
  bool secret = false;
  std::array<std::uint64_t, 4> seen{};  // one bit per field of a struct
};

class XmlReader {
 public:
  XmlReader(const TypeInfo& type, void* value, const DecodeOptions& options);
  Status read(const Bytes& body);

 private:
  struct Free {
    void operator()(XML_Parser parser) const { XML_ParserFree(parser); }
  };

  void begin(std::string_view name);
  void begin_field(Frame& parent, Frame& frame, std::string_view name);
  void begin_entry(Frame& parent, Frame& frame, std::string_view name);
  void end();
  void set_text(const Frame& frame);
  void on_text(std::string_view text);
  bool take(std::size_t bytes, const FieldPath& path) {
    if (budget_.take(1, bytes)) return true;
    stop(budget_.exceeded(path));
    return false;
  }
  void refuse(const FieldPath& path, std::string_view what) {
    stop(Status(Code::kBadMessage, "codec.xml", path.to_string() + ": " + std::string(what)));
  }
  void too_deep() {
    stop(Status(Code::kBadMessage, "codec.depth",
                open_.back().path.to_string() + ": nested deeper than 64 levels"));
  }
  // The first refusal counts. Expat may tell a little more before it stops.
  void stop(Status status) {
    if (!status_.ok()) return;
    status_ = std::move(status);
    XML_StopParser(parser_.get(), XML_FALSE);
  }
  Status syntax_error() const;

  const TypeInfo& root_;
  void* const value_;
  const DecodeOptions& options_;
  MemoryBudget budget_;
  std::unique_ptr<XML_ParserStruct, Free> parser_{XML_ParserCreate("UTF-8")};
  std::vector<Frame> open_{};
  std::size_t skipped_ = 0;  // elements open below the first unknown one
  Status status_{};
};

XmlReader::XmlReader(const TypeInfo& type, void* value, const DecodeOptions& options)
    : root_(type), value_(value), options_(options), budget_(options.memory_bytes_max) {
  FL_CHECK(parser_ != nullptr);            // out of memory otherwise
  open_.reserve(contract::kDepthMax + 1);  // structs and maps, and the text of the innermost
  XML_SetUserData(parser_.get(), this);
  XML_SetElementHandler(
      parser_.get(),
      [](void* self, const XML_Char* name, const XML_Char**) {
        static_cast<XmlReader*>(self)->begin(name);
      },
      [](void* self, const XML_Char*) { static_cast<XmlReader*>(self)->end(); });
  XML_SetCharacterDataHandler(parser_.get(), [](void* self, const XML_Char* text, int size) {
    static_cast<XmlReader*>(self)->on_text({text, static_cast<std::size_t>(size)});
  });
  XML_SetStartDoctypeDeclHandler(
      parser_.get(), [](void* self, const XML_Char*, const XML_Char*, const XML_Char*, int) {
        static_cast<XmlReader*>(self)->refuse(FieldPath(), "a document type is not accepted");
      });
  XML_SetXmlDeclHandler(
      parser_.get(), [](void* self, const XML_Char*, const XML_Char* encoding, int) {
        if (encoding == nullptr || equals_ignoring_case(encoding, "utf-8") ||
            equals_ignoring_case(encoding, "us-ascii")) {
          return;
        }
        static_cast<XmlReader*>(self)->refuse(FieldPath(), "an encoding other than UTF-8");
      });
}

void XmlReader::begin(std::string_view name) {
  if (!status_.ok()) return;
  name = name.substr(name.rfind(':') + 1);  // npos + 1 is 0: no prefix
  if (open_.empty()) {
    Frame& root = open_.emplace_back();
    root.type = &root_;
    root.value = value_;
    return;
  }
  Frame& parent = open_.back();
  if (open_.size() + skipped_ > contract::kDepthMax) return too_deep();
  if (parent.type == nullptr || parent.type->kind == Kind::kVoid) {
    ++skipped_;
    return;
  }
  Frame& frame = open_.emplace_back();  // there is room: `parent` stays where it is
  if (parent.type->kind == Kind::kStruct) {
    begin_field(parent, frame, name);
  } else if (parent.type->kind == Kind::kMap) {
    begin_entry(parent, frame, name);
  } else {
    return refuse(parent.path, "wanted text, got the element <" + escape_text(name, 64) + ">");
  }
  const bool container = frame.type != nullptr && frame.type->kind >= Kind::kStruct;
  if (container && open_.size() > contract::kDepthMax) too_deep();
}

void XmlReader::begin_field(Frame& parent, Frame& frame, std::string_view name) {
  const StructInfo& structure = *parent.type->structure;
  const FieldInfo* field = structure.find(name);
  if (field == nullptr) {
    if (options_.unknown_fields == DecodeOptions::Unknown::kRefuse) {
      stop(unknown_field(structure, parent.path, name));
    }
    return;
  }
  const TypeInfo& type = *field->type;
  frame.value = field->in(parent.value);
  frame.type = &type;
  frame.secret = field->secret;
  frame.path = FieldPath(parent.path, field->name);
  const auto index = static_cast<std::size_t>(field - structure.fields.data());
  const std::uint64_t bit = std::uint64_t{1} << (index % 64);
  const bool again = (parent.seen[index / 64] & bit) != 0;
  parent.seen[index / 64] |= bit;
  if (type.kind == Kind::kList) {
    if (!again) type.list->clear(frame.value);
    frame.list = frame.path;
    frame.path = FieldPath(frame.list, type.list->size(frame.value));
    if (!take(type.element->size, frame.list)) return;
    frame.value = type.list->append(frame.value);
    frame.type = type.element;
  } else if (again) {
    refuse(frame.path, "the element is given twice");
  } else if (type.kind == Kind::kMap) {
    type.map->clear(frame.value);
  } else if (type.kind == Kind::kOptional) {
    frame.value = type.optional->emplace(frame.value);
    frame.type = type.element;
  }
}

void XmlReader::begin_entry(Frame& parent, Frame& frame, std::string_view name) {
  const TypeInfo& map = *parent.type;
  frame.key = text_of_xml_name(name);
  frame.path = FieldPath::key(parent.path, frame.key);
  MapKey key;
  if (!valid_utf8(frame.key) || !read_map_key(*map.key, frame.key, key)) {
    return refuse(frame.path, "wanted a key of type " + std::string(map.key->name()));
  }
  if (!take(map.element->size + map.key->size + kMapNodeBytes, frame.path)) return;
  bool inserted = false;
  frame.value = map.map->emplace(parent.value, key, inserted);
  frame.type = map.element;
  if (!inserted) refuse(frame.path, "the key is given twice");
}

void XmlReader::end() {
  if (!status_.ok()) return;
  if (skipped_ > 0) {
    --skipped_;
    return;
  }
  const Frame& frame = open_.back();
  if (frame.type != nullptr && frame.type->kind != Kind::kVoid) set_text(frame);
  open_.pop_back();
}

// What an element held once it closes.
void XmlReader::set_text(const Frame& frame) {
  const TypeInfo& type = *frame.type;
  const bool container = type.kind >= Kind::kStruct;
  const std::string_view trimmed = without_blanks(frame.text);
  if (container) {
    if (!trimmed.empty()) refuse(frame.path, "wanted elements, got text");
    return;
  }
  if (type.kind == Kind::kBytes) {
    if (!read_base64(trimmed, *static_cast<Bytes*>(frame.value))) {
      refuse(frame.path, "wanted base64");
    }
    return;
  }
  if (trimmed.empty() && type.kind != Kind::kString && type.kind != Kind::kEnum) {
    (void)contract::value_from_text(type, frame.value, "0");  // as Go reads it; zero always fits
    return;
  }
  const std::string_view text = type.kind == Kind::kString ? frame.text : trimmed;
  const Status status = contract::value_from_text(type, frame.value, text);
  if (status.ok()) return;
  refuse(frame.path, frame.secret ? "wanted " + std::string(type.name()) + ", got something else"
                                  : std::string(status.message()));
}

void XmlReader::on_text(std::string_view text) {
  if (status_.ok() && skipped_ == 0 && !open_.empty() && open_.back().type != nullptr) {
    open_.back().text += text;
  }
}

Status XmlReader::syntax_error() const {
  XML_Parser parser = parser_.get();
  return Status(Code::kBadMessage, "codec.xml",
                "the body: at line " + std::to_string(XML_GetCurrentLineNumber(parser)) +
                    ", column " + std::to_string(XML_GetCurrentColumnNumber(parser) + 1) + ": " +
                    XML_ErrorString(XML_GetErrorCode(parser)));
}

Status XmlReader::read(const Bytes& body) {
  if (body.size() > std::numeric_limits<int>::max()) {
    return Status(Code::kTooLarge, "codec.memory", "the body: longer than 2147483647 bytes");
  }
  const XML_Status parsed = XML_Parse(parser_.get(), body.data() == nullptr ? "" : body.data(),
                                      static_cast<int>(body.size()), XML_TRUE);
  if (!status_.ok()) return std::move(status_);
  return parsed == XML_STATUS_OK ? Status() : syntax_error();
}

}  // namespace

Status decode_xml(const TypeInfo& type, const Bytes& body, void* value,
                  const DecodeOptions& options) {
  if (body.empty() && type.kind == Kind::kVoid) return Status();
  if (type.kind == Kind::kOptional) {
    type.optional->reset(value);
    if (body.empty()) return Status();
    return decode_xml(*type.element, body, type.optional->emplace(value), options);
  }
  if (type.kind == Kind::kList) {
    return Status(Code::kBadMessage, "codec.xml",
                  "an XML body has one root element, which is no list");
  }
  return XmlReader(type, value, options).read(body);
}

}  // namespace fairlead::codec::internal
