#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/elementwise.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_binary.h"
#include "kernels/cpu/vector_loop.h"
#include "kernels/cpu/vector_pow.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

#define GRADUS_BINARY(Name, expression)                             \
  struct Name {                                                     \
    template <class D, class V>                                     \
    HWY_INLINE V operator()([[maybe_unused]] D d, V a, V b) const { \
      return expression;                                            \
    }                                                               \
  };
GRADUS_BINARY(Add, hn::Add(a, b))
GRADUS_BINARY(Sub, hn::Sub(a, b))
GRADUS_BINARY(Mul, hn::Mul(a, b))
GRADUS_BINARY(Div, hn::Div(a, b))
GRADUS_BINARY(Maximum, hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::IsNaN(a)), a, b))
GRADUS_BINARY(Minimum, hn::IfThenElse(hn::Or(hn::Lt(a, b), hn::IsNaN(a)), a, b))
GRADUS_BINARY(Pow, pow(d, a, b))
GRADUS_BINARY(Copysign, hn::CopySign(a, b))
#undef GRADUS_BINARY

// max + log(1 + e^-|a - b|); the difference of equal infinities counts as 0
struct LogAddExp {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V a, V b) const {
    const V difference = hn::IfThenZeroElse(hn::Eq(a, b), hn::Sub(a, b));
    return hn::Add(Maximum()(d, a, b), log1p_unit(d, exp(d, hn::Neg(hn::Abs(difference)))));
  }
};
struct XLogY {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V a, V b) const {
    const V y = hn::IfThenZeroElse(hn::Eq(a, hn::Zero(d)), hn::Mul(a, log(d, b)));
    return hn::IfThenElse(hn::IsNaN(b), b, y);
  }
};

template <class F>
struct WithLeft {
  float a;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V b) const {
    return F()(d, hn::Set(d, a), b);
  }
};
template <class F>
struct WithRight {
  float b;
  template <class D, class V>
  HWY_INLINE V operator()(D d, V a) const {
    return F()(d, a, hn::Set(d, b));
  }
};

template <class F>
void run_binary(const float* a, bool one_a, const float* b, bool one_b, float* y, size_t n) {
  if (one_b)
    map(WithRight<F>{*b}, n, y, a);
  else if (one_a)
    map(WithLeft<F>{*a}, n, y, b);
  else
    map(F(), n, y, a, b);
}

// Exponents that are so common that they deserve better than a logarithm.
struct Power1 {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return x;
  }
};
struct Power2 {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return hn::Mul(x, x);
  }
};
struct Power3 {
  template <class D, class V>
  HWY_INLINE V operator()(D, V x) const {
    return hn::Mul(hn::Mul(x, x), x);
  }
};
struct PowerMinus1 {
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    return hn::Div(hn::Set(d, 1.0f), x);
  }
};
struct PowerHalf {  // unlike sqrt: 0 for -0, infinity for -infinity
  template <class D, class V>
  HWY_INLINE V operator()(D d, V x) const {
    const V y = hn::Add(hn::Sqrt(x), hn::Zero(d));
    return hn::IfThenElse(hn::Eq(x, hn::Neg(hn::Inf(d))), hn::Inf(d), y);
  }
};

void run_pow(const float* a, bool one_a, const float* b, bool one_b, float* y, size_t n) {
  if (one_b) {
    if (*b == 1) return map(Power1(), n, y, a);
    if (*b == 2) return map(Power2(), n, y, a);
    if (*b == 3) return map(Power3(), n, y, a);
    if (*b == -1) return map(PowerMinus1(), n, y, a);
    if (*b == 0.5f) return map(PowerHalf(), n, y, a);
  }
  run_binary<Pow>(a, one_a, b, one_b, y, n);
}

