#pragma once
#include <cstdint>

#include "tensor/tensor.h"

// Kernel arguments: element by element. See kernels/table.h.
namespace gradus {

enum class Unary : uint8_t {
  neg,
  abs,
  sign,
  exp,
  log,
  sqrt,
  rsqrt,
  square,
  reciprocal,
  sin,
  cos,
  tanh,
  sigmoid,
  erf,
  relu,
  silu,
  gelu,
  gelu_tanh,
};
const char* name_of(Unary f);

enum class Binary : uint8_t { add, sub, mul, div, maximum, minimum, pow, eq, ne, lt, le, gt, ge };
const char* name_of(Binary f);
constexpr bool is_comparison(Binary f) { return f >= Binary::eq; }

struct UnaryArgs {
  Unary f;
  const Tensor& x;
  const Tensor& y;
};
/// dx = f'(x) * dy for relu, silu, gelu, gelu_tanh.
struct UnaryBackwardArgs {
  Unary f;
  const Tensor& x;
  const Tensor& dy;
  const Tensor& dx;
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
