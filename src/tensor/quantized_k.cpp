// The k formats: 256 numbers in groups of 16 or 32 whose scales are small integers times one f16 of the whole block.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "tensor/quantized.h"

namespace gradus {

namespace {

constexpr int kSuper = 256;

float load_f16(const uint8_t* p) {
  f16 h;
  std::memcpy(&h.bits, p, 2);
  return h;
}
// Stores x as f16 and gives what was stored: everything behind is rounded with the scale a reader will see.
float store_f16(float x, uint8_t* p) {
  const f16 h(x);
  std::memcpy(p, &h.bits, 2);
  return h;
}

int rounded(float x, int least, int most) {
  return x >= static_cast<float>(most)    ? most
         : x <= static_cast<float>(least) ? least
                                          : static_cast<int>(std::lrint(x));
}

struct Affine {
  float scale = 0, min = 0;  // x ≈ scale q - min, both >= 0
};

// Searches scale and min of n numbers for q in 0 … most: for each of a range of first guesses of the scale, rounds and
// solves the least-squares problem  min_{s,m} sum (x - s q + m)^2  for the rounded q; keeps the best.
Affine fit_affine(const float* x, int n, int most) {
  const float low = std::min(*std::min_element(x, x + n), 0.0f), high = *std::max_element(x, x + n);
  Affine best{0, -low};
  if (!(high > low)) return best;
  float best_error = INFINITY, sum_x = 0;
  for (int i = 0; i < n; ++i) sum_x += x[i];
  const auto count = static_cast<float>(n);
  constexpr int kGuesses = 24, kRounds = 3;
  for (int guess = 0; guess <= kGuesses; ++guess) {
    const float inverse = (static_cast<float>(most) - 1.4f + 0.1f * static_cast<float>(guess)) / (high - low);
    Affine fit{1 / inverse, -low};
    for (int round = 0; round < kRounds; ++round) {  // rounds, solves, rounds again with the solution
      float sum_q = 0, sum_qq = 0, sum_xq = 0;
      int q[32];
      for (int i = 0; i < n; ++i) {
        q[i] = rounded((x[i] + fit.min) / fit.scale, 0, most);
        const auto v = static_cast<float>(q[i]);
        sum_q += v;
        sum_qq += v * v;
        sum_xq += v * x[i];
      }
      const float determinant = count * sum_qq - sum_q * sum_q;
      if (!(determinant > 0)) break;
      fit = {(count * sum_xq - sum_x * sum_q) / determinant, -(sum_qq * sum_x - sum_q * sum_xq) / determinant};
      if (fit.min < 0) fit = {sum_xq / sum_qq, 0};  // a min is never negative in the format
      if (!(fit.scale > 0)) break;
      float error = 0;
      for (int i = 0; i < n; ++i) {
        const float difference = x[i] - (fit.scale * static_cast<float>(q[i]) - fit.min);
        error += difference * difference;
      }
      if (error < best_error) best_error = error, best = fit;
    }
  }
  return best;
}

// The same for x ≈ scale q, q in -most … most - 1; the scale may be negative.
float fit_symmetric(const float* x, int n, int most) {
  float largest = 0;
  for (int i = 0; i < n; ++i)
    if (std::fabs(x[i]) > std::fabs(largest)) largest = x[i];
  if (!(std::fabs(largest) > 1e-30f)) return 0;
  float best_gain = 0, best = 0;
  constexpr int kGuesses = 10;
  for (int sign = -1; sign <= 1; sign += 2)
    for (int guess = -kGuesses; guess <= kGuesses; ++guess) {
      const float inverse =
          static_cast<float>(sign) * (static_cast<float>(most) + 0.1f * static_cast<float>(guess)) / largest;
      float sum_xq = 0, sum_qq = 0;
      for (int i = 0; i < n; ++i) {
        const auto q = static_cast<float>(rounded(inverse * x[i], -most, most - 1));
        sum_xq += x[i] * q;
        sum_qq += q * q;
      }
      // sum (x - s q)^2 = sum x^2 - (sum x q)^2 / sum q^2  at the best s
      if (sum_qq > 0 && sum_xq * sum_xq > best_gain * sum_qq) {
        best_gain = sum_xq * sum_xq / sum_qq;
        best = sum_xq / sum_qq;
      }
    }
  return best;
}

// Scales and minima of `groups` groups as integers 0 … most times one f16 each.
template <int groups>
struct Groups {
  int scale[groups], min[groups];
  float d, dmin;

