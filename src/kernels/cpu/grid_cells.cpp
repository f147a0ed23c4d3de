#include "kernels/cpu/grid_cells.h"

#include "kernels/cpu/simd.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/grid_cells.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"
#include "kernels/cpu/vector_loop.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

// grid_place() and clipped() of kernels/grid_place.h, of a vector.
HWY_INLINE FloatVec place_of(FloatVec c, int64_t size, const CellPlanes& p) {
  const Floats d;
  const FloatVec n = hn::Set(d, static_cast<float>(size)), one = hn::Set(d, 1.0f), half = hn::Set(d, 0.5f);
  FloatVec at = c;
  if (p.coordinates == Coordinates::edges)
    at = hn::Mul(hn::Sub(hn::Mul(hn::Add(c, one), n), one), half);
  else if (p.coordinates == Coordinates::centres)
    at = hn::Mul(hn::Mul(hn::Add(c, one), half), hn::Sub(n, one));
  if (p.clip) {
    at = hn::Min(at, hn::Sub(n, one));
    at = hn::IfThenElseZero(hn::Gt(at, hn::Zero(d)), at);
  }
  return at;
}

// Of each lane the numbers plane[at] and plane[at + 1]. A gather costs by its elements, so a pair goes as one.
template <class VI>
HWY_INLINE void gather_pairs(const float* plane, VI at, FloatVec& first, FloatVec& second) {
  const Floats d;
#if HWY_TARGET == HWY_AVX2 || HWY_TARGET == HWY_AVX3
  const hn::RepartitionToWide<hn::DFromV<VI>> d64;
  const hn::Half<hn::DFromV<VI>> half;
  const auto* base = reinterpret_cast<const int64_t*>(plane);
  const auto low = hn::GatherOffset(d64, base, hn::ShiftLeft<2>(hn::PromoteTo(d64, hn::LowerHalf(at))));
  const auto high = hn::GatherOffset(d64, base, hn::ShiftLeft<2>(hn::PromoteTo(d64, hn::UpperHalf(half, at))));
  first = hn::ConcatEven(d, hn::BitCast(d, high), hn::BitCast(d, low));
  second = hn::ConcatOdd(d, hn::BitCast(d, high), hn::BitCast(d, low));
#else
  first = hn::GatherIndex(d, plane, at);
  second = hn::GatherIndex(d, plane + 1, at);
#endif
}

void cells(const CellPlanes& p, const float* u, const float* v, int64_t n, float* y, int64_t y_step, bool* inside) {
  const Floats d;
  const hn::RebindToSigned<Floats> di;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const FloatVec last_x = hn::Set(d, static_cast<float>(p.width - 1)), zero = hn::Zero(d);
  const FloatVec last_y = hn::Set(d, static_cast<float>(p.height - 1)), one = hn::Set(d, 1.0f);
  const auto row = hn::Set(di, static_cast<int32_t>(p.width));
  HWY_ALIGN float out[hn::MaxLanes(d)], flags[hn::MaxLanes(d)];
  for (int64_t i = 0; i < n; i += lanes) {
    const int64_t rest = n - i;
    const bool whole = rest >= lanes;
    const auto load = [&](const float* from) HWY_ATTR {
      return whole ? hn::LoadU(d, from + i) : load_some(d, from + i, static_cast<size_t>(rest));
    };
    const FloatVec px = place_of(load(u), p.width, p), py = place_of(load(v), p.height, p);
    const auto within =
        hn::And(hn::And(hn::Ge(px, zero), hn::Lt(px, last_x)), hn::And(hn::Ge(py, zero), hn::Lt(py, last_y)));
    const FloatVec x = hn::IfThenElseZero(within, px), z = hn::IfThenElseZero(within, py);
    const auto column = hn::ConvertTo(di, x), line = hn::ConvertTo(di, z);
    const FloatVec fx = hn::Sub(x, hn::ConvertTo(d, column)), fy = hn::Sub(z, hn::ConvertTo(d, line));
    const FloatVec w11 = hn::Mul(fx, fy), w01 = hn::Sub(fx, w11), w10 = hn::Sub(fy, w11);
    const FloatVec w00 = hn::Sub(hn::Sub(one, fx), w10);
    const auto at = hn::Add(hn::Mul(line, row), column);
    hn::Store(hn::IfThenElseZero(within, one), d, flags);
    for (int64_t k = 0; k < (whole ? lanes : rest); ++k) inside[i + k] = flags[k] != 0;
    if (hn::AllFalse(d, within)) continue;
    const float* plane = p.x;
    float* to = y + i;
    for (int64_t c = 0; c < p.channels; ++c, plane += p.height * p.width, to += y_step) {
      FloatVec x00, x01, x10, x11;
      gather_pairs(plane, at, x00, x01);
      gather_pairs(plane + p.width, at, x10, x11);
      const FloatVec sum = hn::MulAdd(w11, x11, hn::MulAdd(w10, x10, hn::MulAdd(w01, x01, hn::Mul(w00, x00))));
      if (whole) {
        hn::StoreU(sum, d, to);
      } else {
        hn::Store(sum, d, out);
        for (int64_t k = 0; k < rest; ++k) to[k] = out[k];
      }
    }
  }
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace gradus::cpu {

HWY_EXPORT(cells);

void sample_cells(const CellPlanes& p, const float* u, const float* v, int64_t n, float* y, int64_t y_step,
                  bool* inside) {
  HWY_DYNAMIC_DISPATCH(cells)(p, u, v, n, y, y_step, inside);
}

}  // namespace gradus::cpu
#endif
