#include "fairlead/http/proto/websocket_deflate.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include "fairlead/base/text.h"
#include "fairlead/http/proto/chars.h"

namespace fairlead::http::proto {
namespace {

constexpr std::string_view kField = "Sec-WebSocket-Extensions";
constexpr std::string_view kName = "permessage-deflate";
constexpr std::string_view kServerForgets = "server_no_context_takeover";
constexpr std::string_view kClientForgets = "client_no_context_takeover";
constexpr std::string_view kServerBits = "server_max_window_bits";
constexpr std::string_view kClientBits = "client_max_window_bits";
constexpr std::size_t kExtensionsMax = 32;
constexpr std::size_t kParametersMax = 16;  // of one extension
constexpr int kBitsDefault = 15;
constexpr int kBitsWritableMin = 9;  // zlib writes no raw stream with 8

struct Parameter {
  std::string_view name;
  std::optional<std::string_view> value;  // without its quotes
};
struct Extension {
  std::string_view name;
  std::vector<Parameter> parameters;
};

// extension *( "," extension ), extension = token *( ";" token [ "=" ( token / quoted token ) ] ),
// with blanks around the marks (RFC 6455 section 9.1: inside the quotes stands a token).
class ExtensionParser {
 public:
  explicit ExtensionParser(std::string_view text) : rest_(text) {}

  // False when the text is malformed.
  bool parse(std::vector<Extension>& extensions) {
    do {
      skip_blanks();
      if (rest_.empty() || rest_.front() == ',') continue;  // lists may have empty elements
      if (extensions.size() == kExtensionsMax) return false;
      Extension& extension = extensions.emplace_back();
      if (!take_token(extension.name)) return false;
      while (take(';')) {
        if (extension.parameters.size() == kParametersMax) return false;
        Parameter& parameter = extension.parameters.emplace_back();
        if (!take_token(parameter.name)) return false;
        if (take('=') && !take_value(parameter.value.emplace())) return false;
      }
    } while (take(','));
    return rest_.empty();
  }

 private:
  void skip_blanks() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) {
      rest_.remove_prefix(1);
    }
  }
  bool take(char mark) {
    skip_blanks();
    if (rest_.empty() || rest_.front() != mark) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool take_token(std::string_view& token) {
    skip_blanks();
    const auto end = std::ranges::find_if(rest_, [](char c) { return !is_char(c, kTokenChar); });
    token = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
    rest_.remove_prefix(token.size());
    return !token.empty();
  }
  bool take_value(std::string_view& value) {
    const bool quoted = take('"');
    return take_token(value) && (!quoted || take('"'));
  }

  std::string_view rest_;
};

// All extensions of all fields; nullopt when one is malformed.
std::optional<std::vector<Extension>> read_extensions(FieldsView fields) {
  std::vector<Extension> extensions;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const Field field = fields[i];
    if (!equals_ignoring_case(field.name, kField)) continue;
    if (!ExtensionParser(field.value).parse(extensions)) return std::nullopt;
  }
  return extensions;
}

// The parameters of one permessage-deflate.
struct Parameters {
  bool server_forgets = false;
  bool client_forgets = false;
  std::optional<int> server_bits;
  std::optional<int> client_bits;  // 15 when it stands without a value
};

// "8" .. "15", without leading zeros.
std::optional<int> read_bits(std::string_view text) {
  for (int bits = 8; bits <= kBitsDefault; ++bits) {
    if (text == std::to_string(bits)) return bits;
  }
  return std::nullopt;
}

