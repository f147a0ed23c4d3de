#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/unary.cpp"
#include <cmath>

#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/activation_math.h"
#include "kernels/cpu/vector_loop.h"
#include "kernels/cpu/vector_trig.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

// F(a, b) on a vector x.
#define GRADUS_UNARY(Name, expression)                         \
  struct Name {                                                \
    float a, b;                                                \
    template <class D, class V>                                \
    HWY_INLINE V operator()([[maybe_unused]] D d, V x) const { \
      return expression;                                       \
    }                                                          \
  };
GRADUS_UNARY(Neg, hn::Neg(x))
GRADUS_UNARY(Abs, hn::Abs(x))
GRADUS_UNARY(Square, hn::Mul(x, x))
GRADUS_UNARY(Floor, hn::Floor(x))
GRADUS_UNARY(Ceil, hn::Ceil(x))
GRADUS_UNARY(Trunc, hn::Trunc(x))
GRADUS_UNARY(Round, hn::Round(x))
GRADUS_UNARY(Exp, exp(d, x))
GRADUS_UNARY(Exp2, exp2(d, x))
GRADUS_UNARY(Expm1, expm1(d, x))
GRADUS_UNARY(Log, log(d, x))
GRADUS_UNARY(Log2, log2(d, x))
GRADUS_UNARY(Log10, log10(d, x))
GRADUS_UNARY(Log1p, log1p(d, x))
GRADUS_UNARY(Sqrt, hn::Sqrt(x))
GRADUS_UNARY(Rsqrt, hn::Div(hn::Set(d, 1.0f), hn::Sqrt(x)))
GRADUS_UNARY(Reciprocal, hn::Div(hn::Set(d, 1.0f), x))
GRADUS_UNARY(Asin, asin(d, x))
GRADUS_UNARY(Acos, acos(d, x))
GRADUS_UNARY(Atan, atan(d, x))
GRADUS_UNARY(Atanh, atanh(d, x))
GRADUS_UNARY(Tanh, tanh(d, x))
GRADUS_UNARY(Sigmoid, sigmoid(d, x))
GRADUS_UNARY(Erf, erf(d, x))
GRADUS_UNARY(Clamp, held(d, x, a, b))
GRADUS_UNARY(Relu, hn::IfThenZeroElse(hn::Le(x, hn::Zero(d)), x))
GRADUS_UNARY(ReluSquared, hn::IfThenZeroElse(hn::Le(x, hn::Zero(d)), hn::Mul(x, x)))
GRADUS_UNARY(LeakyRelu, hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(hn::Set(d, a), x)))
GRADUS_UNARY(Threshold, hn::IfThenElse(hn::Le(x, hn::Set(d, a)), hn::Set(d, b), x))
GRADUS_UNARY(HardSigmoid, hn::Mul(held(d, hn::Add(x, hn::Set(d, 3.0f)), 0, 6), hn::Set(d, 1.0f / 6)))
GRADUS_UNARY(HardSwish, hn::Mul(x, hn::Mul(held(d, hn::Add(x, hn::Set(d, 3.0f)), 0, 6), hn::Set(d, 1.0f / 6))))
GRADUS_UNARY(HardShrink, hn::IfThenZeroElse(hn::Le(hn::Abs(x), hn::Set(d, a)), x))
GRADUS_UNARY(SoftShrink,
             hn::IfThenZeroElse(hn::Le(hn::Abs(x), hn::Set(d, a)), hn::Sub(x, hn::CopySign(hn::Set(d, a), x))))
GRADUS_UNARY(Elu,
             hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Mul(hn::Set(d, a), expm1(d, hn::Mul(x, hn::Set(d, b))))))
GRADUS_UNARY(Selu, hn::Mul(hn::Set(d, kSeluScale), Elu{kSeluAlpha, 1}(d, x)))
GRADUS_UNARY(Softplus, hn::IfThenElse(hn::Gt(hn::Mul(x, hn::Set(d, a)), hn::Set(d, b)), x,
                                      hn::Div(log_one_plus_exp(d, hn::Mul(x, hn::Set(d, a))), hn::Set(d, a))))
