// How the blocks of each packed format are taken apart, eight blocks (256 numbers) of a row at a time. Included once
// for every Highway target (see simd.h) that has 256-bit integers.
#if defined(GRADUS_PACKED_BLOCKS_H) == defined(HWY_TARGET_TOGGLE)
#ifdef GRADUS_PACKED_BLOCKS_H
#undef GRADUS_PACKED_BLOCKS_H
#else
#define GRADUS_PACKED_BLOCKS_H
#endif

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

inline float f16_at(const uint8_t* p) {
  uint16_t bits;
  std::memcpy(&bits, p, 2);
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)));
}
inline uint32_t u32_at(const uint8_t* p) {
  uint32_t v;
  std::memcpy(&v, p, 4);
  return v;
}
inline __m256i bytes_at(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline __m128i half_at(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

// The first four bytes of `count` (at most 8) blocks; zeros behind.
inline __m256i heads_of(const uint8_t* p, size_t step, int count) {
  if (count == 8)
    return _mm256_setr_epi32(static_cast<int>(u32_at(p)), static_cast<int>(u32_at(p + step)),
                             static_cast<int>(u32_at(p + 2 * step)), static_cast<int>(u32_at(p + 3 * step)),
                             static_cast<int>(u32_at(p + 4 * step)), static_cast<int>(u32_at(p + 5 * step)),
                             static_cast<int>(u32_at(p + 6 * step)), static_cast<int>(u32_at(p + 7 * step)));
  uint32_t some[8] = {};
  for (int i = 0; i < count; ++i) some[i] = u32_at(p + static_cast<size_t>(i) * step);
  return bytes_at(some);
}
// Eight f16 in the low halves of 32-bit words.
inline __m256 floats_of_halves(__m256i words) {
  return _mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1)));
}
inline __m256 low_halves(__m256i words) { return floats_of_halves(_mm256_and_si256(words, _mm256_set1_epi32(0xffff))); }
inline __m256 high_halves(__m256i words) { return floats_of_halves(_mm256_srli_epi32(words, 16)); }

// Sixteen bytes hold the numbers 0 … 15 in their low and 16 … 31 in their high four bits.
inline __m256i nibbles(const uint8_t* p) {
  const __m256i both = _mm256_broadcastsi128_si256(half_at(p));
  return _mm256_and_si256(_mm256_srlv_epi32(both, _mm256_setr_epi32(0, 0, 0, 0, 4, 4, 4, 4)), _mm256_set1_epi8(15));
}
// 0x10 where bit i of `bits` is set.
inline __m256i fifth_bits(uint32_t bits) {
  const __m256i spread = _mm256_shuffle_epi8(
      _mm256_set1_epi32(static_cast<int>(bits)),
      _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
  const __m256i mask = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201ull));
  const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, mask), mask);
  return _mm256_and_si256(set, _mm256_set1_epi8(16));
}

// What eight blocks are multiplied by and what is added: w = s q + m. Formats whose scales hold for 16 numbers have
// sixteen of each: s[0], m[0] for the first eight.
struct Scales {
  __m256 s[2], m[2];
};

// Of a format: the bytes of a block, scales(p, count) of the `count` blocks from p (of a k format: the one superblock),
// and numbers(p, j), the unsigned integers of the j-th block; q8_0 has signed ones.
template <QuantFormat format>
struct Blocks;

// d (and m) in front, then the fifth bits when there are five, then the nibbles.
template <QuantFormat format>
struct PlainBlocks {
  static constexpr size_t kBytes = format == QuantFormat::q4_0   ? 18
                                   : format == QuantFormat::q4_1 ? 20
                                   : format == QuantFormat::q5_0 ? 22
                                                                 : 24;
  static constexpr bool kMin = format == QuantFormat::q4_1 || format == QuantFormat::q5_1;
  static constexpr bool kFive = format == QuantFormat::q5_0 || format == QuantFormat::q5_1;

  static Scales scales(const uint8_t* p, int count) {
    const __m256i heads = heads_of(p, kBytes, count);
    const __m256 d = low_halves(heads);
    return {{d, d}, {kMin ? high_halves(heads) : _mm256_mul_ps(d, _mm256_set1_ps(kFive ? -16 : -8)), d}};
  }
  static __m256i numbers(const uint8_t* p, int j) {
    p += static_cast<size_t>(j) * kBytes + (kMin ? 4 : 2);
    if constexpr (kFive) return _mm256_or_si256(nibbles(p + 4), fifth_bits(u32_at(p)));
    return nibbles(p);
  }
};
template <>
struct Blocks<QuantFormat::q4_0> : PlainBlocks<QuantFormat::q4_0> {};
template <>
struct Blocks<QuantFormat::q4_1> : PlainBlocks<QuantFormat::q4_1> {};
template <>
struct Blocks<QuantFormat::q5_0> : PlainBlocks<QuantFormat::q5_0> {};
template <>
struct Blocks<QuantFormat::q5_1> : PlainBlocks<QuantFormat::q5_1> {};
template <>
struct Blocks<QuantFormat::q8_0> {
  static constexpr size_t kBytes = 34;
  static Scales scales(const uint8_t* p, int count) {
    const __m256 d = low_halves(heads_of(p, kBytes, count)), none = _mm256_setzero_ps();
    return {{d, d}, {none, none}};
  }
  static __m256i numbers(const uint8_t* p, int j) { return bytes_at(p + static_cast<size_t>(j) * kBytes + 2); }
};

