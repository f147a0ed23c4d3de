#include "tensor/quantized.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace gradus {

namespace {

constexpr QuantLayout kLayouts[kQuantFormats] = {{"f16", 1, 2},      {"bf16", 1, 2},     {"q4_0", 32, 18},
                                                 {"q4_1", 32, 20},   {"q5_0", 32, 22},   {"q5_1", 32, 24},
                                                 {"q8_0", 32, 34},   {"q2_k", 256, 84},  {"q3_k", 256, 110},
                                                 {"q4_k", 256, 144}, {"q5_k", 256, 176}, {"q6_k", 256, 210}};

constexpr int kBlock = 32, kHalf = 16;

float load_f16(const std::byte* p) {
  f16 h;
  std::memcpy(&h.bits, p, 2);
  return h;
}
void store_f16(float x, std::byte* p) {
  const f16 h(x);
  std::memcpy(p, &h.bits, 2);
}
uint8_t u8(std::byte b) { return std::to_integer<uint8_t>(b); }

// trunc(x) within [0, most], for any x.
int truncated(float x, int most) { return x > 0 ? static_cast<int>(std::min(x, static_cast<float>(most))) : 0; }

// Blocks of 32 with a low nibble of each number (numbers i and i + 16 share a byte) and, for 5 bits, a mask of the
// fifth.
template <int bits>
void pack(const int* q, std::byte* to) {
  if constexpr (bits == 5) {
    uint32_t high = 0;
    for (int i = 0; i < kBlock; ++i) high |= static_cast<uint32_t>(q[i] >> 4) << i;
    std::memcpy(to, &high, 4);
    to += 4;
  }
  for (int i = 0; i < kHalf; ++i) to[i] = static_cast<std::byte>((q[i] & 15) | ((q[i + kHalf] & 15) << 4));
}

template <int bits>
void unpack(const std::byte* from, int* q) {
  uint32_t high = 0;
  if constexpr (bits == 5) {
    std::memcpy(&high, from, 4);
    from += 4;
  }
  for (int i = 0; i < kHalf; ++i) {
    q[i] = (u8(from[i]) & 15) | static_cast<int>(((high >> i) & 1) << 4);
    q[i + kHalf] = (u8(from[i]) >> 4) | static_cast<int>(((high >> (i + kHalf)) & 1) << 4);
  }
}

// w = d (q - 2^(bits-1)): the number of largest magnitude becomes -2^(bits-1), whatever its sign.
template <int bits>
void quantize_symmetric(const float* x, std::byte* to) {
  constexpr int kOffset = 1 << (bits - 1), kMost = 2 * kOffset - 1;
  float largest = x[0];
  for (int i = 1; i < kBlock; ++i)
    if (std::fabs(x[i]) > std::fabs(largest)) largest = x[i];
  const float d = largest / static_cast<float>(-kOffset), inverse = d == 0 ? 0 : 1 / d;
  int q[kBlock];
  for (int i = 0; i < kBlock; ++i) q[i] = truncated(x[i] * inverse + (static_cast<float>(kOffset) + 0.5f), kMost);
  store_f16(d, to);
  pack<bits>(q, to + 2);
}

template <int bits>
void dequantize_symmetric(const std::byte* from, float* y) {
  int q[kBlock];
  unpack<bits>(from + 2, q);
  const float d = load_f16(from);
  for (int i = 0; i < kBlock; ++i) y[i] = d * static_cast<float>(q[i] - (1 << (bits - 1)));
}

// w = d q + m, m the least number.
template <int bits>
void quantize_affine(const float* x, std::byte* to) {
  constexpr int kMost = (1 << bits) - 1;
  const float min = *std::min_element(x, x + kBlock), max = *std::max_element(x, x + kBlock);
  const float d = (max - min) / static_cast<float>(kMost), inverse = d == 0 ? 0 : 1 / d;
  int q[kBlock];
  for (int i = 0; i < kBlock; ++i) q[i] = truncated((x[i] - min) * inverse + 0.5f, kMost);
  store_f16(d, to);
  store_f16(min, to + 2);
  pack<bits>(q, to + 4);
}

template <int bits>
void dequantize_affine(const std::byte* from, float* y) {
  int q[kBlock];
  unpack<bits>(from + 4, q);
  const float d = load_f16(from), m = load_f16(from + 2);
  for (int i = 0; i < kBlock; ++i) y[i] = d * static_cast<float>(q[i]) + m;
}

void quantize_q8_0(const float* x, std::byte* to) {
  float largest = 0;
  for (int i = 0; i < kBlock; ++i) largest = std::max(largest, std::fabs(x[i]));
  const float d = largest / 127, inverse = d == 0 ? 0 : 1 / d;
  store_f16(d, to);
  for (int i = 0; i < kBlock; ++i) {
    const int magnitude = truncated(std::round(std::fabs(x[i] * inverse)), 127);  // halves away from zero
    to[2 + i] = static_cast<std::byte>(x[i] < 0 ? -magnitude : magnitude);
  }
}

void dequantize_q8_0(const std::byte* from, float* y) {
  const float d = load_f16(from);
  for (int i = 0; i < kBlock; ++i) y[i] = static_cast<float>(static_cast<int8_t>(u8(from[2 + i]))) * d;
}

template <class Half>
void to_halves(const float* from, int64_t count, std::byte* to) {
  for (int64_t i = 0; i < count; ++i) {
    const Half h(from[i]);
    std::memcpy(to + 2 * i, &h.bits, 2);
  }
}

template <class Half>
void from_halves(const std::byte* from, int64_t count, float* to) {
  for (int64_t i = 0; i < count; ++i) {
    Half h;
    std::memcpy(&h.bits, from + 2 * i, 2);
    to[i] = h;
  }
}

template <class F>
void each_block(QuantFormat format, int64_t count, const F& f) {
  const QuantLayout& layout = layout_of(format);
  for (int64_t i = 0; i < count / layout.block; ++i) f(i * layout.block, i * layout.bytes);
}

}  // namespace

