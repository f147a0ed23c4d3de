#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/activation.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"
#include "kernels/cpu/vector_math.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

constexpr float kRootHalf = 0.70710678118654752440f;   // 1/sqrt 2
constexpr float kRootTwoPi = 0.39894228040143267794f;  // 1/sqrt(2 pi)
constexpr float kTwoU = 1.59576912160573071176f;       // 2 sqrt(2/pi)

// Phi(x) = (1 + erf(x/sqrt 2))/2
template <class D, class V>
HWY_INLINE V gaussian(D d, V x) {
  const V half = hn::Set(d, 0.5f);
  return hn::MulAdd(half, erf(d, hn::Mul(x, hn::Set(d, kRootHalf))), half);
}

// (1 + tanh u)/2 = sigmoid(2u), u = sqrt(2/pi) (x + 0.044715 x^3)
template <class D, class V>
HWY_INLINE V gate(D d, V x, V xx) {
  const V inner = hn::MulAdd(hn::Mul(hn::Set(d, 0.044715f), xx), x, x);
  return sigmoid(d, hn::Mul(hn::Set(d, kTwoU), inner));
}

// s + x s (1 - s)
template <class D, class V>
HWY_INLINE V silu_slope(D d, V x, V s) {
  return hn::MulAdd(hn::Mul(x, s), hn::Sub(hn::Set(d, 1.0f), s), s);
}

// Phi(x) + x phi(x)
template <class D, class V>
HWY_INLINE V gelu_slope(D d, V x) {
  const V density = hn::Mul(hn::Set(d, kRootTwoPi), exp(d, hn::Mul(hn::Mul(x, x), hn::Set(d, -0.5f))));
  return hn::MulAdd(x, density, gaussian(d, x));
}

// s + x s (1 - s) 2u'
template <class D, class V>
HWY_INLINE V gelu_tanh_slope(D d, V x) {
  const V one = hn::Set(d, 1.0f), xx = hn::Mul(x, x);
  const V s = gate(d, x, xx);
  const V du = hn::Mul(hn::Set(d, kTwoU), hn::MulAdd(hn::Set(d, 3 * 0.044715f), xx, one));
  return hn::MulAdd(hn::Mul(hn::Mul(x, s), hn::Sub(one, s)), du, s);
}

#define GRADUS_UNARY(Name, expression)        \
  struct Name {                               \
    template <class D, class V>               \
    HWY_INLINE V operator()(D d, V x) const { \
      (void)d;                                \
      return expression;                      \
    }                                         \
  };
GRADUS_UNARY(Neg, hn::Neg(x))
GRADUS_UNARY(Abs, hn::Abs(x))
GRADUS_UNARY(Exp, exp(d, x))
GRADUS_UNARY(Sqrt, hn::Sqrt(x))
GRADUS_UNARY(Rsqrt, hn::Div(hn::Set(d, 1.0f), hn::Sqrt(x)))
GRADUS_UNARY(Square, hn::Mul(x, x))
GRADUS_UNARY(Reciprocal, hn::Div(hn::Set(d, 1.0f), x))
GRADUS_UNARY(Tanh, tanh(d, x))
GRADUS_UNARY(Sigmoid, sigmoid(d, x))
GRADUS_UNARY(Erf, erf(d, x))
GRADUS_UNARY(Relu, hn::IfThenZeroElse(hn::Le(x, hn::Zero(d)), x))
GRADUS_UNARY(Silu, hn::Mul(x, sigmoid(d, x)))
GRADUS_UNARY(Gelu, hn::Mul(x, gaussian(d, x)))
GRADUS_UNARY(GeluTanh, hn::Mul(x, gate(d, x, hn::Mul(x, x))))
#undef GRADUS_UNARY

#define GRADUS_SLOPE(Name, expression)              \
  struct Name {                                     \
    template <class D, class V>                     \
    HWY_INLINE V operator()(D d, V x, V dy) const { \
      (void)d;                                      \
      return expression;                            \
    }                                               \
  };
GRADUS_SLOPE(ReluSlope, hn::IfThenElseZero(hn::Gt(x, hn::Zero(d)), dy))
GRADUS_SLOPE(SiluSlope, hn::Mul(dy, silu_slope(d, x, sigmoid(d, x))))
GRADUS_SLOPE(GeluSlope, hn::Mul(dy, gelu_slope(d, x)))
GRADUS_SLOPE(GeluTanhSlope, hn::Mul(dy, gelu_tanh_slope(d, x)))
#undef GRADUS_SLOPE

