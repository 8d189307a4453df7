// Scans over bytes, sixteen at a time where the machine can (SSE2, which every x86-64 has), eight
// in a word elsewhere. Both forms are always compiled and tested against each other.
//
// No form reads a byte outside the text it was given: the last bytes of a text are read again from
// sixteen before its end, and texts shorter than that byte by byte.
//
// A `Marks` is one bit a byte: bit i tells of the byte at `i`.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "fairlead/http/proto/chars.h"

namespace fairlead::http::proto::internal {

using Marks = std::uint64_t;
inline constexpr std::size_t kBlockBytes = 64;

// A byte that ends a run of field value bytes: a control byte other than HTAB, or DEL.
constexpr bool is_stop(char c) { return !is_char(c, kValueChar); }

// Eight bytes in a word. Source: the exact zero-byte test of Warren, "Hacker's Delight" (2nd ed.),
// section 6-1, for both classes: no carry leaves its byte.
struct WordScan {
  static constexpr std::size_t kBytes = 8;
  static constexpr std::uint64_t every(std::uint8_t byte) { return 0x0101010101010101U * byte; }

  // Marks of the stops among the eight bytes at `at`.
  static Marks stops(const char* at) {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < kBytes; ++i) {  // one load where bytes lie in this order
      word |= std::uint64_t{static_cast<std::uint8_t>(at[i])} << (8 * i);
    }
    const std::uint64_t control = ~(((word & every(0x7F)) + every(0x60)) | word) & every(0x80);
    const std::uint64_t marked = (control & ~equal(word, '\t')) | equal(word, 0x7F);
    return ((marked >> 7U) * 0x0102040810204080U) >> 56U;  // one bit of each byte, in order
  }

 private:
  static constexpr std::uint64_t equal(std::uint64_t word, std::uint8_t byte) {
    const std::uint64_t rest = word ^ every(byte);
    return ~(((rest & every(0x7F)) + every(0x7F)) | rest) & every(0x80);
  }
};

#if defined(__SSE2__)
struct VectorScan {
  static constexpr std::size_t kBytes = 16;

  static Marks stops(const char* at) {
    const __m128i bytes = load(at);
    const __m128i control =
        _mm_andnot_si128(_mm_cmpeq_epi8(bytes, every('\t')), up_to(bytes, 0x1F));
    return marks(_mm_or_si128(control, _mm_cmpeq_epi8(bytes, every(0x7F))));
  }
  // Marks of the bytes that are no letter, digit or '-': nearly all bytes of names are these.
  static Marks not_plain(const char* at) {
    const __m128i bytes = load(at);
    const __m128i letters = up_to(_mm_sub_epi8(_mm_or_si128(bytes, every(0x20)), every('a')), 25);
    const __m128i digits = up_to(_mm_sub_epi8(bytes, every('0')), 9);
    const __m128i plain =
        _mm_or_si128(_mm_or_si128(letters, digits), _mm_cmpeq_epi8(bytes, every('-')));
    return marks(plain) ^ 0xFFFFU;
  }

 private:
  static __m128i load(const char* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
  }
  static __m128i every(char byte) { return _mm_set1_epi8(byte); }
  static __m128i up_to(__m128i bytes, char most) {  // unsigned, which SSE2 cannot compare
    return _mm_cmpeq_epi8(_mm_min_epu8(bytes, every(most)), bytes);
  }
  static Marks marks(__m128i bytes) { return static_cast<std::uint32_t>(_mm_movemask_epi8(bytes)); }
};
using FastScan = VectorScan;
#else
using FastScan = WordScan;
#endif

