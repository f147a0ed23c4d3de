#pragma once
#include <vector>

#include "tensor/quantized.h"
#include "tensor/tensor.h"

// Products with packed weights, for inference: none of them has a gradient.
namespace gradus {

/// y = x W^T + b: x (*, in) f32 -> (*, out); weight (out, in) packed, bias (out) or undefined. A few rows are
/// multiplied by the blocks as they lie: 16-bit weights as floats, blocks of integers with x rounded to 8 bits in
/// blocks of 32 (as llama.cpp does). Many rows are multiplied in f32 by weights that are unpacked a panel at a time.
/// Throws ShapeError, DtypeError, and GradError when x requires a gradient that is being recorded.
Tensor packed_linear(const Tensor& x, const QuantTensor& weight, const Tensor& bias = {});

/// A packed weight with its bias, undefined when there is none.
struct PackedWeight {
  const QuantTensor& weight;
  const Tensor& bias;
};
/// packed_linear() of one x and several weights, at less cost than one after the other.
std::vector<Tensor> packed_linears(const Tensor& x, const std::vector<PackedWeight>& weights);

/// Rows of weight (rows, width) by id, as floats: ids (*) i64 or i32 -> (*, width) f32. Throws IndexError.
Tensor packed_embedding(const QuantTensor& weight, const Tensor& ids);

}  // namespace gradus
