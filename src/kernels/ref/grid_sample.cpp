#include <vector>

#include "kernels/grid_place.h"
#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

namespace {

// Calls f(place in the volume, the taps' numbers) for all combinations that lie inside; axes are W, H, D.
template <class A, class F>
void for_each_tap(const AxisTaps<A> (&taps)[3], const Shape& x, F&& f) {
  for (int k = 0; k < taps[2].n; ++k)
    for (int j = 0; j < taps[1].n; ++j)
      for (int i = 0; i < taps[0].n; ++i)
        if (taps[0].at[i] >= 0 && taps[1].at[j] >= 0 && taps[2].at[k] >= 0)
          f((taps[2].at[k] * x[3] + taps[1].at[j]) * x[4] + taps[0].at[i], i, j, k);
}

template <class T, class A>
void taps_of(const Tensor& x, const Tensor& grid, int64_t point, const SamplingRule& rule, AxisTaps<A> (&taps)[3]) {
  const int axes = static_cast<int>(grid.shape()[2]);
  const T* at = grid.data<T>() + point * axes;
  for (int i = 0; i < axes; ++i) taps[i] = axis_taps(static_cast<A>(at[i]), x.shape()[4 - i], rule);
  for (int i = axes; i < 3; ++i) taps[i].add(0, 1, 0, 1);
}

}  // namespace

void grid_sample(const GridSampleArgs& args) {
  const Shape& s = args.x.shape();
  const int64_t points = args.grid.shape()[1], volume = s[2] * s[3] * s[4];
  dispatch_floating("grid_sample", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    for (int64_t b = 0; b < s[0]; ++b)
      for (int64_t p = 0; p < points; ++p) {
        AxisTaps<A> taps[3];
        taps_of<T>(args.x, args.grid, b * points + p, args.rule, taps);
        for (int64_t c = 0; c < s[1]; ++c) {
          const T* x = args.x.data<T>() + (b * s[1] + c) * volume;
          A sum = 0;
          for_each_tap(taps, s, [&](int64_t at, int i, int j, int k) {
            sum += taps[2].weight[k] * taps[1].weight[j] * taps[0].weight[i] * static_cast<A>(x[at]);
          });
          args.y.data<T>()[(b * s[1] + c) * points + p] = convert<T>(sum);
        }
      }
  });
}

void grid_sample_backward(const GridSampleBackwardArgs& args) {
  const Shape& s = args.x.shape();
  const int64_t points = args.grid.shape()[1], axes = args.grid.shape()[2], volume = s[2] * s[3] * s[4];
  dispatch_floating("grid_sample_backward", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    std::vector<A> dx(args.dx.defined() ? static_cast<size_t>(args.dx.count()) : 0, A(0));
    for (int64_t b = 0; b < s[0]; ++b)
      for (int64_t p = 0; p < points; ++p) {
        AxisTaps<A> taps[3];
        taps_of<T>(args.x, args.grid, b * points + p, args.rule, taps);
        A d[3] = {0, 0, 0};
        for (int64_t c = 0; c < s[1]; ++c) {
          const int64_t plane = (b * s[1] + c) * volume;
          const A g = static_cast<A>(args.dy.data<T>()[(b * s[1] + c) * points + p]);
          for_each_tap(taps, s, [&](int64_t at, int i, int j, int k) {
            const A wi = taps[0].weight[i], wj = taps[1].weight[j], wk = taps[2].weight[k];
            if (!dx.empty()) dx[static_cast<size_t>(plane + at)] += wk * wj * wi * g;
            const A v = g * static_cast<A>(args.x.data<T>()[plane + at]);
            d[0] += taps[0].slope[i] * wj * wk * v;
            d[1] += wi * taps[1].slope[j] * wk * v;
            d[2] += wi * wj * taps[2].slope[k] * v;
          });
        }
        if (args.dgrid.defined())
          for (int64_t i = 0; i < axes; ++i) args.dgrid.data<T>()[(b * points + p) * axes + i] = convert<T>(d[i]);
      }
    for (size_t i = 0; i < dx.size(); ++i) args.dx.data<T>()[i] = convert<T>(dx[i]);
  });
}

}  // namespace gradus::ref
