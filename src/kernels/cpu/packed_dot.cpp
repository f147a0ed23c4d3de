// Products of packed rows with one row of activations. The weights are read once, as they lie in the file: at one row
// the time goes into fetching them. Integers are multiplied in 8 bits (maddubs, or dpbusd where the processor has it).
#include "kernels/cpu/packed_dot.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

// As kernels/cpu/simd.h, and with the target that has 8-bit dot products.
#define HWY_WANT_AVX3_DL
#define HWY_DISABLED_TARGETS (HWY_SSE4 | HWY_SSSE3 | HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/packed_dot.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2

inline float f16_at(const uint8_t* p) {
  uint16_t bits;
  std::memcpy(&bits, p, 2);
  return _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(bits)));
}
inline __m256i bytes_at(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline __m128i half_at(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

// Four sums of four products each in every lane: u8 times i8.
inline __m256i dot_bytes(__m256i u, __m256i s) {
#if HWY_TARGET <= HWY_AVX3_DL
  return _mm256_dpbusd_epi32(_mm256_setzero_si256(), u, s);
#else
  return _mm256_madd_epi16(_mm256_maddubs_epi16(u, s), _mm256_set1_epi16(1));
#endif
}

inline float sum_of(__m256 v) {
  const __m128 a = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  const __m128 b = _mm_add_ps(a, _mm_movehl_ps(a, a));
  return _mm_cvtss_f32(_mm_add_ss(b, _mm_movehdup_ps(b)));
}

// 32 numbers q (u8) of a block, what each half is multiplied by, and what is added: w = s q + m.
struct Unpacked {
  __m256i q;
  float s0, s1, m0, m1;
};

inline __m256i nibbles(const uint8_t* p) {
  const __m128i b = half_at(p);
  const __m256i both = _mm256_set_m128i(_mm_srli_epi16(b, 4), b);
  return _mm256_and_si256(both, _mm256_set1_epi8(15));
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
inline uint32_t u32_at(const uint8_t* p) {
  uint32_t v;
  std::memcpy(&v, p, 4);
  return v;
}

template <QuantFormat format>
struct Block;

template <>
struct Block<QuantFormat::q4_0> {
  static Unpacked at(const uint8_t* p, int) {
    const float d = f16_at(p);
    return {nibbles(p + 2), d, d, -8 * d, -8 * d};
  }
};
template <>
struct Block<QuantFormat::q4_1> {
  static Unpacked at(const uint8_t* p, int) {
    const float d = f16_at(p), m = f16_at(p + 2);
    return {nibbles(p + 4), d, d, m, m};
  }
};
template <>
struct Block<QuantFormat::q5_0> {
  static Unpacked at(const uint8_t* p, int) {
    const float d = f16_at(p);
    return {_mm256_or_si256(nibbles(p + 6), fifth_bits(u32_at(p + 2))), d, d, -16 * d, -16 * d};
  }
};
template <>
struct Block<QuantFormat::q5_1> {
  static Unpacked at(const uint8_t* p, int) {
    const float d = f16_at(p), m = f16_at(p + 2);
    return {_mm256_or_si256(nibbles(p + 8), fifth_bits(u32_at(p + 4))), d, d, m, m};
  }
};
template <>
struct Block<QuantFormat::q2_k> {
  static Unpacked at(const uint8_t* p, int j) {
    const float d = f16_at(p + 80), dmin = f16_at(p + 82);
    const __m256i q =
        _mm256_and_si256(_mm256_srli_epi16(bytes_at(p + 16 + j / 4 * 32), j % 4 * 2), _mm256_set1_epi8(3));
    const int a = p[2 * j], b = p[2 * j + 1];
    return {q, d * static_cast<float>(a & 15), d * static_cast<float>(b & 15), -dmin * static_cast<float>(a >> 4),
            -dmin * static_cast<float>(b >> 4)};
  }
};
template <>
struct Block<QuantFormat::q3_k> {
  static Unpacked at(const uint8_t* p, int j) {
    const float d = f16_at(p + 108);
    const __m256i low =
        _mm256_and_si256(_mm256_srli_epi16(bytes_at(p + 32 + j / 4 * 32), j % 4 * 2), _mm256_set1_epi8(3));
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes_at(p), j), _mm256_set1_epi8(1));
    const auto scale = [&](int g) {
      const int bits = ((p[96 + g % 8] >> (g / 8 * 4)) & 15) | (((p[104 + g % 4] >> (g / 4 * 2)) & 3) << 4);
      return d * static_cast<float>(bits - 32);
    };
    const float a = scale(2 * j), b = scale(2 * j + 1);
    return {_mm256_or_si256(low, _mm256_slli_epi16(high, 2)), a, b, -4 * a, -4 * b};
  }
};
template <>
struct Block<QuantFormat::q4_k> {
  static Unpacked at(const uint8_t* p, int j) {
    const detail::ScaleMin s = detail::unpack_scale_min(p + 4, j);
    const __m256i bytes = bytes_at(p + 16 + j / 2 * 32);
    const __m256i q = _mm256_and_si256(j % 2 ? _mm256_srli_epi16(bytes, 4) : bytes, _mm256_set1_epi8(15));
    const float scale = f16_at(p) * static_cast<float>(s.scale), min = -f16_at(p + 2) * static_cast<float>(s.min);
    return {q, scale, scale, min, min};
  }
};
template <>
struct Block<QuantFormat::q5_k> {
  static Unpacked at(const uint8_t* p, int j) {
    const detail::ScaleMin s = detail::unpack_scale_min(p + 4, j);
    const __m256i bytes = bytes_at(p + 48 + j / 2 * 32);
    const __m256i low = _mm256_and_si256(j % 2 ? _mm256_srli_epi16(bytes, 4) : bytes, _mm256_set1_epi8(15));
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes_at(p + 16), j), _mm256_set1_epi8(1));
    const float scale = f16_at(p) * static_cast<float>(s.scale), min = -f16_at(p + 2) * static_cast<float>(s.min);
    return {_mm256_or_si256(low, _mm256_slli_epi16(high, 4)), scale, scale, min, min};
  }
};
template <>
struct Block<QuantFormat::q6_k> {
  static Unpacked at(const uint8_t* p, int j) {
    const int h = j / 4, in = j % 4;
    const __m256i bytes = bytes_at(p + h * 64 + in % 2 * 32);
    const __m256i low = _mm256_and_si256(in / 2 ? _mm256_srli_epi16(bytes, 4) : bytes, _mm256_set1_epi8(15));
    const __m256i high = _mm256_and_si256(_mm256_srli_epi16(bytes_at(p + 128 + h * 32), in * 2), _mm256_set1_epi8(3));
    const float d = f16_at(p + 208);
    const float a = d * static_cast<float>(static_cast<int8_t>(p[192 + 2 * j])),
                b = d * static_cast<float>(static_cast<int8_t>(p[193 + 2 * j]));
    return {_mm256_or_si256(low, _mm256_slli_epi16(high, 4)), a, b, -32 * a, -32 * b};
  }
};

