// Products of packed rows with rounded rows of activations. The weights are read as they lie in the file: at one row
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
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2
#include "kernels/cpu/packed_blocks.h"
#endif

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2

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

// What eight blocks of a rounded row are multiplied by, d times the sums of whole blocks and of their halves. Blocks
// before `from` and behind `count` are zeros.
struct RoundedScales {
  __m256 d, totals, sums[2];
  RoundedScales(const RoundedRows& x, int64_t row, int64_t block, int from, int count) {
    const float *p = x.d + row * (x.k / 32) + block, *q = x.sums + row * (x.k / 16) + 2 * block;
    if (from == 0 && count == 8) {
      d = _mm256_loadu_ps(p);
      sums[0] = _mm256_loadu_ps(q), sums[1] = _mm256_loadu_ps(q + 8);
    } else {
      d = some(p, from, count);
      sums[0] = some(q, 2 * from, 2 * count), sums[1] = some(q + 8, 2 * from - 8, 2 * count - 8);
    }
    const __m256 pairs = _mm256_hadd_ps(sums[0], sums[1]);  // of blocks 0 1 4 5 2 3 6 7
    totals = _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(pairs), 0xd8));
  }
  // d of each half of the blocks 4 i … 4 i + 3.
  __m256 of_halves(int i) const {
    return _mm256_permutevar8x32_ps(
        d, i == 0 ? _mm256_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3) : _mm256_setr_epi32(4, 4, 5, 5, 6, 6, 7, 7));
  }

 private:
  static __m256 some(const float* p, int from, int to) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_maskload_ps(p, _mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(from), lane),
                                                     _mm256_cmpgt_epi32(_mm256_set1_epi32(to), lane)));
  }
};

// Asks for what will be read soon. Four rows read side by side are no stream that the processor would recognise; asked
// for in the order in which it lies, memory gives twice as much.
template <size_t bytes>
HWY_INLINE void fetch_ahead(const void* p) {
  constexpr size_t kAhead = 4096, kLine = 64;
  const char* at = static_cast<const char*>(p) + kAhead;
#pragma GCC unroll 32
  for (size_t i = 0; i < bytes; i += kLine) _mm_prefetch(at + i, _MM_HINT_T0);
}

// R rows of w times C rows of x: they share the loads and what was taken apart, and hide each other's latencies.
template <QuantFormat format, int R, int C>
void tile_of(const uint8_t* w, size_t row_bytes, const RoundedRows& x, int64_t first, float* y, int64_t ldy) {
  constexpr bool kSuper = format >= QuantFormat::q2_k;
  constexpr bool kSigned = format == QuantFormat::q8_0;
  constexpr bool kHalves = format == QuantFormat::q2_k || format == QuantFormat::q3_k || format == QuantFormat::q6_k;
  constexpr int S = R * C >= 4 ? 1 : 4 / (R * C);  // sums that take turns, where there are few
  using Of = Blocks<format>;
  constexpr size_t kBytes = Of::kBytes;
  __m256 sum[R][C][S], added[R][C];
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c) {
      added[r][c] = _mm256_setzero_ps();
      for (int i = 0; i < S; ++i) sum[r][c][i] = _mm256_setzero_ps();
    }
  alignas(32) float by[R][C][16];
  const int64_t blocks = x.k / 32;
  // Eight blocks from `block`, of which those before `from` have had their turn.
  const auto eight = [&](int64_t block, int from, int count) HWY_ATTR __attribute__((always_inline)) {
    const uint8_t* at[R];
    Scales own[R];
    if (C == 1) {
      constexpr size_t kRead = (kSuper ? 1 : 8) * kBytes * R;
      fetch_ahead<kRead>(w + static_cast<size_t>(block / 8) * kRead);
    }
    for (int r = 0; r < R; ++r) {
      at[r] = w + static_cast<size_t>(r) * row_bytes + static_cast<size_t>(kSuper ? block / 8 : block) * kBytes;
      own[r] = Of::scales(at[r], count);
    }
    for (int c = 0; c < C; ++c) {
      const RoundedScales xs(x, first + c, block, from, count);
      const __m256 d0 = kHalves ? xs.of_halves(0) : xs.d, d1 = xs.of_halves(1);
      for (int r = 0; r < R; ++r) {
        _mm256_store_ps(by[r][c], _mm256_mul_ps(own[r].s[0], d0));
        if constexpr (kHalves) {
          _mm256_store_ps(by[r][c] + 8, _mm256_mul_ps(own[r].s[1], d1));
          added[r][c] = _mm256_fmadd_ps(own[r].m[0], xs.sums[0], added[r][c]);
          added[r][c] = _mm256_fmadd_ps(own[r].m[1], xs.sums[1], added[r][c]);
        } else if constexpr (!kSigned) {
          added[r][c] = _mm256_fmadd_ps(own[r].m[0], xs.totals, added[r][c]);
        }
      }
    }
    const int8_t* xq = x.q + first * x.k + block * 32;
    const auto one = [&](int j, int turn) HWY_ATTR __attribute__((always_inline)) {
#pragma GCC unroll 4
      for (int r = 0; r < R; ++r) {
        const __m256i q = Of::numbers(at[r], j);
#pragma GCC unroll 4
        for (int c = 0; c < C; ++c) {
          const __m256i v = bytes_at(xq + c * x.k + j * 32);
          const __m256i dots = kSigned ? dot_bytes(_mm256_abs_epi8(q), _mm256_sign_epi8(v, q)) : dot_bytes(q, v);
          const float* s = by[r][c] + (kHalves ? 2 * j : j);
          const __m256 scale =
              kHalves ? _mm256_set_m128(_mm_broadcast_ss(s + 1), _mm_broadcast_ss(s)) : _mm256_broadcast_ss(s);
          sum[r][c][turn] = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(dots), sum[r][c][turn]);
        }
      }
    };
    if (from == 0 && count == 8) {
#pragma GCC unroll 8
      for (int j = 0; j < 8; ++j) one(j, j % S);
    } else {
      for (int j = from; j < count; ++j) one(j, 0);
    }
  };
  int64_t block = 0;
  for (; block + 8 <= blocks; block += 8) eight(block, 0, 8);
  // The last eight once more, without those that were there.
  if (const auto rest = static_cast<int>(blocks - block); rest > 0)
    blocks >= 8 ? eight(blocks - 8, 8 - rest, 8) : eight(0, 0, rest);
  for (int r = 0; r < R; ++r)
    for (int c = 0; c < C; ++c) {
      __m256 total = added[r][c];
      for (int i = 0; i < S; ++i) total = _mm256_add_ps(total, sum[r][c][i]);
      y[c * ldy + r] = sum_of(total);
    }
}

