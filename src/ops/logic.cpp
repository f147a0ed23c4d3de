#include "ops/logic.h"

#include "base/half.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/pointwise_internal.h"

namespace gradus {

using pointwise::compute, pointwise::like, pointwise::Pair;

namespace {

constexpr double kEndless = std::numeric_limits<double>::infinity();

Tensor truth(const char* op, const Tensor& x) {
  require_defined(op, x);
  return cast(x, Dtype::boolean);
}

Tensor logical(const char* op, Binary f, const Tensor& a, const Tensor& b) {
  return compute(f, Pair(op, truth(op, a), truth(op, b)));
}

Tensor bitwise(Binary f, const Tensor& a, const Tensor& b) {
  const Pair p(name_of(f), a, b);
  if (is_floating(p.a.dtype()))
    throw DtypeError(name_of(f), "needs integers or bool, got " + a.describe() + " and " + b.describe() + ".");
  return compute(f, p);
}

double largest_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64: return std::numeric_limits<double>::max();
    case Dtype::f32: return std::numeric_limits<float>::max();
    case Dtype::bf16: return 0x1.fep127;
    default: return 65504;
  }
}

}  // namespace

Tensor is_nan(const Tensor& x) {
  require_defined("is_nan", x);
  return not_equal(x, x);
}

Tensor is_inf(const Tensor& x) {
  require_defined("is_inf", x);
  if (!is_floating(x.dtype())) return zeros(x.shape(), Dtype::boolean, x.device());
  return equal(abs(x.detach()), like(x, kEndless));
}

Tensor is_finite(const Tensor& x) {
  require_defined("is_finite", x);
  if (!is_floating(x.dtype())) return ones(x.shape(), Dtype::boolean, x.device());
  return less(abs(x.detach()), like(x, kEndless));
}

Tensor logical_and(const Tensor& a, const Tensor& b) { return logical("logical_and", Binary::bitwise_and, a, b); }
Tensor logical_or(const Tensor& a, const Tensor& b) { return logical("logical_or", Binary::bitwise_or, a, b); }
Tensor logical_xor(const Tensor& a, const Tensor& b) { return logical("logical_xor", Binary::bitwise_xor, a, b); }
Tensor logical_not(const Tensor& x) {
  const Tensor t = truth("logical_not", x);
  return equal(t, like(t, 0));
}

Tensor bitwise_and(const Tensor& a, const Tensor& b) { return bitwise(Binary::bitwise_and, a, b); }
Tensor bitwise_or(const Tensor& a, const Tensor& b) { return bitwise(Binary::bitwise_or, a, b); }
Tensor bitwise_xor(const Tensor& a, const Tensor& b) { return bitwise(Binary::bitwise_xor, a, b); }
Tensor bitwise_not(const Tensor& x) {
  require_defined("bitwise_not", x);
  return bitwise_xor(x, like(x, x.dtype() == Dtype::boolean ? 1 : x.dtype() == Dtype::u8 ? 255 : -1));
}

Tensor nan_to_num(const Tensor& x, const NanToNum& to) {
  require_defined("nan_to_num", x);
  if (!is_floating(x.dtype())) return x;
  const double end = largest_of(x.dtype());
  const Tensor high = like(x, to.posinf == kEndless ? end : to.posinf);
  const Tensor low = like(x, to.neginf == -kEndless ? -end : to.neginf);
  const Tensor infinity = like(x, kEndless);
  const Tensor y = where(equal(x, infinity), high, where(equal(x, neg(infinity)), low, x));
  return where(is_nan(x), like(x, to.nan), y);
}

}  // namespace gradus
