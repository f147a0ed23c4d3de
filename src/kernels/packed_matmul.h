#pragma once
#include <span>

#include "tensor/quantized.h"

namespace gradus {

/// y = x w^T (+ bias): x (M, K) f32 dense, w (N, K) packed, y (M, N) f32 dense, bias (N) f32 dense or undefined.
/// For inference on the CPU alone, therefore no slot of the kernel table.
struct PackedMatmulArgs {
  const Tensor& x;
  const QuantTensor& w;
  const Tensor& y;
  const Tensor& bias;
};

/// The fast product, or inside UseRefKernels the plain one. Of several with the same x, which share what is done to it
/// and go through the threads together.
void packed_matmul(std::span<const PackedMatmulArgs> all);

namespace ref {
/// Sums in f32 over the unpacked weights.
void packed_matmul(const PackedMatmulArgs& args);
}  // namespace ref
namespace cpu {
void packed_matmul(std::span<const PackedMatmulArgs> all);
}  // namespace cpu

}  // namespace gradus