// Marks of the stops among the bytes [from, from + 64) of `text`, those of them that there are.
template <class Scan = FastScan>
Marks stops_of_block(std::string_view text, std::size_t from) {
  const char* at = text.data() + from;
  std::size_t left = text.size() - from;
  if (left >= kBlockBytes) [[likely]] {
    Marks found = 0;
    for (std::size_t i = 0; i < kBlockBytes; i += Scan::kBytes) found |= Scan::stops(at + i) << i;
    return found;
  }
  Marks found = 0;
  std::size_t done = 0;
  for (; left - done >= Scan::kBytes; done += Scan::kBytes) found |= Scan::stops(at + done) << done;
  left -= done;
  if (left == 0) return found;
  if (text.size() >= Scan::kBytes) {
    const Marks last = Scan::stops(text.data() + text.size() - Scan::kBytes);
    return found | ((last >> (Scan::kBytes - left)) << done);
  }
  for (std::size_t i = 0; i < left; ++i) found |= Marks{is_stop(at[done + i])} << (done + i);
  return found;
}

// Finds stops one after the other; a block's marks are made once, however many lines lie in it.
template <class Scan = FastScan>
class StopFinder {
 public:
  explicit StopFinder(std::string_view text) : text_(text) {}

  std::string_view text() const { return text_; }
  // Offset of the first stop at or after `from`; the size of the text when there is none. `from`
  // must not become smaller from call to call.
  [[gnu::always_inline]] std::size_t find(std::size_t from) {
    while (from < text_.size()) {
      if (from - block_at_ >= block_bytes_) {
        block_at_ = from;
        block_bytes_ = kBlockBytes;
        marks_ = stops_of_block<Scan>(text_, from);
      }
      const Marks ahead = marks_ >> (from - block_at_);
      if (ahead != 0) return from + static_cast<std::size_t>(std::countr_zero(ahead));
      from = block_at_ + kBlockBytes;
    }
    return text_.size();
  }

 private:
  const std::string_view text_;
  std::size_t block_at_ = 0;
  std::size_t block_bytes_ = 0;  // 0: there is no block yet
  Marks marks_ = 0;
};

// Offset of the first byte at or after `from` that may not stand in a token; `text.size()` when
// there is none. By table alone.
constexpr std::size_t token_end_by_table(std::string_view text, std::size_t from) {
  while (from < text.size() && is_char(text[from], kTokenChar)) ++from;
  return from;
}

// The same, sixteen bytes at a time while they are letters, digits and '-'.
inline std::size_t token_end(std::string_view text, std::size_t from) {
#if defined(__SSE2__)
  while (text.size() - from >= VectorScan::kBytes) {
    const Marks others = VectorScan::not_plain(text.data() + from);
    if (others == 0) {
      from += VectorScan::kBytes;
      continue;
    }
    from += static_cast<std::size_t>(std::countr_zero(others));
    if (!is_char(text[from], kTokenChar)) return from;
    ++from;
  }
#endif
  return token_end_by_table(text, from);
}

inline bool is_token(std::string_view text) {
  return !text.empty() && token_end(text, 0) == text.size();
}

// True when every byte may stand in a field value; empty is true.
inline bool has_no_stop(std::string_view text) {
  std::size_t at = 0;
  Marks found = 0;
  for (; text.size() - at >= FastScan::kBytes; at += FastScan::kBytes) {
    found |= FastScan::stops(text.data() + at);
  }
  if (at == text.size()) return found == 0;
  if (at > 0) return (found | FastScan::stops(text.data() + text.size() - FastScan::kBytes)) == 0;
  for (; at < text.size(); ++at) found |= Marks{is_stop(text[at])};
  return found == 0;
}

// Whether `name`, a token or a field value, is `wanted` ignoring case. `wanted` is of lower-case
// letters, digits and '-', for which a set bit 5 loses nothing: what becomes one of them is the
// capital, or a control byte, which neither holds.
inline bool is_name(std::string_view name, std::string_view wanted) {
  if (name.size() != wanted.size()) return false;
  unsigned differ = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    differ |= (static_cast<unsigned char>(name[i]) | 0x20U) ^ static_cast<unsigned char>(wanted[i]);
  }
  return differ == 0;
}

}  // namespace fairlead::http::proto::internal
