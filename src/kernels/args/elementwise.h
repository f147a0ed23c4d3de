#pragma once
#include <cstdint>

#include "tensor/tensor.h"

// Kernel arguments: element by element. See kernels/table.h.
namespace gradus {

// clang-format off
// Functions of one number. Those of the last group have the kernel `unary_backward`. `a` and `b` are the two parameters
// that some take; what they mean stands beside the function in kernels/ref/scalar.h and kernels/ref/activation.h.
#define GRADUS_UNARY_FUNCTIONS(X)                                                                                     \
  X(neg) X(abs) X(sign) X(square) X(floor) X(ceil) X(trunc) X(round)                                                  \
  X(exp) X(exp2) X(expm1) X(log) X(log2) X(log10) X(log1p) X(sqrt) X(rsqrt) X(reciprocal)                             \
  X(sin) X(cos) X(tan) X(asin) X(acos) X(atan) X(sinh) X(cosh) X(tanh) X(asinh) X(acosh) X(atanh)                     \
  X(sigmoid) X(erf) X(erfc) X(erfinv) X(lgamma) X(polygamma) X(sinc)                                                  \
  X(clamp) X(relu) X(relu_squared) X(leaky_relu) X(threshold) X(hard_tanh) X(hard_sigmoid) X(hard_swish)              \
  X(hard_shrink) X(soft_shrink) X(elu) X(selu) X(softplus) X(log_sigmoid) X(softsign) X(tanh_shrink)                  \
  X(silu) X(mish) X(gelu) X(gelu_tanh) X(quick_gelu)

// Functions of two numbers: those for all types, for integers and bool, for floating types, and comparisons.
#define GRADUS_BINARY_FUNCTIONS(X)                                                                                    \
  X(add) X(sub) X(mul) X(div) X(maximum) X(minimum) X(pow) X(fmod) X(remainder) X(floor_divide)                       \
  X(bitwise_and) X(bitwise_or) X(bitwise_xor)                                                                         \
  X(atan2) X(hypot) X(copysign) X(logaddexp) X(xlogy)                                                                 \
  X(eq) X(ne) X(lt) X(le) X(gt) X(ge)
// clang-format on

enum class Unary : uint8_t {
#define GRADUS_NAME(name) name,
  GRADUS_UNARY_FUNCTIONS(GRADUS_NAME)
#undef GRADUS_NAME
};
const char* name_of(Unary f);

/// Integers have these too.
constexpr bool takes_integers(Unary f) { return f <= Unary::round || f == Unary::clamp; }

enum class Binary : uint8_t {
#define GRADUS_NAME(name) name,
  GRADUS_BINARY_FUNCTIONS(GRADUS_NAME)
#undef GRADUS_NAME
};
const char* name_of(Binary f);
constexpr bool is_comparison(Binary f) { return f >= Binary::eq; }

/// y = f(x; a, b).
struct UnaryArgs {
  Unary f;
  const Tensor& x;
  const Tensor& y;
  double a = 0, b = 0;
};
/// dx = f'(x; a, b) * dy.
struct UnaryBackwardArgs {
  Unary f;
  const Tensor& x;
  const Tensor& dy;
  const Tensor& dx;
  double a = 0, b = 0;
};
/// a and b are already broadcast to y's shape (stride 0) and of one dtype, which may be an integer one.
/// y has that dtype, bool for comparisons.
struct BinaryArgs {
  Binary f;
  const Tensor& a;
  const Tensor& b;
  const Tensor& y;
};
/// y = condition ? a : b; all broadcast to y's shape; condition is bool; any dtype.
struct WhereArgs {
  const Tensor& condition;
  const Tensor& a;
  const Tensor& b;
  const Tensor& y;
};

#define GRADUS_ELEMENTWISE_KERNELS(X)  \
  X(unary, UnaryArgs)                  \
  X(unary_backward, UnaryBackwardArgs) \
  X(binary, BinaryArgs)                \
  X(where, WhereArgs)

}  // namespace gradus