inline __m256 floats_of_bytes(uint32_t low, uint32_t high) {
  const __m128i bytes = _mm_set_epi32(0, 0, static_cast<int>(high), static_cast<int>(low));
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
}
inline __m256i bits_of(__m256i bytes, int shift, int mask) {
  return _mm256_and_si256(_mm256_srli_epi16(bytes, shift), _mm256_set1_epi8(static_cast<char>(mask)));
}

// Eight scales and eight minima of six bits in twelve bytes, as q4_k and q5_k have them.
inline Scales six_bit_scales(const uint8_t* p) {
  const uint32_t a = u32_at(p + 4), b = u32_at(p + 8), c = u32_at(p + 12);
  constexpr uint32_t kSix = 0x3f3f3f3f, kFour = 0x0f0f0f0f, kTwo = 0x03030303;
  const __m256 scale = floats_of_bytes(a & kSix, (c & kFour) | ((a >> 6 & kTwo) << 4));
  const __m256 min = floats_of_bytes(b & kSix, (c >> 4 & kFour) | ((b >> 6 & kTwo) << 4));
  const __m256 s = _mm256_mul_ps(scale, _mm256_set1_ps(f16_at(p)));
  const __m256 m = _mm256_mul_ps(min, _mm256_set1_ps(-f16_at(p + 2)));
  return {{s, s}, {m, m}};
}

template <>
struct Blocks<QuantFormat::q4_k> {
  static constexpr size_t kBytes = 144;
  static Scales scales(const uint8_t* p, int) { return six_bit_scales(p); }
  static __m256i numbers(const uint8_t* p, int j) { return bits_of(bytes_at(p + 16 + j / 2 * 32), j % 2 * 4, 15); }
};
template <>
struct Blocks<QuantFormat::q5_k> {
  static constexpr size_t kBytes = 176;
  static Scales scales(const uint8_t* p, int) { return six_bit_scales(p); }
  static __m256i numbers(const uint8_t* p, int j) {
    return _mm256_or_si256(bits_of(bytes_at(p + 48 + j / 2 * 32), j % 2 * 4, 15),
                           _mm256_slli_epi16(bits_of(bytes_at(p + 16), j, 1), 4));
  }
};
template <>
struct Blocks<QuantFormat::q2_k> {
  static constexpr size_t kBytes = 84;
  static Scales scales(const uint8_t* p, int) {
    const __m256 d = _mm256_set1_ps(f16_at(p + 80)), dmin = _mm256_set1_ps(-f16_at(p + 82));
    Scales s;
    for (int i = 0; i < 2; ++i) {
      const uint32_t low = u32_at(p + 8 * i), high = u32_at(p + 8 * i + 4);
      constexpr uint32_t kFour = 0x0f0f0f0f;
      s.s[i] = _mm256_mul_ps(d, floats_of_bytes(low & kFour, high & kFour));
      s.m[i] = _mm256_mul_ps(dmin, floats_of_bytes(low >> 4 & kFour, high >> 4 & kFour));
    }
    return s;
  }
  static __m256i numbers(const uint8_t* p, int j) { return bits_of(bytes_at(p + 16 + j / 4 * 32), j % 4 * 2, 3); }
};
template <>
struct Blocks<QuantFormat::q3_k> {
  static constexpr size_t kBytes = 110;
  static Scales scales(const uint8_t* p, int) {
    const uint32_t a = u32_at(p + 96), b = u32_at(p + 100), t = u32_at(p + 104);
    const __m256 d = _mm256_set1_ps(f16_at(p + 108));
    Scales s;
    for (int i = 0; i < 2; ++i) {
      constexpr uint32_t kFour = 0x0f0f0f0f, kTwo = 0x03030303;
      const __m256 six = floats_of_bytes((a >> 4 * i & kFour) | ((t >> 4 * i & kTwo) << 4),
                                         (b >> 4 * i & kFour) | ((t >> (4 * i + 2) & kTwo) << 4));
      s.s[i] = _mm256_mul_ps(d, _mm256_sub_ps(six, _mm256_set1_ps(32)));
      s.m[i] = _mm256_mul_ps(s.s[i], _mm256_set1_ps(-4));
    }
    return s;
  }
  static __m256i numbers(const uint8_t* p, int j) {
    return _mm256_or_si256(bits_of(bytes_at(p + 32 + j / 4 * 32), j % 4 * 2, 3),
                           _mm256_slli_epi16(bits_of(bytes_at(p), j, 1), 2));
  }
};
template <>
struct Blocks<QuantFormat::q6_k> {
  static constexpr size_t kBytes = 210;
  static Scales scales(const uint8_t* p, int) {
    const __m256 d = _mm256_set1_ps(f16_at(p + 208));
    Scales s;
    for (int i = 0; i < 2; ++i) {
      const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 192 + 8 * i));
      s.s[i] = _mm256_mul_ps(d, _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)));
      s.m[i] = _mm256_mul_ps(s.s[i], _mm256_set1_ps(-32));
    }
    return s;
  }
  static __m256i numbers(const uint8_t* p, int j) {
    const int h = j / 4, in = j % 4;
    return _mm256_or_si256(bits_of(bytes_at(p + h * 64 + in % 2 * 32), in / 2 * 4, 15),
                           _mm256_slli_epi16(bits_of(bytes_at(p + 128 + h * 32), in * 2, 3), 4));
  }
};

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