const QuantLayout& layout_of(QuantFormat format) { return kLayouts[static_cast<size_t>(format)]; }

QuantFormat quant_format_from_name(const std::string& name) {
  std::string lower, names;
  for (const char c : name) lower += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  for (int i = 0; i < kQuantFormats; ++i) {
    if (lower == kLayouts[i].name) return static_cast<QuantFormat>(i);
    names += (i ? ", " : "") + std::string(kLayouts[i].name);
  }
  throw ValueError("quantize", "there is no format \"" + name + "\".", "formats: " + names + ".");
}

void dequantize(QuantFormat format, const std::byte* from, int64_t count, float* to) {
  const auto blocks = [&](auto* one) {
    each_block(format, count, [&](int64_t number, int64_t byte) { one(from + byte, to + number); });
  };
  switch (format) {
    case QuantFormat::f16: return from_halves<f16>(from, count, to);
    case QuantFormat::bf16: return from_halves<bf16>(from, count, to);
    case QuantFormat::q4_0: return blocks(dequantize_symmetric<4>);
    case QuantFormat::q4_1: return blocks(dequantize_affine<4>);
    case QuantFormat::q5_0: return blocks(dequantize_symmetric<5>);
    case QuantFormat::q5_1: return blocks(dequantize_affine<5>);
    case QuantFormat::q8_0: return blocks(dequantize_q8_0);
    default: return detail::dequantize_k(format, from, count, to);
  }
}

void quantize(QuantFormat format, const float* from, int64_t count, std::byte* to) {
  const auto blocks = [&](auto* one) {
    each_block(format, count, [&](int64_t number, int64_t byte) { one(from + number, to + byte); });
  };
  switch (format) {
    case QuantFormat::f16: return to_halves<f16>(from, count, to);
    case QuantFormat::bf16: return to_halves<bf16>(from, count, to);
    case QuantFormat::q4_0: return blocks(quantize_symmetric<4>);
    case QuantFormat::q4_1: return blocks(quantize_affine<4>);
    case QuantFormat::q5_0: return blocks(quantize_symmetric<5>);
    case QuantFormat::q5_1: return blocks(quantize_affine<5>);
    case QuantFormat::q8_0: return blocks(quantize_q8_0);
    default: return detail::quantize_k(format, from, count, to);
  }
}

QuantTensor::QuantTensor(Ref<Storage> storage, QuantFormat format, int64_t rows, int64_t columns, size_t offset)
    : storage_(std::move(storage)), format_(format), rows_(rows), columns_(columns) {
  const QuantLayout& layout = layout_of(format);
  if (rows < 0 || columns < 0 || columns % layout.block != 0)
    throw ShapeError("quantize",
                     "rows of " + std::to_string(columns) + " numbers are no whole blocks of " + layout.name + " (" +
                         std::to_string(layout.block) + ").",
                     "choose another type for this tensor.");
  row_bytes_ = static_cast<size_t>(columns / layout.block * layout.bytes);
  size_t bytes = 0;
  if (__builtin_mul_overflow(row_bytes_, static_cast<size_t>(rows), &bytes) || offset > storage_->bytes() ||
      bytes > storage_->bytes() - offset)
    throw ShapeError("quantize", describe() + " does not fit into " + std::to_string(storage_->bytes()) + " bytes.");
  data_ = static_cast<const std::byte*>(storage_->data()) + offset;
}

Tensor QuantTensor::dequantized() const {
  Tensor y = empty({rows_, columns_});
  for (int64_t i = 0; i < rows_; ++i) dequantize(format_, row(i), columns_, y.data<float>() + i * columns_);
  return y;
}

std::string QuantTensor::describe() const { return Shape{rows_, columns_}.str() + " " + layout_of(format_).name; }

QuantTensor quantized(const Tensor& x, QuantFormat format) {
  if (x.rank() != 2 || x.dtype() != Dtype::f32 || !x.contiguous())
    throw ShapeError("quantize", "needs a dense f32 matrix, got " + x.describe() + ".");
  const int64_t rows = x.size(0), columns = x.size(1);
  const QuantLayout& layout = layout_of(format);
  const size_t bytes = static_cast<size_t>(rows * (columns / layout.block) * layout.bytes);
  Ref<Storage> storage = make_ref<Storage>(Device::cpu, bytes);
  QuantTensor packed(storage, format, rows, columns);
  auto* to = static_cast<std::byte*>(storage->data());
  for (int64_t i = 0; i < rows; ++i)
    quantize(format, x.data<float>() + i * columns, columns, to + packed.row_bytes() * static_cast<size_t>(i));
  return packed;
}

}  // namespace gradus
