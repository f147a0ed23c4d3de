#pragma once
#include <cstdint>
#include <optional>

#include "tensor/quantized.h"

namespace gradus {

/// A tensor type of the GGUF format, by its number there.
struct GgufTensorType {
  uint32_t number;
  const char* name;
  Dtype dtype;                       ///< what it becomes in memory
  std::optional<QuantFormat> quant;  ///< the packed formats
  int64_t block, bytes;              ///< numbers and bytes of a block
};
/// Null for types that Gradus does not have.
const GgufTensorType* gguf_tensor_type(uint32_t number);
const GgufTensorType& gguf_tensor_type(QuantFormat format);
/// Null when GGUF has no such type (booleans, u8).
const GgufTensorType* gguf_tensor_type(Dtype dtype);

}  // namespace gradus