// nullopt: unknown, repeated or bad. `in_offer`: a client may leave its own value out.
std::optional<Parameters> read_parameters(const Extension& extension, bool in_offer) {
  Parameters read;
  for (const Parameter& parameter : extension.parameters) {
    if (parameter.name == kServerForgets || parameter.name == kClientForgets) {
      bool& forgets = parameter.name == kServerForgets ? read.server_forgets : read.client_forgets;
      if (forgets || parameter.value.has_value()) return std::nullopt;
      forgets = true;
    } else if (parameter.name == kServerBits || parameter.name == kClientBits) {
      std::optional<int>& bits =
          parameter.name == kServerBits ? read.server_bits : read.client_bits;
      if (bits.has_value()) return std::nullopt;
      const bool may_be_bare = in_offer && parameter.name == kClientBits;
      bits = parameter.value.has_value() ? read_bits(*parameter.value)
             : may_be_bare               ? std::optional(kBitsDefault)
                                         : std::nullopt;
      if (!bits.has_value()) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  return read;
}

void append_bits(std::string& text, std::string_view name, int bits) {
  text.append("; ").append(name).append("=").append(std::to_string(bits));
}

Status bad_extension(Code code, std::string_view text) {
  return {code, "websocket.bad_extension", text};
}

std::optional<WebSocketDeflateChoice> keep_offer(const Parameters& offer,
                                                 const WebSocketDeflate& wanted) {
  WebSocketDeflateChoice choice;
  WebSocketDeflate& agreed = choice.agreed;
  agreed.server_window_bits =
      std::min(wanted.server_window_bits, offer.server_bits.value_or(kBitsDefault));
  if (agreed.server_window_bits < kBitsWritableMin) return std::nullopt;
  if (offer.client_bits.has_value()) {
    agreed.client_window_bits = std::min(wanted.client_window_bits, *offer.client_bits);
  }
  agreed.server_keeps_window = wanted.server_keeps_window && !offer.server_forgets;
  agreed.client_keeps_window = wanted.client_keeps_window && !offer.client_forgets;

  choice.answer = kName;
  if (!agreed.server_keeps_window) choice.answer.append("; ").append(kServerForgets);
  if (!agreed.client_keeps_window) choice.answer.append("; ").append(kClientForgets);
  if (offer.server_bits.has_value() || agreed.server_window_bits < kBitsDefault) {
    append_bits(choice.answer, kServerBits, agreed.server_window_bits);
  }
  if (agreed.client_window_bits < kBitsDefault) {
    append_bits(choice.answer, kClientBits, agreed.client_window_bits);
  }
  return choice;
}

}  // namespace

Result<std::optional<WebSocketDeflateChoice>> choose_websocket_deflate(
    FieldsView fields, const WebSocketDeflate& wanted) {
  const auto extensions = read_extensions(fields);
  if (!extensions.has_value()) {
    return bad_extension(Code::kBadMessage, "Sec-WebSocket-Extensions is malformed");
  }
  std::optional<WebSocketDeflateChoice> choice;
  for (const Extension& extension : *extensions) {
    if (extension.name != kName) continue;
    const std::optional<Parameters> offer = read_parameters(extension, true);
    if (offer.has_value()) choice = keep_offer(*offer, wanted);
    if (choice.has_value()) break;
  }
  return choice;
}

std::string websocket_deflate_offer(const WebSocketDeflate& wanted) {
  std::string offer(kName);
  if (!wanted.server_keeps_window) offer.append("; ").append(kServerForgets);
  if (!wanted.client_keeps_window) offer.append("; ").append(kClientForgets);
  if (wanted.server_window_bits < kBitsDefault) {
    append_bits(offer, kServerBits, wanted.server_window_bits);
  }
  if (wanted.client_window_bits < kBitsDefault) {
    append_bits(offer, kClientBits, wanted.client_window_bits);
  } else {
    offer.append("; ").append(kClientBits);
  }
  return offer;
}

Result<std::optional<WebSocketDeflate>> read_websocket_deflate_answer(
    FieldsView fields, const std::optional<WebSocketDeflate>& wanted) {
  const auto extensions = read_extensions(fields);
  if (!extensions.has_value()) {
    return bad_extension(Code::kBadGateway, "Sec-WebSocket-Extensions is malformed");
  }
  if (extensions->empty()) return std::optional<WebSocketDeflate>();
  if (!wanted.has_value() || extensions->size() > 1 || extensions->front().name != kName) {
    return bad_extension(Code::kBadGateway, "the server uses an extension that was not offered");
  }
  const std::optional<Parameters> answer = read_parameters(extensions->front(), false);
  const auto keeps_to_offer = [&] {
    const int server_bits = answer->server_bits.value_or(kBitsDefault);
    const int client_bits = answer->client_bits.value_or(wanted->client_window_bits);
    return server_bits <= wanted->server_window_bits && client_bits >= kBitsWritableMin &&
           client_bits <= wanted->client_window_bits &&
           (answer->server_forgets || wanted->server_keeps_window);
  };
  if (!answer.has_value() || !keeps_to_offer()) {
    return bad_extension(Code::kBadGateway, "the server does not keep to the offer of deflate");
  }
  WebSocketDeflate agreed;
  agreed.server_window_bits = answer->server_bits.value_or(kBitsDefault);
  // What the client said of itself it keeps, whether the server repeats it or not.
  agreed.client_window_bits =
      std::min(wanted->client_window_bits, answer->client_bits.value_or(kBitsDefault));
  agreed.server_keeps_window = !answer->server_forgets;
  agreed.client_keeps_window = wanted->client_keeps_window && !answer->client_forgets;
  return std::optional(agreed);
}

}  // namespace fairlead::http::proto