// `count` rows at a time share the loads of x and hide each other's latencies.
template <QuantFormat format, int count>
void rows_of(const uint8_t* w, size_t row_bytes, int64_t k, const RoundedRow& x, float* y) {
  constexpr bool kSuper = format >= QuantFormat::q2_k;
  constexpr bool kSigned = format == QuantFormat::q8_0;
  constexpr int kInside = kSuper ? 8 : 1;
  const size_t bytes = static_cast<size_t>(layout_of(format).bytes);
  __m256 sum[count];
  float added[count];
  for (int r = 0; r < count; ++r) sum[r] = _mm256_setzero_ps(), added[r] = 0;
  const int64_t blocks = k / (32 * kInside);
  for (int64_t b = 0; b < blocks; ++b)
    for (int j = 0; j < kInside; ++j) {
      const int64_t at = b * kInside + j;
      const __m256i xq = bytes_at(x.q + at * 32);
      const float dx = x.d[at];
      for (int r = 0; r < count; ++r) {
        const uint8_t* p = w + static_cast<size_t>(r) * row_bytes + static_cast<size_t>(b) * bytes;
        if constexpr (kSigned) {
          const __m256i q = bytes_at(p + 2);
          const __m256i dots = dot_bytes(_mm256_abs_epi8(q), _mm256_sign_epi8(xq, q));
          sum[r] = _mm256_fmadd_ps(_mm256_set1_ps(f16_at(p) * dx), _mm256_cvtepi32_ps(dots), sum[r]);
        } else {
          const Unpacked u = Block<format>::at(p, j);
          const __m256 scale =
              kSuper ? _mm256_set_m128(_mm_set1_ps(u.s1 * dx), _mm_set1_ps(u.s0 * dx)) : _mm256_set1_ps(u.s0 * dx);
          sum[r] = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(dot_bytes(u.q, xq)), sum[r]);
          added[r] += u.m0 * x.sums[2 * at] + u.m1 * x.sums[2 * at + 1];
        }
      }
    }
  for (int r = 0; r < count; ++r) y[r] = sum_of(sum[r]) + added[r];
}

