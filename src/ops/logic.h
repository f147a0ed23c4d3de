#pragma once
#include <limits>

#include "tensor/tensor.h"

// Truth values and bits. Nothing here has a gradient. Comparisons stand in ops/elementwise.h.
namespace gradus {

// x (any shape and type) -> bool; integers are always finite.
Tensor is_nan(const Tensor& x);
Tensor is_inf(const Tensor& x);  ///< of either sign
Tensor is_finite(const Tensor& x);

// Any types, broadcast -> bool. A number counts as true unless it is 0, NaN too.
Tensor logical_and(const Tensor& a, const Tensor& b);
Tensor logical_or(const Tensor& a, const Tensor& b);
Tensor logical_xor(const Tensor& a, const Tensor& b);
Tensor logical_not(const Tensor& x);

// Integers and bool, broadcast and promoted. Throw DtypeError for floating types.
Tensor bitwise_and(const Tensor& a, const Tensor& b);
Tensor bitwise_or(const Tensor& a, const Tensor& b);
Tensor bitwise_xor(const Tensor& a, const Tensor& b);
Tensor bitwise_not(const Tensor& x);  ///< of bool: the other value

/// What replaces numbers that are not finite; an infinite replacement stands for the type's largest (smallest) number.
struct NanToNum {
  double nan = 0;
  double posinf = std::numeric_limits<double>::infinity();
  double neginf = -std::numeric_limits<double>::infinity();
};
/// x with NaN and infinities replaced; the gradient passes where x is finite. Integers and bool stay as they are.
Tensor nan_to_num(const Tensor& x, const NanToNum& to = {});

}  // namespace gradus
