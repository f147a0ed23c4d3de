#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/activation.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/activation_math.h"
#include "kernels/cpu/vector_loop.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

// What flows back through an activation with the parameters a and b.
#define GRADUS_SLOPE(Name, expression)                                     \
  struct Name {                                                            \
    float a, b;                                                            \
    template <class D, class V>                                            \
    HWY_INLINE V operator()(D d, V x, V dy) const {                        \
      [[maybe_unused]] const V zero = hn::Zero(d), one = hn::Set(d, 1.0f); \
      return expression;                                                   \
    }                                                                      \
  };
GRADUS_SLOPE(Relu, hn::IfThenElseZero(hn::Gt(x, zero), dy))
GRADUS_SLOPE(ReluSquared, hn::IfThenElseZero(hn::Gt(x, zero), hn::Mul(hn::Add(x, x), dy)))
GRADUS_SLOPE(LeakyRelu, hn::IfThenElse(hn::Gt(x, zero), dy, hn::Mul(hn::Set(d, a), dy)))
GRADUS_SLOPE(Threshold, hn::IfThenElseZero(hn::Gt(x, hn::Set(d, a)), dy))
GRADUS_SLOPE(HardTanh, hn::IfThenElseZero(hn::And(hn::Gt(x, hn::Set(d, a)), hn::Lt(x, hn::Set(d, b))), dy))
GRADUS_SLOPE(HardSigmoid, hn::IfThenElseZero(hn::Lt(hn::Abs(x), hn::Set(d, 3.0f)), hn::Mul(dy, hn::Set(d, 1.0f / 6))))
GRADUS_SLOPE(HardSwish,
             hn::Mul(dy, hn::IfThenZeroElse(hn::Le(x, hn::Set(d, -3.0f)),
                                            hn::IfThenElse(hn::Ge(x, hn::Set(d, 3.0f)), one,
                                                           hn::MulAdd(x, hn::Set(d, 1.0f / 3), hn::Set(d, 0.5f))))))
GRADUS_SLOPE(Shrink, hn::IfThenZeroElse(hn::Le(hn::Abs(x), hn::Set(d, a)), dy))
GRADUS_SLOPE(Elu, hn::Mul(dy, hn::IfThenElse(hn::Gt(x, zero), one,
                                             hn::Mul(hn::Set(d, a* b), exp(d, hn::Mul(x, hn::Set(d, b)))))))
GRADUS_SLOPE(Selu, hn::Mul(hn::Set(d, kSeluScale), Elu{kSeluAlpha, 1}(d, x, dy)))
GRADUS_SLOPE(Softplus, hn::Mul(dy, hn::IfThenElse(hn::Gt(hn::Mul(x, hn::Set(d, a)), hn::Set(d, b)), one,
                                                  sigmoid(d, hn::Mul(x, hn::Set(d, a))))))
GRADUS_SLOPE(LogSigmoid, hn::Mul(dy, sigmoid(d, hn::Neg(x))))
GRADUS_SLOPE(Softsign, hn::Div(dy, hn::Mul(hn::Add(one, hn::Abs(x)), hn::Add(one, hn::Abs(x)))))
GRADUS_SLOPE(Silu, hn::Mul(dy, silu_slope(d, x, sigmoid(d, x))))
GRADUS_SLOPE(Mish, hn::Mul(dy, mish_slope(d, x)))
GRADUS_SLOPE(Gelu, hn::Mul(dy, gelu_slope(d, x, gaussian(d, x))))
#undef GRADUS_SLOPE

struct TanhShrink {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x, V dy) const {
    const V t = tanh(d, x);
    return hn::Mul(dy, hn::Mul(t, t));
  }
};
struct GeluTanh {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x, V dy) const {
    return hn::Mul(dy, gelu_tanh_slope(d, x, tanh_gate(d, x, hn::Mul(x, x))));
  }
};
struct QuickGelu {  // silu's slope at 1.702 x
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x, V dy) const {
    const V z = hn::Mul(x, hn::Set(d, kQuick));
    return hn::Mul(dy, silu_slope(d, z, sigmoid(d, z)));
  }
};

