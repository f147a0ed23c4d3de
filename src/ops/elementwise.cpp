#include "ops/elementwise.h"

#include "ops/create.h"
#include "ops/logic.h"
#include "ops/pointwise_internal.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

using pointwise::compute, pointwise::like, pointwise::number, pointwise::Pair;
using pointwise::with_input, pointwise::with_output;

namespace {

Tensor compare(Binary f, const Tensor& a, const Tensor& b) { return compute(f, Pair(name_of(f), a, b)); }

// 1 where a wins, 1/2 at a tie, 0 where b wins.
Tensor share_of_winner(Binary wins, const Tensor& a, const Tensor& b) {
  const Tensor ahead = cast(compare(wins, a, b), a.dtype()), tie = cast(equal(a, b), a.dtype());
  return add(ahead, mul(tie, 0.5));
}

}  // namespace

Tensor neg(const Tensor& x) {
  Tensor y = compute("neg", Unary::neg, x);
  record("neg", {x}, y, [](const Tensor& dy) { return neg(dy); });
  return y;
}

Tensor abs(const Tensor& x) {
  return with_input(Unary::abs, x, [](const Tensor& dy, const Tensor& x) { return mul(dy, sign(x)); });
}

Tensor sign(const Tensor& x) {
  Tensor y = compute("sign", Unary::sign, x);
  record("sign", {x}, y, [](const Tensor& dy) { return zeros_like(dy); });
  return y;
}

Tensor exp(const Tensor& x) {
  return with_output(Unary::exp, x, [](const Tensor& dy, const Tensor& y) { return mul(dy, y); });
}

Tensor log(const Tensor& x) {
  return with_input(Unary::log, x, [](const Tensor& dy, const Tensor& x) { return div(dy, x); });
}

Tensor sqrt(const Tensor& x) {
  return with_output(Unary::sqrt, x, [](const Tensor& dy, const Tensor& y) { return div(mul(dy, 0.5), y); });
}

Tensor rsqrt(const Tensor& x) {
  // -y^3 / 2
  return with_output(Unary::rsqrt, x,
                     [](const Tensor& dy, const Tensor& y) { return mul(mul(dy, mul(square(y), y)), -0.5); });
}

Tensor square(const Tensor& x) {
  return with_input(Unary::square, x, [](const Tensor& dy, const Tensor& x) { return mul(mul(dy, x), 2.0); });
}

Tensor reciprocal(const Tensor& x) {
  // -y^2
  return with_output(Unary::reciprocal, x, [](const Tensor& dy, const Tensor& y) { return neg(mul(dy, square(y))); });
}

Tensor sin(const Tensor& x) {
  return with_input(Unary::sin, x, [](const Tensor& dy, const Tensor& x) { return mul(dy, cos(x)); });
}

Tensor cos(const Tensor& x) {
  return with_input(Unary::cos, x, [](const Tensor& dy, const Tensor& x) { return neg(mul(dy, sin(x))); });
}

Tensor tanh(const Tensor& x) {
  // 1 - y^2
  return with_output(Unary::tanh, x, [](const Tensor& dy, const Tensor& y) { return sub(dy, mul(dy, square(y))); });
}

Tensor sigmoid(const Tensor& x) {
  // y (1 - y)
  return with_output(Unary::sigmoid, x, [](const Tensor& dy, const Tensor& y) { return mul(dy, sub(y, square(y))); });
}

Tensor erf(const Tensor& x) {
  // 2/sqrt(pi) exp(-x^2)
  return with_input(Unary::erf, x, [](const Tensor& dy, const Tensor& x) {
    return mul(mul(dy, exp(neg(square(x)))), 1.12837916709551257390);
  });
}

Tensor add(const Tensor& a, const Tensor& b) {
  const Pair p("add", a, b);
  Tensor y = compute(Binary::add, p);
  record("add", {p.a, p.b}, y, [](const Tensor& dy) { return Grads{dy, dy}; });
  return y;
}

Tensor sub(const Tensor& a, const Tensor& b) {
  const Pair p("sub", a, b);
  Tensor y = compute(Binary::sub, p);
  record("sub", {p.a, p.b}, y, [](const Tensor& dy, Needs need) { return Grads{dy, need[1] ? neg(dy) : Tensor()}; });
  return y;
}

Tensor mul(const Tensor& a, const Tensor& b) {
  const Pair p("mul", a, b);
  Tensor y = compute(Binary::mul, p);
  record("mul", {p.a, p.b}, y, [a = save(p.a), b = save(p.b)](const Tensor& dy, Needs need) {
    return Grads{need[0] ? mul(dy, b.get()) : Tensor(), need[1] ? mul(dy, a.get()) : Tensor()};
  });
  return y;
}

Tensor div(const Tensor& a, const Tensor& b) {
  const Pair p("div", a, b);
  Tensor y = compute(Binary::div, p);
  // da = dy / b, db = -dy y / b
  record("div", {p.a, p.b}, y, [b = save(p.b), y = save(y)](const Tensor& dy, Needs need) {
    const Tensor da = div(dy, b.get());
    return Grads{da, need[1] ? neg(mul(da, y.get())) : Tensor()};
  });
  return y;
}