GRADUS_UNARY(LogSigmoid, hn::Neg(log_one_plus_exp(d, hn::Neg(x))))
GRADUS_UNARY(Softsign, hn::Div(x, hn::Add(hn::Set(d, 1.0f), hn::Abs(x))))
GRADUS_UNARY(TanhShrink, hn::Sub(x, tanh(d, x)))
GRADUS_UNARY(Silu, hn::Mul(x, sigmoid(d, x)))
GRADUS_UNARY(Mish, mish(d, x))
GRADUS_UNARY(Gelu, hn::Mul(x, gaussian(d, x)))
GRADUS_UNARY(GeluTanh, hn::Mul(x, tanh_gate(d, x, hn::Mul(x, x))))
GRADUS_UNARY(QuickGelu, hn::Mul(x, sigmoid(d, hn::Mul(x, hn::Set(d, kQuick)))))
#undef GRADUS_UNARY

struct Sign {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    const V one = hn::Set(d, 1.0f), zero = hn::Zero(d);
    return hn::Sub(hn::IfThenElseZero(hn::Gt(x, zero), one), hn::IfThenElseZero(hn::Lt(x, zero), one));
  }
};

// F where every |x| of the vector is below a limit, else the plain function for the lanes beyond it.
#define GRADUS_LIMITED(Name, fast, plain, limit)                                       \
  struct Name {                                                                        \
    template <class D, class V>                                                        \
    HWY_INLINE V operator()(D d, V x) const {                                          \
      const V y = fast(d, x);                                                          \
      if (HWY_LIKELY(hn::AllTrue(d, hn::Lt(hn::Abs(x), hn::Set(d, limit))))) return y; \
      HWY_ALIGN float xs[hn::MaxLanes(d)], ys[hn::MaxLanes(d)];                        \
      hn::Store(x, d, xs);                                                             \
      hn::Store(y, d, ys);                                                             \
      for (size_t i = 0; i < hn::Lanes(d); ++i)                                        \
        if (!(std::fabs(xs[i]) < (limit))) ys[i] = plain(xs[i]);                       \
      return hn::Load(d, ys);                                                          \
    }                                                                                  \
  };
GRADUS_LIMITED(Sin, sin, std::sin, kTurnLimit)
GRADUS_LIMITED(Cos, cos, std::cos, kTurnLimit)
GRADUS_LIMITED(Tan, tan, std::tan, kTurnLimit)
GRADUS_LIMITED(Sinh, sinh, std::sinh, kExpLimit)
GRADUS_LIMITED(Cosh, cosh, std::cosh, kExpLimit)
GRADUS_LIMITED(Asinh, asinh, std::asinh, kSquareLimit)
GRADUS_LIMITED(Acosh, acosh, std::acosh, kSquareLimit)
#undef GRADUS_LIMITED

