#pragma once
#include <string>

#include "tensor/tensor.h"

namespace gradus {

/// Einstein's summation, as NumPy and PyTorch write it: "bqhd,bkhd->bhqk". A letter names an axis wherever it stands;
/// letters missing on the right are summed over; a letter twice in one operand takes its diagonal. Without "->" the
/// result has the letters that stand once, in alphabetical order (capitals first), behind the ellipsis. "..." stands
/// for axes without a letter, which broadcast. An axis of size 1 broadcasts too. Spaces are ignored. Several operands
/// are contracted in pairs, first the pair that leaves least behind; each is one matrix product over views of the
/// operands wherever their strides allow. All of one type; integers are multiplied and summed without a matrix product.
/// Throws ValueError for a malformed equation, ShapeError when it does not fit the operands.
Tensor einsum(const std::string& equation, const Tensors& operands);

}  // namespace gradus