Tensor maximum(const Tensor& a, const Tensor& b) {
  const Pair p("maximum", a, b);
  Tensor y = compute(Binary::maximum, p);
  record("maximum", {p.a, p.b}, y, [a = save(p.a), b = save(p.b)](const Tensor& dy) {
    const Tensor da = mul(dy, share_of_winner(Binary::gt, a.get(), b.get()));
    return Grads{da, sub(dy, da)};
  });
  return y;
}

Tensor minimum(const Tensor& a, const Tensor& b) {
  const Pair p("minimum", a, b);
  Tensor y = compute(Binary::minimum, p);
  record("minimum", {p.a, p.b}, y, [a = save(p.a), b = save(p.b)](const Tensor& dy) {
    const Tensor da = mul(dy, share_of_winner(Binary::lt, a.get(), b.get()));
    return Grads{da, sub(dy, da)};
  });
  return y;
}

Tensor pow(const Tensor& a, const Tensor& b) {
  const Pair p("pow", a, b);
  Tensor y = compute(Binary::pow, p);
  // da = b a^(b-1) dy, 0 where a = b = 0; db = ln(a) y dy, 0 where a = 0 (b > 0: the limit)
  record("pow", {p.a, p.b}, y, [a = save(p.a), b = save(p.b), y = save(y)](const Tensor& dy, Needs need) {
    Grads d(Tensors(2));
    const Tensor zero = like(a.get(), 0), one = like(a.get(), 1);
    if (need[0]) {
      const Tensor constant = logical_and(equal(a.get(), zero), equal(b.get(), zero));
      d[0] = mul(dy, mul(b.get(), pow(where(constant, one, a.get()), sub(b.get(), 1.0))));
    }
    if (need[1]) {
      const Tensor is_zero = equal(a.get(), zero);
      d[1] = mul(dy, mul(y.get(), where(is_zero, zero, log(where(is_zero, one, a.get())))));
    }
    return d;
  });
  return y;
}

Tensor add(const Tensor& a, double b) { return add(a, number("add", a, b)); }
Tensor sub(const Tensor& a, double b) { return sub(a, number("sub", a, b)); }
Tensor mul(const Tensor& a, double b) { return mul(a, number("mul", a, b)); }
Tensor div(const Tensor& a, double b) { return div(a, number("div", a, b)); }
Tensor maximum(const Tensor& a, double b) { return maximum(a, number("maximum", a, b)); }
Tensor minimum(const Tensor& a, double b) { return minimum(a, number("minimum", a, b)); }

Tensor pow(const Tensor& a, double b) {
  const Pair p("pow", a, number("pow", a, b));
  Tensor y = compute(Binary::pow, p);
  record("pow", {p.a}, y, [a = save(p.a), b](const Tensor& dy) {
    if (b == 0) return zeros_like(dy);
    return b == 1 ? dy : mul(dy, mul(pow(a.get(), b - 1), b));
  });
  return y;
}

Tensor equal(const Tensor& a, const Tensor& b) { return compare(Binary::eq, a, b); }
Tensor not_equal(const Tensor& a, const Tensor& b) { return compare(Binary::ne, a, b); }
Tensor less(const Tensor& a, const Tensor& b) { return compare(Binary::lt, a, b); }
Tensor less_equal(const Tensor& a, const Tensor& b) { return compare(Binary::le, a, b); }
Tensor greater(const Tensor& a, const Tensor& b) { return compare(Binary::gt, a, b); }
Tensor greater_equal(const Tensor& a, const Tensor& b) { return compare(Binary::ge, a, b); }

Tensor where(const Tensor& condition, const Tensor& a, const Tensor& b) {
  require_defined("where", condition);
  if (condition.dtype() != Dtype::boolean)
    throw DtypeError("where", "the condition must be bool, got " + condition.describe() + ".");
  require_same_device("where", {condition, a, b});
  const Pair p("where", a, b);
  const Shape shape = broadcast_shapes("where", condition.shape(), p.a.shape());
  const Tensor c = expand(condition, shape), x = expand(p.a, shape), z = expand(p.b, shape);
  Tensor y = empty(shape, x.dtype(), x.device());
  kernels(y.device()).where({.condition = c, .a = x, .b = z, .y = y});
  record("where", {x, z}, y, [c = save(c)](const Tensor& dy, Needs need) {
    const Tensor zero = like(dy, 0);
    return Grads{need[0] ? where(c.get(), dy, zero) : Tensor(), need[1] ? where(c.get(), zero, dy) : Tensor()};
  });
  return y;
}

Tensor cast(const Tensor& x, Dtype dtype) {
  require_defined("cast", x);
  if (x.dtype() == dtype) return x;
  Tensor y = empty(x.shape(), dtype, x.device());
  kernels(x.device()).copy({.x = x, .y = y});
  if (is_floating(dtype)) record("cast", {x}, y, [from = x.dtype()](const Tensor& dy) { return cast(dy, from); });
  return y;
}

}  // namespace gradus