// `one_a`, `one_b`: the operand is a single number; not both.
void binary_range(Binary f, const float* a, bool one_a, const float* b, bool one_b, float* y, size_t n) {
  switch (f) {
    case Binary::add: return run_binary<Add>(a, one_a, b, one_b, y, n);
    case Binary::sub: return run_binary<Sub>(a, one_a, b, one_b, y, n);
    case Binary::mul: return run_binary<Mul>(a, one_a, b, one_b, y, n);
    case Binary::div: return run_binary<Div>(a, one_a, b, one_b, y, n);
    case Binary::maximum: return run_binary<Maximum>(a, one_a, b, one_b, y, n);
    case Binary::minimum: return run_binary<Minimum>(a, one_a, b, one_b, y, n);
    case Binary::pow: return run_pow(a, one_a, b, one_b, y, n);
    case Binary::copysign: return run_binary<Copysign>(a, one_a, b, one_b, y, n);
    case Binary::logaddexp: return run_binary<LogAddExp>(a, one_a, b, one_b, y, n);
    case Binary::xlogy: return run_binary<XLogY>(a, one_a, b, one_b, y, n);
    case Binary::hypot: return run_binary<Hypot>(a, one_a, b, one_b, y, n);
    case Binary::atan2: return run_binary<Atan2>(a, one_a, b, one_b, y, n);
    case Binary::fmod: return run_binary<Fmod>(a, one_a, b, one_b, y, n);
    case Binary::remainder: return run_binary<Remainder>(a, one_a, b, one_b, y, n);
    case Binary::floor_divide: return run_binary<FloorDivide>(a, one_a, b, one_b, y, n);
    default: return;
  }
}

void fill_range(float value, float* y, size_t n) {
  const Floats d;
  const FloatVec v = hn::Set(d, value);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) hn::StoreU(v, d, y + i);
  for (; i < n; ++i) y[i] = value;
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "base/parallel.h"
#include "kernels/cpu/broadcast_rows.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/half.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"

namespace gradus::cpu {

HWY_EXPORT(binary_range);
HWY_EXPORT(fill_range);

namespace {

// f64: plain loops, which the compiler turns into vectors where the function is simple.
void binary_f64(const BinaryArgs& args) {
  const auto rows = [&](auto* out, auto f) {
    for_broadcast_rows<double>(args.a, args.b, args.y, out,
                               [f](const double* a, bool one_a, const double* b, bool one_b, auto* y, size_t n) {
                                 if (one_a)
                                   for (size_t i = 0; i < n; ++i) y[i] = f(*a, b[i]);
                                 else if (one_b)
                                   for (size_t i = 0; i < n; ++i) y[i] = f(a[i], *b);
                                 else
                                   for (size_t i = 0; i < n; ++i) y[i] = f(a[i], b[i]);
                               });
  };
  if (is_comparison(args.f))
    ref::dispatch_comparison(args.f, [&](auto f) { rows(args.y.data<bool>(), f); });
  else
    ref::dispatch_binary(args.f, [&](auto f) { rows(args.y.data<double>(), f); });
}

}  // namespace

void binary(const BinaryArgs& args) {
  if (args.y.contiguous() && args.a.dtype() == Dtype::f64) return binary_f64(args);
  if (!(all_f32({args.a, args.b}) || is_16_bit(args.a)) || !args.y.contiguous()) return ref::binary(args);
  if (is_comparison(args.f)) return compare(args);
  const auto range = HWY_DYNAMIC_DISPATCH(binary_range);
  for_broadcast_f32<float>(args.a, args.b, args.y, [&](auto... row) { range(args.f, row...); });
}

void fill(const FillArgs& args) {
  if (args.y.dtype() != Dtype::f32 || !args.y.contiguous()) return ref::fill(args);
  const auto range = HWY_DYNAMIC_DISPATCH(fill_range);
  float* y = args.y.data<float>();
  parallel_for(args.y.count(), kCheapGrain, [&](int64_t begin, int64_t end) {
    range(static_cast<float>(args.value), y + begin, static_cast<size_t>(end - begin));
  });
}

}  // namespace gradus::cpu
#endif