void unary_backward_range(Unary f, float a, float b, const float* x, const float* dy, float* dx, size_t n) {
  switch (f) {
    case Unary::relu: return map(Relu{a, b}, n, dx, x, dy);
    case Unary::relu_squared: return map(ReluSquared{a, b}, n, dx, x, dy);
    case Unary::leaky_relu: return map(LeakyRelu{a, b}, n, dx, x, dy);
    case Unary::threshold: return map(Threshold{a, b}, n, dx, x, dy);
    case Unary::clamp:
    case Unary::hard_tanh: return map(HardTanh{a, b}, n, dx, x, dy);
    case Unary::hard_sigmoid: return map(HardSigmoid{a, b}, n, dx, x, dy);
    case Unary::hard_swish: return map(HardSwish{a, b}, n, dx, x, dy);
    case Unary::hard_shrink:
    case Unary::soft_shrink: return map(Shrink{a, b}, n, dx, x, dy);
    case Unary::elu: return map(Elu{a, b}, n, dx, x, dy);
    case Unary::selu: return map(Selu{a, b}, n, dx, x, dy);
    case Unary::softplus: return map(Softplus{a, b}, n, dx, x, dy);
    case Unary::log_sigmoid: return map(LogSigmoid{a, b}, n, dx, x, dy);
    case Unary::softsign: return map(Softsign{a, b}, n, dx, x, dy);
    case Unary::tanh_shrink: return map(TanhShrink(), n, dx, x, dy);
    case Unary::silu: return map(Silu{a, b}, n, dx, x, dy);
    case Unary::mish: return map(Mish{a, b}, n, dx, x, dy);
    case Unary::gelu: return map(Gelu{a, b}, n, dx, x, dy);
    case Unary::gelu_tanh: return map(GeluTanh(), n, dx, x, dy);
    case Unary::quick_gelu: return map(QuickGelu(), n, dx, x, dy);
    default: return;
  }
}

// The gates: value and slope at once, which share their exponentials.
#define GRADUS_GATE(Name, ...)                                  \
  struct Name {                                                 \
    template <class D, class V>                                 \
    static HWY_INLINE void both(D d, V x, V& value, V& slope) { \
      __VA_ARGS__                                               \
    }                                                           \
  };
GRADUS_GATE(SigmoidGate, value = sigmoid(d, x); slope = hn::Mul(value, hn::Sub(hn::Set(d, 1.0f), value));)
GRADUS_GATE(ReluGate, const auto on = hn::Gt(x, hn::Zero(d)); slope = hn::IfThenElseZero(on, hn::Set(d, 1.0f));
            value = hn::IfThenElse(on, x, hn::IfThenElseZero(hn::IsNaN(x), x));)
GRADUS_GATE(SiluGate, const V s = sigmoid(d, x); value = hn::Mul(x, s); slope = silu_slope(d, x, s);)
GRADUS_GATE(GeluGate, const V p = gaussian(d, x); value = hn::Mul(x, p); slope = gelu_slope(d, x, p);)
GRADUS_GATE(GeluTanhGate, const V xx = hn::Mul(x, x); const V s = tanh_gate(d, x, xx); value = hn::Mul(x, s);
            slope = gelu_tanh_slope(d, x, s);)
#undef GRADUS_GATE

template <class Gate>
struct Gated {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x, V up) const {
    V value, slope;
    Gate::both(d, x, value, slope);
    return hn::Mul(value, up);
  }
};

template <class Gate>
void gated_rows(const float* gate, const float* up, float* y, size_t n) {
  map(Gated<Gate>(), n, y, gate, up);
}

