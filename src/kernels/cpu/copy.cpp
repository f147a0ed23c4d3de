#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/copy.cpp"
#include <bit>

#include "base/half.h"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// f32 to bf16, rounded to nearest even; NaN stays a quiet NaN.
void to_bf16(const float* x, uint16_t* y, size_t n) {
  const hn::ScalableTag<uint32_t> d;
  const hn::Rebind<float, decltype(d)> df;
  const hn::Rebind<uint16_t, decltype(d)> dh;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto v = hn::LoadU(df, x + i);
    const auto bits = hn::BitCast(d, v);
    const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1u));
    const auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(d, 0x7fffu))));
    const auto quiet = hn::Or(hn::ShiftRight<16>(bits), hn::Set(d, 0x40u));
    const auto r = hn::IfThenElse(hn::RebindMask(d, hn::IsNaN(v)), quiet, rounded);
    hn::StoreU(hn::DemoteTo(dh, hn::BitCast(hn::Rebind<int32_t, decltype(d)>(), r)), dh, y + i);
  }
  for (; i < n; ++i) y[i] = detail::bf16_bits(x[i]);
}

void from_bf16(const uint16_t* x, float* y, size_t n) {
  const hn::ScalableTag<uint32_t> d;
  const hn::Rebind<float, decltype(d)> df;
  const hn::Rebind<uint16_t, decltype(d)> dh;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes)
    hn::StoreU(hn::BitCast(df, hn::ShiftLeft<16>(hn::PromoteTo(d, hn::LoadU(dh, x + i)))), df, y + i);
  for (; i < n; ++i) y[i] = std::bit_cast<float>(static_cast<uint32_t>(x[i]) << 16);
}

void to_f16(const float* x, uint16_t* y, size_t n) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  const hn::Rebind<uint16_t, decltype(d)> du;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::BitCast(du, hn::DemoteTo(dh, hn::LoadU(d, x + i))), du, y + i);
  for (; i < n; ++i) y[i] = detail::f16_bits(x[i]);
}

void from_f16(const uint16_t* x, float* y, size_t n) {
  const hn::ScalableTag<float> d;
  const hn::Rebind<hwy::float16_t, decltype(d)> dh;
  const hn::Rebind<uint16_t, decltype(d)> du;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::PromoteTo(d, hn::BitCast(dh, hn::LoadU(du, x + i))), d, y + i);
  for (; i < n; ++i) y[i] = detail::f16_value(x[i]);
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/half.h"
#include "kernels/cpu/move.h"
#include "kernels/ref/ref.h"
#include "kernels/walk.h"

