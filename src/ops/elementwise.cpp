#include "ops/elementwise.h"

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

namespace {

Tensor compute(Unary f, const Tensor& x) {
  require_floating(name_of(f), x);
  Tensor y = empty_like(x);
  kernels(x.device()).unary({.f = f, .x = x, .y = y});
  return y;
}

Tensor like(const Tensor& x, double value) { return scalar(value, x.dtype(), x.device()); }

// a and b in one type and broadcast to one shape, without copies where the type fits.
struct Pair {
  Tensor a, b;
  Pair(const char* op, const Tensor& x, const Tensor& y) {
    require_defined(op, x);
    require_defined(op, y);
    require_same_device(op, {x, y});
    const Dtype dtype = promote(x.dtype(), y.dtype());
    const Shape shape = broadcast_shapes(op, x.shape(), y.shape());
    a = expand(cast(x, dtype), shape);
    b = expand(cast(y, dtype), shape);
  }
};

// Broadcasting and promotion have their own rules (expand, cast): here both operands have y's shape and type.
Tensor compute(Binary f, const Pair& p) {
  Tensor y = empty(p.a.shape(), is_comparison(f) ? Dtype::boolean : p.a.dtype(), p.a.device());
  kernels(y.device()).binary({.f = f, .a = p.a, .b = p.b, .y = y});
  return y;
}

Tensor compare(Binary f, const Tensor& a, const Tensor& b) { return compute(f, Pair(name_of(f), a, b)); }

// 1 where a wins, 1/2 at a tie, 0 where b wins.
Tensor share(Binary wins, const Tensor& a, const Tensor& b) {
  const Tensor ahead = cast(compare(wins, a, b), a.dtype()), tie = cast(equal(a, b), a.dtype());
  return add(ahead, mul(tie, 0.5));
}

}  // namespace

Tensor neg(const Tensor& x) {
  Tensor y = compute(Unary::neg, x);
  record("neg", {x}, y, [](const Tensor& dy) { return neg(dy); });
  return y;
}

Tensor abs(const Tensor& x) {
  Tensor y = compute(Unary::abs, x);
  record("abs", {x}, y, [x = save(x)](const Tensor& dy) { return mul(dy, sign(x.get())); });
  return y;
}

Tensor sign(const Tensor& x) {
  Tensor y = compute(Unary::sign, x);
  record("sign", {x}, y, [](const Tensor& dy) { return zeros_like(dy); });
  return y;
}

Tensor exp(const Tensor& x) {
  Tensor y = compute(Unary::exp, x);
  record("exp", {x}, y, [y = save(y)](const Tensor& dy) { return mul(dy, y.get()); });
  return y;
}

Tensor log(const Tensor& x) {
  Tensor y = compute(Unary::log, x);
  record("log", {x}, y, [x = save(x)](const Tensor& dy) { return div(dy, x.get()); });
  return y;
}

Tensor sqrt(const Tensor& x) {
  Tensor y = compute(Unary::sqrt, x);
  record("sqrt", {x}, y, [y = save(y)](const Tensor& dy) { return div(mul(dy, 0.5), y.get()); });
  return y;
}

Tensor rsqrt(const Tensor& x) {
  Tensor y = compute(Unary::rsqrt, x);
  // dx = -y^3 dy / 2
  record("rsqrt", {x}, y,
         [y = save(y)](const Tensor& dy) { return mul(mul(dy, mul(square(y.get()), y.get())), -0.5); });
  return y;
}

Tensor square(const Tensor& x) {
  Tensor y = compute(Unary::square, x);
  record("square", {x}, y, [x = save(x)](const Tensor& dy) { return mul(mul(dy, x.get()), 2.0); });
  return y;
}

Tensor reciprocal(const Tensor& x) {
  Tensor y = compute(Unary::reciprocal, x);
  // dx = -y^2 dy
  record("reciprocal", {x}, y, [y = save(y)](const Tensor& dy) { return neg(mul(dy, square(y.get()))); });
  return y;
}

Tensor sin(const Tensor& x) {
  Tensor y = compute(Unary::sin, x);
  record("sin", {x}, y, [x = save(x)](const Tensor& dy) { return mul(dy, cos(x.get())); });
  return y;
}

Tensor cos(const Tensor& x) {
  Tensor y = compute(Unary::cos, x);
  record("cos", {x}, y, [x = save(x)](const Tensor& dy) { return neg(mul(dy, sin(x.get()))); });
  return y;
}

Tensor tanh(const Tensor& x) {
  Tensor y = compute(Unary::tanh, x);
  // dx = (1 - y^2) dy
  record("tanh", {x}, y, [y = save(y)](const Tensor& dy) { return sub(dy, mul(dy, square(y.get()))); });
  return y;
}

Tensor sigmoid(const Tensor& x) {
  Tensor y = compute(Unary::sigmoid, x);
  // dx = y (1 - y) dy
  record("sigmoid", {x}, y, [y = save(y)](const Tensor& dy) { return mul(dy, sub(y.get(), square(y.get()))); });
  return y;
}

Tensor erf(const Tensor& x) {
  Tensor y = compute(Unary::erf, x);
  // dx = 2/sqrt(pi) exp(-x^2) dy
  record("erf", {x}, y,
         [x = save(x)](const Tensor& dy) { return mul(mul(dy, exp(neg(square(x.get())))), 1.12837916709551257390); });
  return y;
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
    const Tensor da = mul(dy, share(Binary::gt, a.get(), b.get()));
    return Grads{da, sub(dy, da)};
  });
  return y;
}

Tensor minimum(const Tensor& a, const Tensor& b) {
  const Pair p("minimum", a, b);
  Tensor y = compute(Binary::minimum, p);
  record("minimum", {p.a, p.b}, y, [a = save(p.a), b = save(p.b)](const Tensor& dy) {
    const Tensor da = mul(dy, share(Binary::lt, a.get(), b.get()));
    return Grads{da, sub(dy, da)};
  });
  return y;
}

Tensor pow(const Tensor& a, const Tensor& b) {
  const Pair p("pow", a, b);
  Tensor y = compute(Binary::pow, p);
  // da = b a^(b-1) dy; db = ln(a) y dy, taken as 0 where a = 0 (b > 0: the limit)
  record("pow", {p.a, p.b}, y, [a = save(p.a), b = save(p.b), y = save(y)](const Tensor& dy, Needs need) {
    Grads d(Tensors(2));
    if (need[0]) d[0] = mul(dy, mul(b.get(), pow(a.get(), sub(b.get(), 1.0))));
    if (need[1]) {
      const Tensor zero = like(a.get(), 0), one = like(a.get(), 1);
      const Tensor is_zero = equal(a.get(), zero);
      d[1] = mul(dy, mul(y.get(), where(is_zero, zero, log(where(is_zero, one, a.get())))));
    }
    return d;
  });
  return y;
}

Tensor add(const Tensor& a, double b) { return add(a, like(a, b)); }
Tensor sub(const Tensor& a, double b) { return sub(a, like(a, b)); }
Tensor mul(const Tensor& a, double b) { return mul(a, like(a, b)); }
Tensor div(const Tensor& a, double b) { return div(a, like(a, b)); }
Tensor maximum(const Tensor& a, double b) { return maximum(a, like(a, b)); }
Tensor minimum(const Tensor& a, double b) { return minimum(a, like(a, b)); }
Tensor pow(const Tensor& a, double b) { return pow(a, like(a, b)); }

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