template <QuantFormat format>
void all_rows(const uint8_t* w, size_t row_bytes, int64_t rows, int64_t k, const RoundedRow& x, float* y) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) rows_of<format, 4>(w + static_cast<size_t>(r) * row_bytes, row_bytes, k, x, y + r);
  for (; r < rows; ++r) rows_of<format, 1>(w + static_cast<size_t>(r) * row_bytes, row_bytes, k, x, y + r);
}

void packed_rows(QuantFormat format, const uint8_t* w, size_t row_bytes, int64_t rows, int64_t k, const RoundedRow& x,
                 float* y) {
  switch (format) {
#define GRADUS_FORMAT(name) \
  case QuantFormat::name: return all_rows<QuantFormat::name>(w, row_bytes, rows, k, x, y);
    GRADUS_FORMAT(q4_0)
    GRADUS_FORMAT(q4_1)
    GRADUS_FORMAT(q5_0)
    GRADUS_FORMAT(q5_1)
    GRADUS_FORMAT(q8_0)
    GRADUS_FORMAT(q2_k)
    GRADUS_FORMAT(q3_k)
    GRADUS_FORMAT(q4_k)
    GRADUS_FORMAT(q5_k)
    GRADUS_FORMAT(q6_k)
#undef GRADUS_FORMAT
    default: return;
  }
}

void round_blocks(const float* x, int64_t k, int8_t* q, float* d, float* sums) {
  const __m256 sign = _mm256_set1_ps(-0.0f);
  for (int64_t b = 0; b < k / 32; ++b) {
    const float* p = x + b * 32;
    __m256 v[4], most = _mm256_setzero_ps();
    for (int i = 0; i < 4; ++i) {
      v[i] = _mm256_loadu_ps(p + 8 * i);
      most = _mm256_max_ps(most, _mm256_andnot_ps(sign, v[i]));
    }
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(most), _mm256_extractf128_ps(most, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    const float largest = _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
    const float scale = largest / 127, inverse = largest > 0 ? 127 / largest : 0;
    __m256i n[4];
    for (int i = 0; i < 4; ++i) n[i] = _mm256_cvtps_epi32(_mm256_mul_ps(v[i], _mm256_set1_ps(inverse)));
    const __m256i packed =
        _mm256_packs_epi16(_mm256_packs_epi32(n[0], n[1]), _mm256_packs_epi32(n[2], n[3]));  // lanes interleaved
    const __m256i ordered = _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(q + b * 32), ordered);
    const __m256i totals = dot_bytes(_mm256_set1_epi8(1), ordered);
    d[b] = scale;
    const __m256 as_floats = _mm256_cvtepi32_ps(totals);
    const auto quarter = [](__m128 t) {
      const __m128 two = _mm_add_ps(t, _mm_movehl_ps(t, t));
      return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
    };
    sums[2 * b] = scale * quarter(_mm256_castps256_ps128(as_floats));
    sums[2 * b + 1] = scale * quarter(_mm256_extractf128_ps(as_floats, 1));
  }
}

enum class Floats { f32, f16, bf16 };

template <Floats kind>
inline __m256 eight(const std::byte* p, int64_t i) {
  if constexpr (kind == Floats::f32) return _mm256_loadu_ps(reinterpret_cast<const float*>(p) + i);
  const __m128i h = half_at(p + 2 * i);
  if constexpr (kind == Floats::f16) return _mm256_cvtph_ps(h);
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16));
}
template <Floats kind>
inline float one(const std::byte* p, int64_t i) {
  if constexpr (kind == Floats::f32) {
    float v;
    std::memcpy(&v, p + 4 * i, 4);
    return v;
  }
  uint16_t bits;
  std::memcpy(&bits, p + 2 * i, 2);
  return kind == Floats::f16 ? detail::f16_value(bits) : std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
}

template <Floats kind, int count>
void float_rows_of(const std::byte* w, size_t row_bytes, int64_t k, const float* x, float* y) {
  __m256 sum[count][2];
  for (int r = 0; r < count; ++r) sum[r][0] = sum[r][1] = _mm256_setzero_ps();
  int64_t i = 0;
  for (; i + 16 <= k; i += 16) {
    const __m256 x0 = _mm256_loadu_ps(x + i), x1 = _mm256_loadu_ps(x + i + 8);
    for (int r = 0; r < count; ++r) {
      const std::byte* p = w + static_cast<size_t>(r) * row_bytes;
      sum[r][0] = _mm256_fmadd_ps(eight<kind>(p, i), x0, sum[r][0]);
      sum[r][1] = _mm256_fmadd_ps(eight<kind>(p, i + 8), x1, sum[r][1]);
    }
  }
  for (int r = 0; r < count; ++r) {
    float total = sum_of(_mm256_add_ps(sum[r][0], sum[r][1]));
    for (int64_t rest = i; rest < k; ++rest) total += one<kind>(w + static_cast<size_t>(r) * row_bytes, rest) * x[rest];
    y[r] = total;
  }
}

