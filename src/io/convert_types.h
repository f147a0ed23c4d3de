#pragma once
#include <optional>
#include <string>

#include "io/gguf_names.h"
#include "io/tensor_file.h"

namespace gradus {

/// The type a tensor shall have.
struct TargetType {
  Dtype dtype = Dtype::f32;
  std::optional<QuantFormat> quant = {};
  bool operator==(const TargetType&) const = default;
};

/// f32, f16, bf16, q4_0 … Throws ValueError; packed formats only with `packed`.
TargetType target_type(const std::string& name, bool packed);
/// The wanted type, or what a tensor of this name and shape takes instead in a GGUF file.
TargetType gguf_type_of(const StoredTensor& tensor, const std::string& gguf_name, TargetType wanted);

/// A tensor's bytes in another type, made a piece of rows at a time: calls `sink` with the pieces. Throws ValueError
/// naming the tensor when a number is not finite and the type has blocks.
using ByteSink = void (*)(void* context, const void* data, size_t bytes);
void convert_bytes(const Tensor& x, TargetType type, const std::string& name, void* context, ByteSink sink);

/// From Hugging Face's layout to GGUF's.
Tensor arranged_for_gguf(const Tensor& x, GgufChange change, int64_t heads, const std::string& name);

}  // namespace gradus