namespace gradus::cpu {

HWY_EXPORT(to_bf16);
HWY_EXPORT(from_bf16);
HWY_EXPORT(to_f16);
HWY_EXPORT(from_f16);

namespace {}  // namespace

void round_to_bf16(const float* x, uint16_t* y, int64_t n) {
  HWY_DYNAMIC_DISPATCH(to_bf16)(x, y, static_cast<size_t>(n));
}

namespace {

bool convert(const CopyArgs& args) {
  const Dtype from = args.x.dtype(), to = args.y.dtype();
  const bool down = from == Dtype::f32 && (to == Dtype::bf16 || to == Dtype::f16);
  const bool up = to == Dtype::f32 && (from == Dtype::bf16 || from == Dtype::f16);
  if (!(down || up) || !args.x.contiguous() || !args.y.contiguous()) return false;
  parallel_for(args.x.count(), kCheapGrain, [&](int64_t begin, int64_t end) {
    const size_t n = static_cast<size_t>(end - begin);
    if (down) {
      const auto f = to == Dtype::bf16 ? HWY_DYNAMIC_DISPATCH(to_bf16) : HWY_DYNAMIC_DISPATCH(to_f16);
      f(args.x.data<float>() + begin, args.y.data<uint16_t>() + begin, n);
    } else {
      const auto f = from == Dtype::bf16 ? HWY_DYNAMIC_DISPATCH(from_bf16) : HWY_DYNAMIC_DISPATCH(from_f16);
      f(args.x.data<uint16_t>() + begin, args.y.data<float>() + begin, n);
    }
  });
  return true;
}

// Squares of 16 x 16: each cache line of x is read once and each of y written once.
template <class T>
void transpose_square(const T* x, int64_t ldx, T* y, int64_t ldy, int64_t rows, int64_t columns) {
  if (rows == 16 && columns == 16) {  // constant bounds: the compiler unrolls
    for (int64_t i = 0; i < 16; ++i)
      for (int64_t j = 0; j < 16; ++j) y[i * ldy + j] = x[j * ldx + i];
    return;
  }
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) y[i * ldy + j] = x[j * ldx + i];
}

// The innermost axis walks y densely and x with a stride; `axis` is one along which x is dense.
template <class T>
void transpose(const LoopNest<2>& nest, int axis, const T* x, T* y) {
  const int64_t columns = nest.inner(), ldx = nest.inner_stride(0);
  const int64_t rows = nest.shape[axis], ldy = nest.strides[1][axis];
  const int64_t tiles = (rows + 15) / 16;
  int64_t outer = 1;
  for (int k = 0; k + 1 < nest.shape.rank(); ++k)
    if (k != axis) outer *= nest.shape[k];
  parallel_for(outer * tiles, rows_for(kCheapGrain, 16 * columns), [&](int64_t begin, int64_t end) {
    for (int64_t piece = begin; piece < end; ++piece) {
      const int64_t i = piece % tiles * 16;
      int64_t at_x = i, at_y = i * ldy, rest = piece / tiles;
      for (int k = nest.shape.rank() - 2; k >= 0; --k) {
        if (k == axis) continue;
        at_x += rest % nest.shape[k] * nest.strides[0][k];
        at_y += rest % nest.shape[k] * nest.strides[1][k];
        rest /= nest.shape[k];
      }
      for (int64_t j = 0; j < columns; j += 16)
        transpose_square(x + at_x + j * ldx, ldx, y + at_y + j, ldy, std::min<int64_t>(16, rows - i),
                         std::min<int64_t>(16, columns - j));
    }
  });
}

// Elements are moved as bits of their size.
template <class T>
void move(const CopyArgs& args) {
  const LoopNest<2> nest(args.x.shape(), {&args.x, &args.y});
  const T* x = static_cast<const T*>(args.x.raw());
  T* y = static_cast<T*>(args.y.raw());
  const int64_t inner = nest.inner(), step_x = nest.inner_stride(0), step_y = nest.inner_stride(1);
  if (nest.rows() == 1 && ((step_x == 1 && step_y == 1) || inner == 1)) {
    parallel_for(inner, 2 * kCheapGrain,
                 [&](int64_t begin, int64_t end) { move_run(y + begin, x + begin, end - begin); });
    return;
  }
  if (step_y == 1 && step_x != 1)
    for (int axis = 0; axis + 1 < nest.shape.rank(); ++axis)
      if (nest.strides[0][axis] == 1 && step_x != 0) return transpose(nest, axis, x, y);
  if (nest.rows() == 1) {
    parallel_for(inner, kCheapGrain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) y[i * step_y] = x[i * step_x];
    });
    return;
  }
  parallel_for(nest.rows(), rows_for(kCheapGrain, inner), [&](int64_t begin, int64_t end) {
    nest.visit(begin, end, [&](const auto& at) {
      const T* from = x + at[0];
      T* to = y + at[1];
      if (step_x == 1 && step_y == 1)
        move_run(to, from, inner);
      else
        for (int64_t i = 0; i < inner; ++i) to[i * step_y] = from[i * step_x];
    });
  });
}

}  // namespace

void copy(const CopyArgs& args) {
  if (args.x.count() == 0) return;
  if (args.x.dtype() != args.y.dtype()) {
    if (!convert(args)) ref::copy(args);
    return;
  }
  switch (size_of(args.x.dtype())) {
    case 1: return move<uint8_t>(args);
    case 2: return move<uint16_t>(args);
    case 4: return move<uint32_t>(args);
    default: return move<uint64_t>(args);
  }
}

}  // namespace gradus::cpu
#endif
