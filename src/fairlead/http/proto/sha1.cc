#include "fairlead/http/proto/sha1.h"

#include <bit>
#include <cstdint>

#include "fairlead/base/big_endian.h"

namespace fairlead::http::proto {
namespace {

constexpr std::size_t kBlockBytes = 64;
constexpr std::size_t kLengthBytes = 8;

using Words = std::array<std::uint32_t, 5>;

// RFC 3174 section 6.1, with its names for the five words.
void add_block(Words& hash, const char* block) {
  std::array<std::uint32_t, 80> w;
  for (std::size_t t = 0; t < 16; ++t) w[t] = load_u32(block + 4 * t);
  for (std::size_t t = 16; t < 80; ++t) {
    w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  }
  auto [a, b, c, d, e] = hash;
  const auto round = [&](std::uint32_t mixed, std::uint32_t constant, std::uint32_t word) {
    const std::uint32_t next = std::rotl(a, 5) + mixed + e + word + constant;
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  };
  for (std::size_t t = 0; t < 20; ++t) round((b & c) | (~b & d), 0x5A827999, w[t]);
  for (std::size_t t = 20; t < 40; ++t) round(b ^ c ^ d, 0x6ED9EBA1, w[t]);
  for (std::size_t t = 40; t < 60; ++t) round((b & c) | (b & d) | (c & d), 0x8F1BBCDC, w[t]);
  for (std::size_t t = 60; t < 80; ++t) round(b ^ c ^ d, 0xCA62C1D6, w[t]);
  hash[0] += a;
  hash[1] += b;
  hash[2] += c;
  hash[3] += d;
  hash[4] += e;
}

}  // namespace

Sha1Digest sha1(std::string_view data) {
  Words hash = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
  const std::uint64_t bits = std::uint64_t{data.size()} * 8;
  for (; data.size() >= kBlockBytes; data.remove_prefix(kBlockBytes)) add_block(hash, data.data());

  // What is left, one bit, zeros, and the length in bits fill one block or two.
  std::array<char, 2 * kBlockBytes> tail{};
  data.copy(tail.data(), data.size());
  tail[data.size()] = '\x80';
  const bool fits = data.size() + 1 + kLengthBytes <= kBlockBytes;
  const std::size_t tail_bytes = fits ? kBlockBytes : 2 * kBlockBytes;
  store_u32(tail.data() + tail_bytes - 8, static_cast<std::uint32_t>(bits >> 32));
  store_u32(tail.data() + tail_bytes - 4, static_cast<std::uint32_t>(bits));
  for (std::size_t at = 0; at < tail_bytes; at += kBlockBytes) add_block(hash, tail.data() + at);

  Sha1Digest digest;
  for (std::size_t i = 0; i < hash.size(); ++i) store_u32(digest.data() + 4 * i, hash[i]);
  return digest;
}

}  // namespace fairlead::http::proto