void unary_range(Unary f, float a, float b, const float* x, float* y, size_t n) {
  switch (f) {
    case Unary::neg: return map(Neg{a, b}, n, y, x);
    case Unary::abs: return map(Abs{a, b}, n, y, x);
    case Unary::sign: return map(Sign(), n, y, x);
    case Unary::square: return map(Square{a, b}, n, y, x);
    case Unary::floor: return map(Floor{a, b}, n, y, x);
    case Unary::ceil: return map(Ceil{a, b}, n, y, x);
    case Unary::trunc: return map(Trunc{a, b}, n, y, x);
    case Unary::round: return map(Round{a, b}, n, y, x);
    case Unary::exp: return map(Exp{a, b}, n, y, x);
    case Unary::exp2: return map(Exp2{a, b}, n, y, x);
    case Unary::expm1: return map(Expm1{a, b}, n, y, x);
    case Unary::log: return map(Log{a, b}, n, y, x);
    case Unary::log2: return map(Log2{a, b}, n, y, x);
    case Unary::log10: return map(Log10{a, b}, n, y, x);
    case Unary::log1p: return map(Log1p{a, b}, n, y, x);
    case Unary::sqrt: return map(Sqrt{a, b}, n, y, x);
    case Unary::rsqrt: return map(Rsqrt{a, b}, n, y, x);
    case Unary::reciprocal: return map(Reciprocal{a, b}, n, y, x);
    case Unary::sin: return map(Sin(), n, y, x);
    case Unary::cos: return map(Cos(), n, y, x);
    case Unary::tan: return map(Tan(), n, y, x);
    case Unary::asin: return map(Asin{a, b}, n, y, x);
    case Unary::acos: return map(Acos{a, b}, n, y, x);
    case Unary::atan: return map(Atan{a, b}, n, y, x);
    case Unary::sinh: return map(Sinh(), n, y, x);
    case Unary::cosh: return map(Cosh(), n, y, x);
    case Unary::asinh: return map(Asinh(), n, y, x);
    case Unary::acosh: return map(Acosh(), n, y, x);
    case Unary::atanh: return map(Atanh{a, b}, n, y, x);
    case Unary::tanh: return map(Tanh{a, b}, n, y, x);
    case Unary::sigmoid: return map(Sigmoid{a, b}, n, y, x);
    case Unary::erf: return map(Erf{a, b}, n, y, x);
    case Unary::clamp: return map(Clamp{a, b}, n, y, x);
    case Unary::hard_tanh: return map(Clamp{a, b}, n, y, x);
    case Unary::relu: return map(Relu{a, b}, n, y, x);
    case Unary::relu_squared: return map(ReluSquared{a, b}, n, y, x);
    case Unary::leaky_relu: return map(LeakyRelu{a, b}, n, y, x);
    case Unary::threshold: return map(Threshold{a, b}, n, y, x);
    case Unary::hard_sigmoid: return map(HardSigmoid{a, b}, n, y, x);
    case Unary::hard_swish: return map(HardSwish{a, b}, n, y, x);
    case Unary::hard_shrink: return map(HardShrink{a, b}, n, y, x);
    case Unary::soft_shrink: return map(SoftShrink{a, b}, n, y, x);
    case Unary::elu: return map(Elu{a, b}, n, y, x);
    case Unary::selu: return map(Selu{a, b}, n, y, x);
    case Unary::softplus: return map(Softplus{a, b}, n, y, x);
    case Unary::log_sigmoid: return map(LogSigmoid{a, b}, n, y, x);
    case Unary::softsign: return map(Softsign{a, b}, n, y, x);
    case Unary::tanh_shrink: return map(TanhShrink{a, b}, n, y, x);
    case Unary::silu: return map(Silu{a, b}, n, y, x);
    case Unary::mish: return map(Mish{a, b}, n, y, x);
    case Unary::gelu: return map(Gelu{a, b}, n, y, x);
    case Unary::gelu_tanh: return map(GeluTanh{a, b}, n, y, x);
    case Unary::quick_gelu: return map(QuickGelu{a, b}, n, y, x);
    default: return;
  }
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/half.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"
#include "kernels/ref/special.h"

namespace gradus::cpu {

HWY_EXPORT(unary_range);

namespace {

template <class F>
void map_plain(const float* x, float* y, int64_t n, const F& f) {
  for (int64_t i = 0; i < n; ++i) y[i] = static_cast<float>(f(x[i]));
}

// The functions without a vector form, in f64.
bool plain_range(Unary f, double a, const float* x, float* y, int64_t n) {
  switch (f) {
    case Unary::erfc: return map_plain(x, y, n, [](float v) { return std::erfc(v); }), true;
    case Unary::erfinv: return map_plain(x, y, n, [](double v) { return ref::erfinv(v); }), true;
    case Unary::lgamma: return map_plain(x, y, n, [](double v) { return ref::log_gamma(v); }), true;
    case Unary::polygamma: return map_plain(x, y, n, [a](double v) { return ref::polygamma(a, v); }), true;
    case Unary::sinc: return map_plain(x, y, n, [a](double v) { return ref::sinc(a, v); }), true;
    default: return false;
  }
}

// f64: plain loops, which the compiler turns into vectors where the function is simple.
void unary_f64(const UnaryArgs& args) {
  const Tensor dense_x = dense(args.x);
  const double* x = dense_x.data<double>();
  double* y = args.y.data<double>();
  ref::dispatch_unary(args.f, args.a, args.b, [&](auto f) {
    parallel_for(dense_x.count(), kCostlyGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i] = f(x[i]);
    });
  });
}

}  // namespace

void unary(const UnaryArgs& args) {
  if (args.y.contiguous() && args.x.dtype() == Dtype::f64) return unary_f64(args);
  if (!(all_f32({args.x}) || is_16_bit(args.x)) || !args.y.contiguous()) return ref::unary(args);
  const auto range = HWY_DYNAMIC_DISPATCH(unary_range);
  const float a = static_cast<float>(args.a), b = static_cast<float>(args.b);
  const auto run = [&](float* y, size_t n, const float* x) {
    if (!plain_range(args.f, args.a, x, y, static_cast<int64_t>(n))) range(args.f, a, b, x, y, n);
  };
  for_f32_runs(kCostlyGrain, args.y, run, dense(args.x));
}

}  // namespace gradus::cpu
#endif
