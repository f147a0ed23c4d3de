#include "ops/math.h"

#include <cmath>
#include <string>

#include "ops/clamp.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/logic.h"
#include "ops/pointwise_internal.h"
#include "ops/rounding.h"

namespace gradus {

using pointwise::compute, pointwise::FloatingPair, pointwise::like, pointwise::number, pointwise::Pair;
using pointwise::with_input, pointwise::with_output;

namespace {

constexpr double kLn2 = 0.69314718055994530942, kLn10 = 2.30258509299404568402, kRootPi = 1.77245385090551602730;

}  // namespace

Tensor exp2(const Tensor& x) {
  return with_output(Unary::exp2, x, [](const Tensor& dy, const Tensor& y) { return mul(mul(dy, y), kLn2); });
}

Tensor expm1(const Tensor& x) {
  return with_input(Unary::expm1, x, [](const Tensor& dy, const Tensor& x) { return mul(dy, exp(x)); });
}

Tensor log2(const Tensor& x) {
  return with_input(Unary::log2, x, [](const Tensor& dy, const Tensor& x) { return div(dy, mul(x, kLn2)); });
}

Tensor log10(const Tensor& x) {
  return with_input(Unary::log10, x, [](const Tensor& dy, const Tensor& x) { return div(dy, mul(x, kLn10)); });
}

Tensor log1p(const Tensor& x) {
  return with_input(Unary::log1p, x, [](const Tensor& dy, const Tensor& x) { return div(dy, add(x, 1)); });
}

Tensor tan(const Tensor& x) {
  // 1 + y^2
  return with_output(Unary::tan, x, [](const Tensor& dy, const Tensor& y) { return mul(dy, add(square(y), 1)); });
}

Tensor asin(const Tensor& x) {
  return with_input(Unary::asin, x,
                    [](const Tensor& dy, const Tensor& x) { return mul(dy, rsqrt(sub(like(x, 1), square(x)))); });
}

Tensor acos(const Tensor& x) {
  return with_input(Unary::acos, x,
                    [](const Tensor& dy, const Tensor& x) { return neg(mul(dy, rsqrt(sub(like(x, 1), square(x))))); });
}

Tensor atan(const Tensor& x) {
  return with_input(Unary::atan, x, [](const Tensor& dy, const Tensor& x) { return div(dy, add(square(x), 1)); });
}

Tensor sinh(const Tensor& x) {
  return with_input(Unary::sinh, x, [](const Tensor& dy, const Tensor& x) { return mul(dy, cosh(x)); });
}

Tensor cosh(const Tensor& x) {
  return with_input(Unary::cosh, x, [](const Tensor& dy, const Tensor& x) { return mul(dy, sinh(x)); });
}

Tensor asinh(const Tensor& x) {
  return with_input(Unary::asinh, x,
                    [](const Tensor& dy, const Tensor& x) { return mul(dy, rsqrt(add(square(x), 1))); });
}

Tensor acosh(const Tensor& x) {
  return with_input(Unary::acosh, x,
                    [](const Tensor& dy, const Tensor& x) { return mul(dy, rsqrt(sub(square(x), 1))); });
}

Tensor atanh(const Tensor& x) {
  return with_input(Unary::atanh, x,
                    [](const Tensor& dy, const Tensor& x) { return div(dy, sub(like(x, 1), square(x))); });
}

Tensor erfc(const Tensor& x) {
  // -2/sqrt(pi) exp(-x^2)
  return with_input(Unary::erfc, x,
                    [](const Tensor& dy, const Tensor& x) { return mul(mul(dy, exp(neg(square(x)))), -2 / kRootPi); });
}

Tensor erfinv(const Tensor& x) {
  // sqrt(pi)/2 exp(y^2)
  return with_output(Unary::erfinv, x,
                     [](const Tensor& dy, const Tensor& y) { return mul(mul(dy, exp(square(y))), kRootPi / 2); });
}

Tensor lgamma(const Tensor& x) {
  return with_input(Unary::lgamma, x, [](const Tensor& dy, const Tensor& x) { return mul(dy, digamma(x)); });
}

Tensor digamma(const Tensor& x) {
  Tensor y = compute("digamma", Unary::polygamma, x, 0);
  record("digamma", {x}, y, [x = save(x)](const Tensor& dy) { return mul(dy, polygamma(1, x.get())); });
  return y;
}

Tensor polygamma(int n, const Tensor& x) {
  if (n < 0 || n > 100) throw ValueError("polygamma", "the order must lie in [0, 100], got " + std::to_string(n) + ".");
  Tensor y = compute("polygamma", Unary::polygamma, x, n);
  record("polygamma", {x}, y, [x = save(x), n](const Tensor& dy) { return mul(dy, polygamma(n + 1, x.get())); });
  return y;
}

// The derivative of every order has no formula that is exact near 0: the kernel knows the order.
static Tensor sinc_derivative(int order, const Tensor& x) {
  if (order > 100) throw ValueError("sinc", "derivatives are computed up to the order 100.");
  Tensor y = compute("sinc", Unary::sinc, x, order);
  record("sinc", {x}, y,
         [x = save(x), order](const Tensor& dy) { return mul(dy, sinc_derivative(order + 1, x.get())); });
  return y;
}

Tensor sinc(const Tensor& x) { return sinc_derivative(0, x); }

Tensor logit(const Tensor& x, double eps) {
  require_floating("logit", x);
  if (!(eps >= 0 && eps <= 0.5))
    throw ValueError("logit", "eps must lie in [0, 1/2], got " + std::to_string(eps) + ".");
  const Tensor p = eps > 0 ? clamp(x, eps, 1 - eps) : x;
  return sub(log(p), log1p(neg(p)));
}

Tensor atan2(const Tensor& y, const Tensor& x) {
  const FloatingPair p("atan2", y, x);
  Tensor angle = compute(Binary::atan2, p);
  // dy = x/r^2 dangle, dx = -y/r^2 dangle
  record("atan2", {p.a, p.b}, angle, [y = save(p.a), x = save(p.b)](const Tensor& d) {
    const Tensor squares = add(square(y.get()), square(x.get()));
    const Tensor scaled = div(d, where(equal(squares, like(d, 0)), like(d, 1), squares));
    return Grads{mul(scaled, x.get()), neg(mul(scaled, y.get()))};
  });
  return angle;
}

Tensor hypot(const Tensor& a, const Tensor& b) {
  const FloatingPair p("hypot", a, b);
  Tensor y = compute(Binary::hypot, p);
  record("hypot", {p.a, p.b}, y, [a = save(p.a), b = save(p.b), y = save(y)](const Tensor& dy) {
    const Tensor scaled = div(dy, where(equal(y.get(), like(dy, 0)), like(dy, 1), y.get()));
    return Grads{mul(scaled, a.get()), mul(scaled, b.get())};
  });
  return y;
}

Tensor copysign(const Tensor& a, const Tensor& b) {
  const FloatingPair p("copysign", a, b);
  Tensor y = compute(Binary::copysign, p);
  record("copysign", {p.a, p.b}, y, [a = save(p.a), b = save(p.b)](const Tensor& dy, Needs need) {
    return Grads{need[0] ? mul(dy, mul(sign(a.get()), copysign(like(dy, 1), b.get()))) : Tensor(),
                 need[1] ? zeros_like(dy) : Tensor()};
  });
  return y;
}

Tensor logaddexp(const Tensor& a, const Tensor& b) {
  const FloatingPair p("logaddexp", a, b);
  Tensor y = compute(Binary::logaddexp, p);
  // da = sigmoid(a - b) dy; half each for two equal infinities
  record("logaddexp", {p.a, p.b}, y, [a = save(p.a), b = save(p.b)](const Tensor& dy) {
    const Tensor same = logical_and(equal(a.get(), b.get()), is_inf(a.get()));
    const Tensor ahead = where(same, like(dy, 0), sub(a.get(), b.get()));
    return Grads{mul(dy, sigmoid(ahead)), mul(dy, sigmoid(neg(ahead)))};
  });
  return y;
}

Tensor xlogy(const Tensor& a, const Tensor& b) {
  const FloatingPair p("xlogy", a, b);
  Tensor y = compute(Binary::xlogy, p);
  // da = log(b) dy, 0 where a = 0 and log(b) is no number; db = a/b dy, 0 where a = 0
  record("xlogy", {p.a, p.b}, y, [a = save(p.a), b = save(p.b)](const Tensor& dy, Needs need) {
    Grads d(Tensors(2));
    const Tensor zero = like(dy, 0), one = like(dy, 1);
    const Tensor outside = logical_and(equal(a.get(), zero), less_equal(b.get(), zero));
    const Tensor inside = where(outside, one, b.get());
    if (need[0]) d[0] = mul(dy, log(inside));
    if (need[1]) d[1] = mul(dy, div(a.get(), inside));
    return d;
  });
  return y;
}

Tensor lerp(const Tensor& a, const Tensor& b, const Tensor& weight) {
  const FloatingPair p("lerp", a, b);
  const FloatingPair q("lerp", p.a, weight);
  // From the nearer end, so that weight 1 gives b exactly.
  const Tensor step = sub(p.b, p.a);
  return where(less(q.b, like(q.b, 0.5)), add(p.a, mul(step, q.b)), sub(p.b, mul(step, sub(like(q.b, 1), q.b))));
}

Tensor lerp(const Tensor& a, const Tensor& b, double weight) {
  const FloatingPair p("lerp", a, b);
  const Tensor step = sub(p.b, p.a);
  return weight < 0.5 ? add(p.a, mul(step, weight)) : sub(p.b, mul(step, 1 - weight));
}

Tensor fmod(const Tensor& a, const Tensor& b) {
  const Pair p("fmod", a, b);
  Tensor y = compute(Binary::fmod, p);
  record("fmod", {p.a, p.b}, y, [a = save(p.a), b = save(p.b)](const Tensor& dy, Needs need) {
    return Grads{dy, need[1] ? neg(mul(dy, trunc(div(a.get(), b.get())))) : Tensor()};
  });
  return y;
}

Tensor remainder(const Tensor& a, const Tensor& b) {
  const Pair p("remainder", a, b);
  Tensor y = compute(Binary::remainder, p);
  record("remainder", {p.a, p.b}, y, [a = save(p.a), b = save(p.b)](const Tensor& dy, Needs need) {
    return Grads{dy, need[1] ? neg(mul(dy, floor_divide(a.get(), b.get()))) : Tensor()};
  });
  return y;
}

Tensor floor_divide(const Tensor& a, const Tensor& b) {
  const Pair p("floor_divide", a, b);
  Tensor y = compute(Binary::floor_divide, p);
  record("floor_divide", {p.a, p.b}, y, [](const Tensor& dy) {
    const Tensor zero = zeros_like(dy);
    return Grads{zero, zero};
  });
  return y;
}

Tensor fmod(const Tensor& a, double b) { return fmod(a, number("fmod", a, b)); }
Tensor remainder(const Tensor& a, double b) { return remainder(a, number("remainder", a, b)); }
Tensor floor_divide(const Tensor& a, double b) { return floor_divide(a, number("floor_divide", a, b)); }

}  // namespace gradus