  Groups(const float* x, int n, int most_q, int most_scale, uint8_t* d_bytes, uint8_t* dmin_bytes) {
    Affine fit[groups];
    float largest_scale = 0, largest_min = 0;
    for (int g = 0; g < groups; ++g) {
      fit[g] = fit_affine(x + g * n, n, most_q);
      largest_scale = std::max(largest_scale, fit[g].scale);
      largest_min = std::max(largest_min, fit[g].min);
    }
    d = store_f16(largest_scale / static_cast<float>(most_scale), d_bytes);
    dmin = store_f16(largest_min / static_cast<float>(most_scale), dmin_bytes);
    for (int g = 0; g < groups; ++g) {
      scale[g] = d > 0 ? rounded(fit[g].scale / d, 0, most_scale) : 0;
      min[g] = dmin > 0 ? rounded(fit[g].min / dmin, 0, most_scale) : 0;
    }
  }
  // q = (x + min) / scale, rounded
  int number(float x, int g, int most) const {
    const float s = d * static_cast<float>(scale[g]);
    return s > 0 ? rounded((x + dmin * static_cast<float>(min[g])) / s, 0, most) : 0;
  }
};

// scales[16] (scale | min << 4), qs[64], d, dmin. Number 128 g + 32 s + l stands in bits 2 s of byte 32 g + l.
void quantize_q2(const float* x, uint8_t* to) {
  const Groups<16> groups(x, 16, 3, 15, to + 80, to + 82);
  for (int g = 0; g < 16; ++g) to[g] = static_cast<uint8_t>(groups.scale[g] | (groups.min[g] << 4));
  std::memset(to + 16, 0, 64);
  for (int i = 0; i < kSuper; ++i)
    to[16 + i / 128 * 32 + i % 32] |= static_cast<uint8_t>(groups.number(x[i], i / 16, 3) << (i % 128 / 32 * 2));
}
void dequantize_q2(const uint8_t* from, float* y) {
  const float d = load_f16(from + 80), dmin = load_f16(from + 82);
  for (int g = 0; g < 16; ++g) {
    const float scale = d * static_cast<float>(from[g] & 15), min = dmin * static_cast<float>(from[g] >> 4);
    const uint8_t* q = from + 16 + g / 8 * 32 + g % 2 * 16;
    const int shift = g % 8 / 2 * 2;
    for (int i = 0; i < 16; ++i) y[16 * g + i] = scale * static_cast<float>((q[i] >> shift) & 3) - min;
  }
}

// Symmetric groups of 16: scales as integers -most … most - 1 times d.
float group_scales(const float* x, int most_q, int most_scale, int* scales, uint8_t* d_bytes) {
  float fit[16], largest = 0;
  for (int g = 0; g < 16; ++g) {
    fit[g] = fit_symmetric(x + 16 * g, 16, most_q);
    if (std::fabs(fit[g]) > std::fabs(largest)) largest = fit[g];
  }
  const float d = store_f16(largest / static_cast<float>(-most_scale), d_bytes);
  for (int g = 0; g < 16; ++g) scales[g] = d == 0 ? 0 : rounded(fit[g] / d, -most_scale, most_scale - 1);
  return d;
}

// hmask[32], qs[64], scales[12], d. The third bit of number 128 g + 32 s + l is bit 4 g + s of hmask[l]; its two low
// bits lie as in q2_k. Scales: 16 of six bits, minus 32.
void quantize_q3(const float* x, uint8_t* to) {
  int scales[16];
  const float d = group_scales(x, 4, 32, scales, to + 108);
  std::memset(to, 0, 108);
  for (int g = 0; g < 16; ++g) {
    const int s = scales[g] + 32;
    to[96 + g % 8] |= static_cast<uint8_t>((s & 15) << (g / 8 * 4));
    to[104 + g % 4] |= static_cast<uint8_t>((s >> 4) << (g / 4 * 2));
  }
  for (int i = 0; i < kSuper; ++i) {
    const float scale = d * static_cast<float>(scales[i / 16]);
    const int q = (scale == 0 ? 0 : rounded(x[i] / scale, -4, 3)) + 4, part = i % 128 / 32;
    to[32 + i / 128 * 32 + i % 32] |= static_cast<uint8_t>((q & 3) << (2 * part));
    to[i % 32] |= static_cast<uint8_t>((q >> 2) << (i / 128 * 4 + part));
  }
}
void dequantize_q3(const uint8_t* from, float* y) {
  const float d = load_f16(from + 108);
  for (int g = 0; g < 16; ++g) {
    const int low = (from[96 + g % 8] >> (g / 8 * 4)) & 15, high = (from[104 + g % 4] >> (g / 4 * 2)) & 3;
    const float scale = d * static_cast<float>((low | (high << 4)) - 32);
    const uint8_t *q = from + 32 + g / 8 * 32 + g % 2 * 16, *mask = from + g % 2 * 16;
    const int part = g % 8 / 2, bit = g / 8 * 4 + part;
    for (int i = 0; i < 16; ++i) {
      const int number = ((q[i] >> (2 * part)) & 3) + (((mask[i] >> bit) & 1) << 2) - 4;
      y[16 * g + i] = scale * static_cast<float>(number);
    }
  }
}

void pack_scale_min(const int* scale, const int* min, uint8_t* to) {
  for (int g = 0; g < 4; ++g) {
    to[g] = static_cast<uint8_t>(scale[g] | ((scale[g + 4] >> 4) << 6));
    to[g + 4] = static_cast<uint8_t>(min[g] | ((min[g + 4] >> 4) << 6));
    to[g + 8] = static_cast<uint8_t>((scale[g + 4] & 15) | ((min[g + 4] & 15) << 4));
  }
}

// d, dmin, scales[12], (five bits: qh[32],) qs[128]. Number 64 g + 32 n + l: nibble n of byte 32 g + l; its fifth bit
// is bit 2 g + n of qh[l].
template <int bits>
void quantize_q45(const float* x, uint8_t* to) {
  constexpr int kMost = (1 << bits) - 1, kAll = bits == 5 ? 176 : 144;
  const Groups<8> groups(x, 32, kMost, 63, to, to + 2);
  pack_scale_min(groups.scale, groups.min, to + 4);
  std::memset(to + 16, 0, kAll - 16);
  uint8_t* low = to + kAll - 128;
  for (int i = 0; i < kSuper; ++i) {
    const int q = groups.number(x[i], i / 32, kMost);
    low[i / 64 * 32 + i % 32] |= static_cast<uint8_t>((q & 15) << (i % 64 / 32 * 4));
    if constexpr (bits == 5) to[16 + i % 32] |= static_cast<uint8_t>((q >> 4) << (i / 32));
  }
}
template <int bits>
void dequantize_q45(const uint8_t* from, float* y) {
  const float d = load_f16(from), dmin = load_f16(from + 2);
  for (int g = 0; g < 8; ++g) {
    const detail::ScaleMin s = detail::unpack_scale_min(from + 4, g);
    const float scale = d * static_cast<float>(s.scale), min = dmin * static_cast<float>(s.min);
    const uint8_t* low = from + (bits == 5 ? 48 : 16) + g / 2 * 32;
    for (int i = 0; i < 32; ++i) {
      int q = (low[i] >> (g % 2 * 4)) & 15;
      if constexpr (bits == 5) q |= ((from[16 + i] >> g) & 1) << 4;
      y[32 * g + i] = scale * static_cast<float>(q) - min;
    }
  }
}

// ql[128], qh[64], scales i8[16], d. Number 128 h + 64 n + l: nibble n of ql[64 h + l]; its two high bits stand in
// bits 2 s of qh[32 h + l % 32], s = (64 n + l) / 32.
void quantize_q6(const float* x, uint8_t* to) {
  int scales[16];
  const float d = group_scales(x, 32, 128, scales, to + 208);
  std::memset(to, 0, 192);
  for (int g = 0; g < 16; ++g) to[192 + g] = static_cast<uint8_t>(scales[g]);
  for (int i = 0; i < kSuper; ++i) {
    const float scale = d * static_cast<float>(scales[i / 16]);
    const int q = (scale == 0 ? 0 : rounded(x[i] / scale, -32, 31)) + 32, h = i / 128, in = i % 128;
    to[h * 64 + in % 64] |= static_cast<uint8_t>((q & 15) << (in / 64 * 4));
    to[128 + h * 32 + in % 32] |= static_cast<uint8_t>((q >> 4) << (in / 32 * 2));
  }
}
void dequantize_q6(const uint8_t* from, float* y) {
  const float d = load_f16(from + 208);
  for (int g = 0; g < 16; ++g) {
    const float scale = d * static_cast<float>(static_cast<int8_t>(from[192 + g]));
    const int h = g / 8, in = g % 8 * 16;
    const uint8_t *low = from + h * 64 + in % 64, *high = from + 128 + h * 32 + in % 32;
    const int low_shift = in / 64 * 4, high_shift = in / 32 * 2;
    for (int i = 0; i < 16; ++i) {
      const int q = ((low[i] >> low_shift) & 15) | (((high[i] >> high_shift) & 3) << 4);
      y[16 * g + i] = scale * static_cast<float>(q - 32);
    }
  }
}

}  // namespace

namespace detail {

void quantize_k(QuantFormat format, const float* from, int64_t count, std::byte* bytes) {
  const QuantLayout& layout = layout_of(format);
  for (int64_t i = 0; i < count / layout.block; ++i) {
    const float* x = from + i * layout.block;
    auto* to = reinterpret_cast<uint8_t*>(bytes + i * layout.bytes);
    switch (format) {
      case QuantFormat::q2_k: quantize_q2(x, to); break;
      case QuantFormat::q3_k: quantize_q3(x, to); break;
      case QuantFormat::q4_k: quantize_q45<4>(x, to); break;
      case QuantFormat::q5_k: quantize_q45<5>(x, to); break;
      default: quantize_q6(x, to);
    }
  }
}

void dequantize_k(QuantFormat format, const std::byte* bytes, int64_t count, float* to) {
  const QuantLayout& layout = layout_of(format);
  for (int64_t i = 0; i < count / layout.block; ++i) {
    const auto* from = reinterpret_cast<const uint8_t*>(bytes + i * layout.bytes);
    float* y = to + i * layout.block;
    switch (format) {
      case QuantFormat::q2_k: dequantize_q2(from, y); break;
      case QuantFormat::q3_k: dequantize_q3(from, y); break;
      case QuantFormat::q4_k: dequantize_q45<4>(from, y); break;
      case QuantFormat::q5_k: dequantize_q45<5>(from, y); break;
      default: dequantize_q6(from, y);
    }
  }
}

}  // namespace detail

}  // namespace gradus
