#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/compare.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"
#include "kernels/table.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

#define GRADUS_COMPARISON(Name, vector, scalar)         \
  struct Name {                                         \
    template <class V>                                  \
    static HWY_INLINE auto of(V a, V b) {               \
      return vector;                                    \
    }                                                   \
    static bool of(float a, float b) { return scalar; } \
  };
GRADUS_COMPARISON(Equal, hn::Eq(a, b), a == b)
GRADUS_COMPARISON(NotEqual, hn::Not(hn::Eq(a, b)), a != b)  // hn::Ne is false for NaN
GRADUS_COMPARISON(Less, hn::Lt(a, b), a < b)
GRADUS_COMPARISON(LessEqual, hn::Le(a, b), a <= b)
GRADUS_COMPARISON(Greater, hn::Gt(a, b), a > b)
GRADUS_COMPARISON(GreaterEqual, hn::Ge(a, b), a >= b)
#undef GRADUS_COMPARISON

template <bool one_a, bool one_b, class F>
void run_compare(F, const float* a, const float* b, uint8_t* y, size_t n) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const hn::Rebind<uint8_t, Floats> d8;
  const auto one = hn::Set(di, 1);
  const size_t lanes = hn::Lanes(d);
  const FloatVec a0 = hn::Set(d, *a), b0 = hn::Set(d, *b);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const FloatVec va = one_a ? a0 : hn::LoadU(d, a + i), vb = one_b ? b0 : hn::LoadU(d, b + i);
    const auto truth = hn::And(hn::VecFromMask(di, hn::RebindMask(di, F::of(va, vb))), one);
    hn::StoreU(hn::DemoteTo(d8, truth), d8, y + i);
  }
  for (; i < n; ++i) y[i] = F::of(one_a ? *a : a[i], one_b ? *b : b[i]);
}

template <class F>
void run_compare(F f, const float* a, bool one_a, const float* b, bool one_b, uint8_t* y, size_t n) {
  if (one_a)
    run_compare<true, false>(f, a, b, y, n);
  else if (one_b)
    run_compare<false, true>(f, a, b, y, n);
  else
    run_compare<false, false>(f, a, b, y, n);
}

void compare_range(Binary f, const float* a, bool one_a, const float* b, bool one_b, uint8_t* y, size_t n) {
  switch (f) {
    case Binary::eq: return run_compare(Equal(), a, one_a, b, one_b, y, n);
    case Binary::ne: return run_compare(NotEqual(), a, one_a, b, one_b, y, n);
    case Binary::lt: return run_compare(Less(), a, one_a, b, one_b, y, n);
    case Binary::le: return run_compare(LessEqual(), a, one_a, b, one_b, y, n);
    case Binary::gt: return run_compare(Greater(), a, one_a, b, one_b, y, n);
    default: return run_compare(GreaterEqual(), a, one_a, b, one_b, y, n);
  }
}

// y = c ? a : b, where steps are 0 or 1.
void where_range(const uint8_t* c, const float* a, bool one_a, const float* b, bool one_b, float* y, size_t n) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const hn::Rebind<uint8_t, Floats> d8;
  const size_t lanes = hn::Lanes(d);
  const FloatVec a0 = hn::Set(d, *a), b0 = hn::Set(d, *b);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto off = hn::RebindMask(d, hn::Eq(hn::PromoteTo(di, hn::LoadU(d8, c + i)), hn::Zero(di)));
    const FloatVec va = one_a ? a0 : hn::LoadU(d, a + i), vb = one_b ? b0 : hn::LoadU(d, b + i);
    hn::StoreU(hn::IfThenElse(off, vb, va), d, y + i);
  }
  for (; i < n; ++i) y[i] = c[i] ? (one_a ? *a : a[i]) : (one_b ? *b : b[i]);
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <type_traits>

#include "kernels/cpu/broadcast_rows.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

HWY_EXPORT(compare_range);
HWY_EXPORT(where_range);

void compare(const BinaryArgs& args) {
  const auto range = HWY_DYNAMIC_DISPATCH(compare_range);
  for_broadcast_f32<uint8_t>(args.a, args.b, args.y, [&](auto... row) { range(args.f, row...); });
}

namespace {

template <class T>
void select_plain(const uint8_t* c, const T* a, bool one_a, const T* b, bool one_b, T* y, size_t n) {
  const size_t step_a = one_a ? 0 : 1, step_b = one_b ? 0 : 1;
  for (size_t i = 0; i < n; ++i) y[i] = c[i] ? a[i * step_a] : b[i * step_b];
}

// Elements are moved as bits of their size. Along the innermost axis the condition must be dense.
template <class T>
void select(const Tensor& condition, const Tensor& a, const Tensor& b, const Tensor& y) {
  const LoopNest<4> nest(y.shape(), {&condition, &a, &b, &y});
  const int64_t inner = nest.inner(), step_a = nest.inner_stride(1), step_b = nest.inner_stride(2);
  const bool lay_c = nest.inner_stride(0) != 1, lay_a = step_a != 1 && step_a != 0, lay_b = step_b != 1 && step_b != 0;
  if (inner > 1 && (lay_c || lay_a || lay_b))
    return select<T>(lay_c ? dense(condition) : condition, lay_a ? dense(a) : a, lay_b ? dense(b) : b, y);
  const auto* pc = static_cast<const uint8_t*>(condition.raw());
  const T *pa = static_cast<const T*>(a.raw()), *pb = static_cast<const T*>(b.raw());
  T* py = static_cast<T*>(y.raw());
  const bool one_a = step_a == 0, one_b = step_b == 0;
  const auto run = [&](const uint8_t* c, const T* x, const T* z, T* out, int64_t n) {
    if constexpr (std::is_same_v<T, float>)
      HWY_DYNAMIC_DISPATCH(where_range)(c, x, one_a, z, one_b, out, static_cast<size_t>(n));
    else
      select_plain(c, x, one_a, z, one_b, out, static_cast<size_t>(n));
  };
  if (nest.rows() == 1) {
    parallel_for(inner, kCheapGrain, [&](int64_t begin, int64_t end) {
      run(pc + begin, pa + begin * step_a, pb + begin * step_b, py + begin, end - begin);
    });
    return;
  }
  parallel_for(nest.rows(), rows_for(kCheapGrain, inner), [&](int64_t begin, int64_t end) {
    nest.visit(begin, end, [&](const auto& at) { run(pc + at[0], pa + at[1], pb + at[2], py + at[3], inner); });
  });
}

}  // namespace

void where(const WhereArgs& args) {
  if (!args.y.contiguous() || args.y.count() == 0) return ref::where(args);
  switch (size_of(args.y.dtype())) {
    case 1: return select<uint8_t>(args.condition, args.a, args.b, args.y);
    case 2: return select<uint16_t>(args.condition, args.a, args.b, args.y);
    case 4: return select<float>(args.condition, args.a, args.b, args.y);
    default: return select<uint64_t>(args.condition, args.a, args.b, args.y);
  }
}

}  // namespace gradus::cpu
#endif