// dgate = dy up f'(gate), dup = dy f(gate)
template <class Gate>
void gated_backward_rows(const float* gate, const float* up, const float* dy, float* dgate, float* dup, size_t n) {
  const Floats d;
  const size_t lanes = hn::Lanes(d);
  const auto step = [&](FloatVec x, FloatVec u, FloatVec g, FloatVec& dx, FloatVec& du) {
    FloatVec value, slope;
    Gate::both(d, x, value, slope);
    dx = hn::Mul(hn::Mul(g, u), slope);
    du = hn::Mul(g, value);
  };
  FloatVec a, b;
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    step(hn::LoadU(d, gate + i), hn::LoadU(d, up + i), hn::LoadU(d, dy + i), a, b);
    hn::StoreU(a, d, dgate + i);
    hn::StoreU(b, d, dup + i);
  }
  if (i == n) return;
  step(load_some(d, gate + i, n - i), load_some(d, up + i, n - i), load_some(d, dy + i, n - i), a, b);
  store_some(a, d, dgate + i, n - i);
  store_some(b, d, dup + i, n - i);
}

void gated_range(Unary f, const float* gate, const float* up, float* y, size_t n) {
  switch (f) {
    case Unary::relu: return gated_rows<ReluGate>(gate, up, y, n);
    case Unary::silu: return gated_rows<SiluGate>(gate, up, y, n);
    case Unary::gelu: return gated_rows<GeluGate>(gate, up, y, n);
    case Unary::gelu_tanh: return gated_rows<GeluTanhGate>(gate, up, y, n);
    default: return gated_rows<SigmoidGate>(gate, up, y, n);
  }
}

void gated_backward_range(Unary f, const float* gate, const float* up, const float* dy, float* dgate, float* dup,
                          size_t n) {
  switch (f) {
    case Unary::relu: return gated_backward_rows<ReluGate>(gate, up, dy, dgate, dup, n);
    case Unary::silu: return gated_backward_rows<SiluGate>(gate, up, dy, dgate, dup, n);
    case Unary::gelu: return gated_backward_rows<GeluGate>(gate, up, dy, dgate, dup, n);
    case Unary::gelu_tanh: return gated_backward_rows<GeluTanhGate>(gate, up, dy, dgate, dup, n);
    default: return gated_backward_rows<SigmoidGate>(gate, up, dy, dgate, dup, n);
  }
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/half.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(unary_backward_range);
HWY_EXPORT(gated_range);
HWY_EXPORT(gated_backward_range);

void unary_backward(const UnaryBackwardArgs& args) {
  if (!all_f32({args.x}) && !is_16_bit(args.x)) return ref::unary_backward(args);
  const auto range = HWY_DYNAMIC_DISPATCH(unary_backward_range);
  const float a = static_cast<float>(args.a), b = static_cast<float>(args.b);
  const auto run = [&](float* dx, size_t n, const float* x, const float* dy) { range(args.f, a, b, x, dy, dx, n); };
  for_f32_runs(kCostlyGrain, args.dx, run, dense(args.x), dense(args.dy));
}

void gated(const GatedArgs& args) {
  if (!all_f32({args.gate}) && !is_16_bit(args.gate)) return ref::gated(args);
  const auto range = HWY_DYNAMIC_DISPATCH(gated_range);
  const auto run = [&](float* y, size_t n, const float* gate, const float* up) { range(args.f, gate, up, y, n); };
  for_f32_runs(kCostlyGrain, args.y, run, dense(args.gate), dense(args.up));
}

void gated_backward(const GatedBackwardArgs& args) {
  if (!all_f32({args.gate})) return ref::gated_backward(args);
  const Tensor gate = dense(args.gate), up = dense(args.up), dy = dense(args.dy);
  const auto range = HWY_DYNAMIC_DISPATCH(gated_backward_range);
  parallel_for(gate.count(), kCostlyGrain, [&](int64_t begin, int64_t end) {
    range(args.f, gate.data<float>() + begin, up.data<float>() + begin, dy.data<float>() + begin,
          args.dgate.data<float>() + begin, args.dup.data<float>() + begin, static_cast<size_t>(end - begin));
  });
}

}  // namespace gradus::cpu
#endif
