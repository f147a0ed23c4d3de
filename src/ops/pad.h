#pragma once
#include <vector>

#include "kernels/args/shape.h"
#include "tensor/tensor.h"

namespace gradus {

struct PadOptions {
  /// constant: `value`. reflect: mirrored about the border entry, which is not repeated. replicate: the border entry.
  /// circular: the entries of the other end.
  PadMode mode = PadMode::constant;
  double value = 0;
};

/// Lengthens axes at both ends. `pads` holds pairs (before, after), the last axis first, then the one before …, as in
/// torch.nn.functional.pad; negative numbers cut entries away. Any dtype. Copies (a view when only cutting).
/// Throws ShapeError when more is cut than there is, or when an axis is too short for the mode: reflect needs more
/// entries than are added at one end, circular at least as many, replicate one.
Tensor pad(const Tensor& x, const std::vector<int64_t>& pads, PadOptions options = {});

}  // namespace gradus