template <Floats kind>
void all_float_rows(const std::byte* w, size_t row_bytes, int64_t rows, int64_t k, const float* x, float* y) {
  int64_t r = 0;
  for (; r + 4 <= rows; r += 4) float_rows_of<kind, 4>(w + static_cast<size_t>(r) * row_bytes, row_bytes, k, x, y + r);
  for (; r < rows; ++r) float_rows_of<kind, 1>(w + static_cast<size_t>(r) * row_bytes, row_bytes, k, x, y + r);
}

void float_rows(const QuantFormat* format, const std::byte* w, size_t row_bytes, int64_t rows, int64_t k,
                const float* x, float* y) {
  if (!format) return all_float_rows<Floats::f32>(w, row_bytes, rows, k, x, y);
  if (*format == QuantFormat::f16) return all_float_rows<Floats::f16>(w, row_bytes, rows, k, x, y);
  all_float_rows<Floats::bf16>(w, row_bytes, rows, k, x, y);
}

#else  // no vectors of 8-bit products: plain loops with the same roundings

void packed_rows(QuantFormat format, const uint8_t* w, size_t row_bytes, int64_t rows, int64_t k, const RoundedRow& x,
                 float* y) {
  std::vector<float> unpacked(static_cast<size_t>(k));
  for (int64_t r = 0; r < rows; ++r) {
    dequantize(format, reinterpret_cast<const std::byte*>(w) + static_cast<size_t>(r) * row_bytes, k, unpacked.data());
    float sum = 0;
    for (int64_t b = 0; b < k / 32; ++b) {
      float part = 0;
      for (int64_t i = 32 * b; i < 32 * b + 32; ++i)
        part += unpacked[static_cast<size_t>(i)] * static_cast<float>(x.q[i]);
      sum += part * x.d[b];
    }
    y[r] = sum;
  }
}

void round_blocks(const float* x, int64_t k, int8_t* q, float* d, float* sums) {
  for (int64_t b = 0; b < k / 32; ++b) {
    float largest = 0;
    for (int64_t i = 32 * b; i < 32 * b + 32; ++i) largest = std::max(largest, std::fabs(x[i]));
    const float inverse = largest > 0 ? 127 / largest : 0;
    d[b] = largest / 127;
    for (int64_t half = 0; half < 2; ++half) {
      int total = 0;
      for (int64_t i = 32 * b + 16 * half; i < 32 * b + 16 * half + 16; ++i) {
        const float v = x[i] * inverse;
        q[i] = static_cast<int8_t>(v > -128 && v < 128 ? std::lrint(v) : 0);
        total += q[i];
      }
      sums[2 * b + half] = d[b] * static_cast<float>(total);
    }
  }
}

void float_rows(const QuantFormat* format, const std::byte* w, size_t row_bytes, int64_t rows, int64_t k,
                const float* x, float* y) {
  std::vector<float> unpacked(static_cast<size_t>(k));
  for (int64_t r = 0; r < rows; ++r) {
    const std::byte* p = w + static_cast<size_t>(r) * row_bytes;
    if (format)
      dequantize(*format, p, k, unpacked.data());
    else
      std::memcpy(unpacked.data(), p, static_cast<size_t>(k) * sizeof(float));
    float sum = 0;
    for (int64_t i = 0; i < k; ++i) sum += unpacked[static_cast<size_t>(i)] * x[i];
    y[r] = sum;
  }
}

#endif

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::cpu {

HWY_EXPORT(packed_rows);
HWY_EXPORT(round_blocks);
HWY_EXPORT(float_rows);

void round_row(const float* x, int64_t k, int8_t* q, float* d, float* sums) {
  HWY_DYNAMIC_DISPATCH(round_blocks)(x, k, q, d, sums);
}

void dot_packed(QuantFormat format, const std::byte* w, size_t row_bytes, int64_t rows, int64_t k, const RoundedRow& x,
                float* y) {
  HWY_DYNAMIC_DISPATCH(packed_rows)(format, reinterpret_cast<const uint8_t*>(w), row_bytes, rows, k, x, y);
}

void dot_floats(const QuantFormat* format, const std::byte* w, size_t row_bytes, int64_t rows, int64_t k,
                const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(float_rows)(format, w, row_bytes, rows, k, x, y);
}

}  // namespace gradus::cpu
#endif