template <QuantFormat format, int C>
void all_rows(const uint8_t* w, size_t row_bytes, int64_t rows, const RoundedRows& x, int64_t first, float* y,
              int64_t ldy) {
  constexpr int R = C == 1 && format != QuantFormat::q8_0 ? 4 : 2;
  int64_t r = 0;
  for (; r + R <= rows; r += R)
    tile_of<format, R, C>(w + static_cast<size_t>(r) * row_bytes, row_bytes, x, first, y + r, ldy);
  for (; r < rows; ++r) tile_of<format, 1, C>(w + static_cast<size_t>(r) * row_bytes, row_bytes, x, first, y + r, ldy);
}

template <QuantFormat format>
void all_tiles(const uint8_t* w, size_t row_bytes, int64_t rows, const RoundedRows& x, float* y, int64_t ldy) {
  int64_t c = 0;
  for (; c + 4 <= x.rows; c += 4) all_rows<format, 4>(w, row_bytes, rows, x, c, y + c * ldy, ldy);
  for (; c < x.rows; ++c) all_rows<format, 1>(w, row_bytes, rows, x, c, y + c * ldy, ldy);
}

void packed_rows(QuantFormat format, const uint8_t* w, size_t row_bytes, int64_t rows, const RoundedRows& x, float* y,
                 int64_t ldy) {
  switch (format) {
#define GRADUS_FORMAT(name) \
  case QuantFormat::name: return all_tiles<QuantFormat::name>(w, row_bytes, rows, x, y, ldy);
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
  constexpr size_t kBytes = kind == Floats::f32 ? 4 : 2;
  __m256 sum[count][2];
  for (int r = 0; r < count; ++r) sum[r][0] = sum[r][1] = _mm256_setzero_ps();
  int64_t i = 0;
  for (; i + 16 <= k; i += 16) {
    fetch_ahead<16 * count * kBytes>(w + static_cast<size_t>(i * count) * kBytes);
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

void packed_rows(QuantFormat format, const uint8_t* w, size_t row_bytes, int64_t rows, const RoundedRows& x, float* y,
                 int64_t ldy) {
  std::vector<float> unpacked(static_cast<size_t>(x.k));
  for (int64_t r = 0; r < rows; ++r) {
    dequantize(format, reinterpret_cast<const std::byte*>(w) + static_cast<size_t>(r) * row_bytes, x.k,
               unpacked.data());
    for (int64_t c = 0; c < x.rows; ++c) {
      float sum = 0;
      for (int64_t b = 0; b < x.k / 32; ++b) {
        float part = 0;
        for (int64_t i = 32 * b; i < 32 * b + 32; ++i)
          part += unpacked[static_cast<size_t>(i)] * static_cast<float>(x.q[c * x.k + i]);
        sum += part * x.d[c * (x.k / 32) + b];
      }
      y[c * ldy + r] = sum;
    }
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

void dot_packed(QuantFormat format, const std::byte* w, size_t row_bytes, int64_t rows, const RoundedRows& x, float* y,
                int64_t ldy) {
  HWY_DYNAMIC_DISPATCH(packed_rows)(format, reinterpret_cast<const uint8_t*>(w), row_bytes, rows, x, y, ldy);
}

void dot_floats(const QuantFormat* format, const std::byte* w, size_t row_bytes, int64_t rows, int64_t k,
                const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(float_rows)(format, w, row_bytes, rows, k, x, y);
}

}  // namespace gradus::cpu
#endif
