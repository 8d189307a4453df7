#include "fairlead/config/document.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "fairlead/base/text.h"
#include "fairlead/config/internal.h"

namespace fairlead::config {
namespace {

Status refuse(std::string_view name, std::string_view reason, std::string_view text) {
  return Status(Code::kBadMessage, reason, std::string(name).append(": ").append(text));
}

std::string error_text(int error) { return std::generic_category().message(error); }

Place place_of(const Place& start, std::string_view text, std::size_t at) {
  Place place = start;
  for (const char c : text.substr(0, at)) {
    if (c == '\n') {
      ++place.line;
      place.column = 1;
    } else {
      ++place.column;
    }
  }
  return place;
}

// yaml-cpp takes 0x04 for the end of the input and other control bytes for text, so they are
// refused before it sees them.
Status check_text(std::string_view text, const Place& start) {
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) {
    return refuse(*start.source, "config.bad_encoding", "the file is UTF-16; save it as UTF-8");
  }
  for (std::size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte >= 0x20 || byte == '\n' || byte == '\r' || byte == '\t') continue;
    const std::string what = byte == 0 ? "a NUL byte" : "the control byte " + std::to_string(byte);
    return refuse(place_of(start, text, at).to_string(), "config.not_text",
                  what + "; the file is binary or damaged, give a YAML or JSON text file");
  }
  if (is_utf8(text)) return {};
  // Only to name the place: the shortest prefix of whole lines that is not UTF-8 ends in it.
  std::size_t from = 0;
  while (true) {
    const std::size_t to = std::min(text.find('\n', from), text.size());
    if (!is_utf8(text.substr(from, to - from)) || to == text.size()) break;
    from = to + 1;
  }
  Place line = place_of(start, text, from);
  line.column = 0;
  return refuse(line.to_string(), "config.bad_encoding",
                "this line is not UTF-8; save the file as UTF-8");
}

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

Status too_big(std::string_view name, std::size_t bytes_max) {
  return Status(Code::kTooLarge, "config.too_big",
                std::string(name) + ": larger than the limit of " + std::to_string(bytes_max) +
                    " bytes; is this the right file?");
}

Result<std::string> read_whole(const std::string& path, std::size_t bytes_max) {
  const std::string shown = escape_text(path);
  // O_NONBLOCK: opening a pipe must not hang.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return refuse(shown, "config.missing_file", "no such file; check the path or create it");
  }
  if (file.get() < 0) {
    return refuse(shown, "config.unreadable",
                  error_text(errno) + "; check the owner and the mode of the file");
  }
  struct stat facts{};
  if (::fstat(file.get(), &facts) != 0) {
    return refuse(shown, "config.unreadable", error_text(errno));
  }
  if (S_ISDIR(facts.st_mode)) {
    return refuse(shown, "config.not_a_file", "this is a folder; give a YAML or JSON file in it");
  }
  if (!S_ISREG(facts.st_mode)) {
    return refuse(shown, "config.not_a_file", "not a regular file; give a YAML or JSON file");
  }
  std::string text;
  char buffer[65536];
  while (true) {
    const ssize_t count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return refuse(shown, "config.unreadable", error_text(errno));
    if (count == 0) return text;
    if (text.size() + static_cast<std::size_t>(count) > bytes_max) return too_big(shown, bytes_max);
    text.append(buffer, static_cast<std::size_t>(count));
  }
}

}  // namespace

Environment system_environment() {
  Environment out;
  for (char** at = ::environ; at != nullptr && *at != nullptr; ++at) {
    const std::string_view pair(*at);
    const std::size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    out.emplace(pair.substr(0, equals), pair.substr(equals + 1));
  }
  return out;
}

Document::Document(std::string name)
    : root_(std::make_unique<Value>(
          Place{std::make_shared<const std::string>(std::move(name)), 1, 1})) {}

Status Document::blame(const std::vector<std::string>& steps, const Status& why) const {
  if (why.ok()) return {};
  const Value* at = root_.get();
  const Value* found = nullptr;  // the nearest to it
  std::string wanted;
  for (const std::string& step : steps) {
    const auto index = parse_uint64(step);
    if (at != nullptr && at->kind() == Value::Kind::kList) {
      const auto& items = at->children();
      at = index.has_value() && *index < items.size() ? items[*index].get() : nullptr;
    } else if (at != nullptr) {
      at = at->find(step);
    }
    if (at != nullptr && !at->is_null()) found = at;
    wanted += index.has_value() ? "[" + step + "]" : (wanted.empty() ? "" : ".") + step;
  }
  const std::string front = found == nullptr
                                ? "key '" + escape_text(wanted) + "': "
                                : found->place().to_string() + ": key '" + found->path() + "': ";
  std::string message;
  for (const std::string_view line : split(why.message(), '\n')) {
    message.append(message.empty() ? "" : "\n").append(front).append(line);
  }
  return Status(why.code(), why.reason(), message);
}

Result<Document> parse(std::string_view text, std::string_view name, const Options& options) {
  const Place start{std::make_shared<const std::string>(escape_text(name)), 1, 1};
  if (text.size() > options.file_bytes_max) return too_big(*start.source, options.file_bytes_max);
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  FL_TRY(check_text(text, start));
  FL_TRY_ASSIGN(std::unique_ptr<Value> root, internal::parse_yaml(text, start, options));
  if (options.variables != nullptr) {
    FL_TRY(internal::substitute(*root, *options.variables, options.text_bytes_max));
  }
  return Document(std::move(root));
}

Result<Document> load_file(const std::string& path, const Options& options) {
  FL_TRY_ASSIGN(const std::string text, read_whole(path, options.file_bytes_max));
  return parse(text, path, options);
}

}  // namespace fairlead::config
