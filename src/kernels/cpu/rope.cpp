#include "base/parallel.h"
#include "kernels/cpu/cpu.h"
#include "kernels/cpu/simd.h"
#include "kernels/ref/ref.h"
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/rope.cpp"
#include "hwy/foreach_target.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace gradus::cpu::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// (a, b) -> (a cos - b sin, b cos + a sin) for `half` pairs of one row, a vector at a time, then one by one.
template <class D>
HWY_INLINE int64_t rotate(D d, bool interleaved, float sign, const float* x, const float* cos, const float* sin,
                          int64_t begin, int64_t half, float* y) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto turn = hn::Set(d, sign);
  int64_t i = begin;
  for (; i + lanes <= half; i += lanes) {
    const auto c = hn::LoadU(d, cos + i), s = hn::Mul(turn, hn::LoadU(d, sin + i));
    hn::Vec<D> a, b;
    if (interleaved) {
      hn::LoadInterleaved2(d, x + 2 * i, a, b);
    } else {
      a = hn::LoadU(d, x + i);
      b = hn::LoadU(d, x + half + i);
    }
    const auto u = hn::Sub(hn::Mul(a, c), hn::Mul(b, s)), v = hn::Add(hn::Mul(b, c), hn::Mul(a, s));
    if (interleaved) {
      hn::StoreInterleaved2(u, v, d, y + 2 * i);
    } else {
      hn::StoreU(u, d, y + i);
      hn::StoreU(v, d, y + half + i);
    }
  }
  return i;
}

void rotate_row(bool interleaved, float sign, const float* x, const float* cos, const float* sin, int64_t half,
                float* y) {
  const int64_t done = rotate(hn::ScalableTag<float>(), interleaved, sign, x, cos, sin, 0, half, y);
  rotate(hn::CappedTag<float, 1>(), interleaved, sign, x, cos, sin, done, half, y);
}

}  // namespace gradus::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
#include <algorithm>

namespace gradus::cpu {
HWY_EXPORT(rotate_row);

void rope(const RopeArgs& args) {
  const Strides &xs = args.x.strides(), &ys = args.y.strides(), &cs = args.cos.strides(), &ss = args.sin.strides();
  if (args.x.dtype() != Dtype::f32 || xs[3] != 1 || ys[3] != 1 || cs[2] != 1 || ss[2] != 1) return ref::rope(args);
  const Shape& shape = args.x.shape();
  const int64_t half = args.cos.shape()[2], tokens = shape[1], width = shape[3];
  const bool shared = args.cos.shape()[0] == 1;
  const float *x = args.x.data<float>(), *cos = args.cos.data<float>(), *sin = args.sin.data<float>();
  float* y = args.y.data<float>();
  const auto row = HWY_DYNAMIC_DISPATCH(rotate_row);
  const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, shape[2] * width));
  parallel_for(shape[0] * tokens, grain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t b = i / tokens, t = i % tokens, angles = shared ? 0 : b;
      for (int64_t h = 0; h < shape[2]; ++h) {
        const float* from = x + b * xs[0] + t * xs[1] + h * xs[2];
        float* to = y + b * ys[0] + t * ys[1] + h * ys[2];
        row(args.interleaved, args.inverse ? -1.0f : 1.0f, from, cos + angles * cs[0] + t * cs[1],
            sin + angles * ss[0] + t * ss[1], half, to);
        std::copy(from + 2 * half, from + width, to + 2 * half);
      }
    }
  });
}

}  // namespace gradus::cpu
#endif
