#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/elementwise.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

#define GRADUS_BINARY(Name, expression)          \
  struct Name {                                  \
    template <class D, class V>                  \
    HWY_INLINE V operator()(D, V a, V b) const { \
      return expression;                         \
    }                                            \
  };
GRADUS_BINARY(Add, hn::Add(a, b))
GRADUS_BINARY(Sub, hn::Sub(a, b))
GRADUS_BINARY(Mul, hn::Mul(a, b))
GRADUS_BINARY(Div, hn::Div(a, b))
GRADUS_BINARY(Maximum, hn::IfThenElse(hn::Or(hn::Gt(a, b), hn::IsNaN(a)), a, b))
GRADUS_BINARY(Minimum, hn::IfThenElse(hn::Or(hn::Lt(a, b), hn::IsNaN(a)), a, b))
#undef GRADUS_BINARY

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

// `one_a`, `one_b`: the operand is a single number; not both.
void binary_range(Binary f, const float* a, bool one_a, const float* b, bool one_b, float* y, size_t n) {
  switch (f) {
    case Binary::add: return run_binary<Add>(a, one_a, b, one_b, y, n);
    case Binary::sub: return run_binary<Sub>(a, one_a, b, one_b, y, n);
    case Binary::mul: return run_binary<Mul>(a, one_a, b, one_b, y, n);
    case Binary::div: return run_binary<Div>(a, one_a, b, one_b, y, n);
    case Binary::maximum: return run_binary<Maximum>(a, one_a, b, one_b, y, n);
    case Binary::minimum: return run_binary<Minimum>(a, one_a, b, one_b, y, n);
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
#include "kernels/cpu/dense.h"
#include "kernels/ref/ref.h"
#include "kernels/walk.h"

namespace gradus::cpu {

HWY_EXPORT(binary_range);
HWY_EXPORT(fill_range);

void binary(const BinaryArgs& args) {
  if (!all_f32({args.a, args.b, args.y}) || is_comparison(args.f) || args.f == Binary::pow || !args.y.contiguous())
    return ref::binary(args);
  const LoopNest<3> nest(args.y.shape(), {&args.a, &args.b, &args.y});
  const int64_t inner = nest.inner(), step_a = nest.inner_stride(0), step_b = nest.inner_stride(1);
  if (inner > 1) {
    // Neither dense nor a single number along the innermost axis: lay it out first.
    const bool lay_a = step_a != 1 && step_a != 0, lay_b = step_b != 1 && step_b != 0;
    if (lay_a || lay_b || (step_a == 0 && step_b == 0)) {
      const Tensor a = lay_a || step_b == 0 ? dense(args.a) : args.a, b = lay_b ? dense(args.b) : args.b;
      return binary({.f = args.f, .a = a, .b = b, .y = args.y});
    }
  }
  const auto range = HWY_DYNAMIC_DISPATCH(binary_range);
  const float *a = args.a.data<float>(), *b = args.b.data<float>();
  float* y = args.y.data<float>();
  if (nest.rows() == 1) {
    parallel_for(inner, kCheapGrain, [&](int64_t begin, int64_t end) {
      range(args.f, a + begin * step_a, step_a == 0 && inner > 1, b + begin * step_b, step_b == 0 && inner > 1,
            y + begin, static_cast<size_t>(end - begin));
    });
    return;
  }
  parallel_for(nest.rows(), rows_for(kCheapGrain, inner), [&](int64_t begin, int64_t end) {
    nest.visit(begin, end, [&](const auto& at) {
      range(args.f, a + at[0], step_a == 0 && inner > 1, b + at[1], step_b == 0 && inner > 1, y + at[2],
            static_cast<size_t>(inner));
    });
  });
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
