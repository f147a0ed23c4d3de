#pragma once
#include <cstddef>
#include <cstdint>
#include <string>

#include "tensor/tensor.h"

namespace gradus {

/// How weights lie packed: 16-bit floats, or blocks of small integers with their scales, byte for byte as GGUF files
/// store them. q4_0, q5_0, q8_0: w = d q; q4_1, q5_1: w = d q + m, in blocks of 32 (d, m f16). The k formats hold 256
/// numbers in 8 or 16 groups whose scales are themselves small integers times one f16.
/// https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
enum class QuantFormat : uint8_t { f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q2_k, q3_k, q4_k, q5_k, q6_k };
constexpr int kQuantFormats = 12;

struct QuantLayout {
  const char* name;  ///< "q4_0"
  int64_t block;     ///< numbers in a block
  int64_t bytes;     ///< bytes of a block
};
const QuantLayout& layout_of(QuantFormat format);
/// "q4_0", "Q4_K". Throws ValueError naming the formats there are.
QuantFormat quant_format_from_name(const std::string& name);

/// The floats of `count` numbers (whole blocks), equal to the last bit to the gguf package's (gguf.quants).
void dequantize(QuantFormat format, const std::byte* from, int64_t count, float* to);
/// Rounds `count` floats (whole blocks). q4_0 … q8_0 give the bytes that the gguf package gives. The k formats search
/// the scale (and minimum) of each group for the least squared error. Numbers that are not finite give blocks without
/// meaning; callers check them.
void quantize(QuantFormat format, const float* from, int64_t count, std::byte* to);

/// A packed matrix (rows, columns); each row is a whole number of blocks. For inference: it has no gradient and takes
/// part in products only (nn/quantized.h). A default-constructed one stands for none.
class QuantTensor {
 public:
  QuantTensor() = default;
  /// The blocks begin `offset` bytes into `storage`. Throws ShapeError when rows are no whole blocks or the storage is
  /// too small.
  QuantTensor(Ref<Storage> storage, QuantFormat format, int64_t rows, int64_t columns, size_t offset = 0);

  bool defined() const { return static_cast<bool>(storage_); }
  QuantFormat format() const { return format_; }
  int64_t rows() const { return rows_; }
  int64_t columns() const { return columns_; }
  size_t row_bytes() const { return row_bytes_; }
  size_t bytes() const { return row_bytes_ * static_cast<size_t>(rows_); }
  const std::byte* row(int64_t i) const { return data_ + row_bytes_ * static_cast<size_t>(i); }
  /// (rows, columns) f32
  Tensor dequantized() const;
  /// "(64, 256) q4_k", for errors.
  std::string describe() const;

 private:
  Ref<Storage> storage_;
  const std::byte* data_ = nullptr;
  QuantFormat format_ = QuantFormat::f16;
  int64_t rows_ = 0, columns_ = 0;
  size_t row_bytes_ = 0;
};

/// Rows of floats (rank 2, dense f32), packed. Throws ShapeError when rows are no whole blocks.
QuantTensor quantized(const Tensor& x, QuantFormat format);

namespace detail {
/// The six-bit scales and minima of q4_k and q5_k: 8 of each in 12 bytes.
struct ScaleMin {
  uint8_t scale, min;
};
inline ScaleMin unpack_scale_min(const uint8_t* packed, int group) {
  if (group < 4) return {static_cast<uint8_t>(packed[group] & 63), static_cast<uint8_t>(packed[group + 4] & 63)};
  const uint8_t low = packed[group + 4];
  return {static_cast<uint8_t>((low & 15) | ((packed[group - 4] >> 6) << 4)),
          static_cast<uint8_t>((low >> 4) | ((packed[group] >> 6) << 4))};
}
void quantize_k(QuantFormat format, const float* from, int64_t count, std::byte* to);
void dequantize_k(QuantFormat format, const std::byte* from, int64_t count, float* to);
}  // namespace detail

}  // namespace gradus
