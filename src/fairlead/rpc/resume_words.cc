#include "fairlead/rpc/resume_words.h"

#include <cstring>

#include "fairlead/base/text.h"

namespace fairlead::rpc {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

int value_of(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

void append_hex(std::string& out, unsigned char byte) {
  out.push_back(kDigits[byte >> 4]);
  out.push_back(kDigits[byte & 15]);
}

}  // namespace

std::optional<ResumeSecret> ResumeSecret::parse(std::string_view text) {
  if (text.size() != 2 * kBytes) return std::nullopt;
  std::array<char, kBytes> bytes{};
  for (std::size_t i = 0; i < kBytes; ++i) {
    const int high = value_of(text[2 * i]);
    const int low = value_of(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[i] = static_cast<char>(high * 16 + low);
  }
  return ResumeSecret(bytes);
}

std::string ResumeSecret::text() const {
  std::string out;
  out.reserve(2 * kBytes);
  for (const char byte : bytes_) append_hex(out, static_cast<unsigned char>(byte));
  return out;
}

bool ResumeSecret::equals(const ResumeSecret& other) const {
  unsigned difference = 0;
  for (std::size_t i = 0; i < kBytes; ++i) {
    difference |= static_cast<unsigned char>(bytes_[i] ^ other.bytes_[i]);
  }
  return difference == 0;
}

// Multiplies the halves, each masked by a secret, and folds the product.
std::uint64_t ResumeSecret::place(const std::array<std::uint64_t, 2>& key) const {
  std::array<std::uint64_t, 2> halves{};
  std::memcpy(halves.data(), bytes_.data(), kBytes);
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(halves[0] ^ key[0]) * (halves[1] ^ key[1]);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

std::string hex_text(std::uint64_t number) {
  std::string out;
  for (int shift = 56; shift >= 0; shift -= 8) {
    append_hex(out, static_cast<unsigned char>(number >> shift));
  }
  return out;
}

std::optional<std::uint64_t> parse_hex(std::string_view text) {
  if (text.size() != 16) return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : text) {
    const int value = value_of(digit);
    if (value < 0) return std::nullopt;
    number = number << 4 | static_cast<std::uint64_t>(value);
  }
  if (number == 0) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> parse_message_id(std::string_view text) {
  constexpr std::uint64_t kMax = ~std::uint64_t{0} >> 1;
  if (text.empty() || text.front() == '0') return std::nullopt;
  const std::optional<std::uint64_t> id = parse_uint64(text);
  if (!id.has_value() || *id > kMax) return std::nullopt;
  return id;
}

}  // namespace fairlead::rpc