void unary_range(Unary f, const float* x, float* y, size_t n) {
  switch (f) {
    case Unary::neg: return map(Neg(), n, y, x);
    case Unary::abs: return map(Abs(), n, y, x);
    case Unary::exp: return map(Exp(), n, y, x);
    case Unary::sqrt: return map(Sqrt(), n, y, x);
    case Unary::rsqrt: return map(Rsqrt(), n, y, x);
    case Unary::square: return map(Square(), n, y, x);
    case Unary::reciprocal: return map(Reciprocal(), n, y, x);
    case Unary::tanh: return map(Tanh(), n, y, x);
    case Unary::sigmoid: return map(Sigmoid(), n, y, x);
    case Unary::erf: return map(Erf(), n, y, x);
    case Unary::relu: return map(Relu(), n, y, x);
    case Unary::silu: return map(Silu(), n, y, x);
    case Unary::gelu: return map(Gelu(), n, y, x);
    case Unary::gelu_tanh: return map(GeluTanh(), n, y, x);
    default: return;
  }
}

void unary_backward_range(Unary f, const float* x, const float* dy, float* dx, size_t n) {
  switch (f) {
    case Unary::relu: return map(ReluSlope(), n, dx, x, dy);
    case Unary::silu: return map(SiluSlope(), n, dx, x, dy);
    case Unary::gelu: return map(GeluSlope(), n, dx, x, dy);
    case Unary::gelu_tanh: return map(GeluTanhSlope(), n, dx, x, dy);
    default: return;
  }
}

struct Swiglu {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x, V up) const {
    return hn::Mul(hn::Mul(x, sigmoid(d, x)), up);
  }
};

void swiglu_range(const float* gate, const float* up, float* y, size_t n) { map(Swiglu(), n, y, gate, up); }

// dgate = dy up silu'(gate), dup = dy silu(gate)
template <class D, class V>
HWY_INLINE void swiglu_slopes(D d, V x, V up, V dy, V& dgate, V& dup) {
  const V s = sigmoid(d, x);
  dgate = hn::Mul(hn::Mul(dy, up), silu_slope(d, x, s));
  dup = hn::Mul(dy, hn::Mul(x, s));
}

void swiglu_backward_range(const float* gate, const float* up, const float* dy, float* dgate, float* dup, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  FloatVec a, b;
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    swiglu_slopes(d, hn::LoadU(d, gate + i), hn::LoadU(d, up + i), hn::LoadU(d, dy + i), a, b);
    hn::StoreU(a, d, dgate + i);
    hn::StoreU(b, d, dup + i);
  }
  if (i == n) return;
  swiglu_slopes(d, load_some(d, gate + i, n - i), load_some(d, up + i, n - i), load_some(d, dy + i, n - i), a, b);
  store_some(a, d, dgate + i, n - i);
  store_some(b, d, dup + i, n - i);
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(unary_range);
HWY_EXPORT(unary_backward_range);
HWY_EXPORT(swiglu_range);
HWY_EXPORT(swiglu_backward_range);

static bool has_vector_form(Unary f) {
  return f != Unary::sign && f != Unary::log && f != Unary::sin && f != Unary::cos;
}

void unary(const UnaryArgs& args) {
  if (!all_f32({args.x}) || !has_vector_form(args.f) || !args.y.contiguous()) return ref::unary(args);
  const Tensor x = dense(args.x);
  const auto range = HWY_DYNAMIC_DISPATCH(unary_range);
  parallel_for(x.count(), kCostlyGrain, [&](int64_t begin, int64_t end) {
    range(args.f, x.data<float>() + begin, args.y.data<float>() + begin, static_cast<size_t>(end - begin));
  });
}

void unary_backward(const UnaryBackwardArgs& args) {
  if (!all_f32({args.x})) return ref::unary_backward(args);
  const Tensor x = dense(args.x), dy = dense(args.dy);
  const auto range = HWY_DYNAMIC_DISPATCH(unary_backward_range);
  parallel_for(x.count(), kCostlyGrain, [&](int64_t begin, int64_t end) {
    range(args.f, x.data<float>() + begin, dy.data<float>() + begin, args.dx.data<float>() + begin,
          static_cast<size_t>(end - begin));
  });
}

void swiglu(const SwigluArgs& args) {
  if (!all_f32({args.gate})) return ref::swiglu(args);
  const Tensor gate = dense(args.gate), up = dense(args.up);
  const auto range = HWY_DYNAMIC_DISPATCH(swiglu_range);
  parallel_for(gate.count(), kCostlyGrain, [&](int64_t begin, int64_t end) {
    range(gate.data<float>() + begin, up.data<float>() + begin, args.y.data<float>() + begin,
          static_cast<size_t>(end - begin));
  });
}

void swiglu_backward(const SwigluBackwardArgs& args) {
  if (!all_f32({args.gate})) return ref::swiglu_backward(args);
  const Tensor gate = dense(args.gate), up = dense(args.up), dy = dense(args.dy);
  const auto range = HWY_DYNAMIC_DISPATCH(swiglu_backward_range);
  parallel_for(gate.count(), kCostlyGrain, [&](int64_t begin, int64_t end) {
    range(gate.data<float>() + begin, up.data<float>() + begin, dy.data<float>() + begin,
          args.dgate.data<float>() + begin, args.dup.data<float>() + begin, static_cast<size_t>(end - begin));
  });
}

}  // namespace gradus::cpu
#endif
