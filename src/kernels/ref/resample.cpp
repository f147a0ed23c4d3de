#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/ref/ref.h"
#include "kernels/ref/scalar.h"

namespace gradus::ref {

void resample(const ResampleArgs& args) {
  const Shape &from = args.x.shape(), &to = args.y.shape();
  const auto& [d, h, w] = args.axes;
  const auto start = [](const AxisWindows& a, int64_t i) { return a.start[static_cast<size_t>(i)]; };
  dispatch_floating("resample", args.x.dtype(), [&](auto tag) {
    using T = decltype(tag);
    using A = accumulator_t<T>;
    const auto weight = [](const AxisWindows& a, int64_t i, int64_t t) {
      return static_cast<A>(a.weight[static_cast<size_t>(i * a.taps + t)]);
    };
    T* y = args.y.data<T>();
    for (int64_t n = 0; n < to[0]; ++n) {
      const T* x = args.x.data<T>() + n * from[1] * from[2] * from[3];
      for (int64_t i = 0; i < to[1]; ++i)
        for (int64_t j = 0; j < to[2]; ++j)
          for (int64_t k = 0; k < to[3]; ++k) {
            A sum = 0;
            for (int64_t a = 0; a < d.taps; ++a)
              for (int64_t b = 0; b < h.taps; ++b) {
                A row = 0;
                const T* at = x + ((start(d, i) + a) * from[2] + start(h, j) + b) * from[3] + start(w, k);
                for (int64_t c = 0; c < w.taps; ++c) row += weight(w, k, c) * static_cast<A>(at[c]);
                sum += weight(d, i, a) * weight(h, j, b) * row;
              }
            *y++ = convert<T>(sum);
          }
    }
  });
}

namespace {

// Pillow's numbers: 22 bits after the point for weights, half a unit added before the shift back.
constexpr int kFixedBits = 32 - 8 - 2;

std::vector<int32_t> fixed_weights(const AxisWindows& a) {
  std::vector<int32_t> fixed;
  for (double w : a.weight) fixed.push_back(static_cast<int32_t>((w < 0 ? -0.5 : 0.5) + w * (1 << kFixedBits)));
  return fixed;
}

// One pass: y[outer, i, inner] = sum_t weight x[outer, start_i + t, inner].
void fixed_pass(const uint8_t* x, int64_t outer, int64_t size, int64_t inner, const AxisWindows& a, uint8_t* y) {
  const std::vector<int32_t> weights = fixed_weights(a);
  const auto n = static_cast<int64_t>(a.start.size());
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t k = 0; k < inner; ++k) {
        int64_t sum = int64_t{1} << (kFixedBits - 1);
        for (int64_t t = 0; t < a.taps; ++t)
          sum += int64_t{x[(o * size + a.start[static_cast<size_t>(i)] + t) * inner + k]} *
                 weights[static_cast<size_t>(i * a.taps + t)];
        y[(o * n + i) * inner + k] = static_cast<uint8_t>(std::clamp<int64_t>(sum >> kFixedBits, 0, 255));
      }
}

void float_pass(const float* x, int64_t outer, int64_t size, int64_t inner, const AxisWindows& a, float* y) {
  const auto n = static_cast<int64_t>(a.start.size());
  for (int64_t o = 0; o < outer; ++o)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t k = 0; k < inner; ++k) {
        double sum = 0;
        for (int64_t t = 0; t < a.taps; ++t)
          sum += static_cast<double>(x[(o * size + a.start[static_cast<size_t>(i)] + t) * inner + k]) *
                 a.weight[static_cast<size_t>(i * a.taps + t)];
        y[(o * n + i) * inner + k] = static_cast<float>(sum);
      }
}

}  // namespace

void resize_image(const ResizeImageArgs& args) {
  const Shape &from = args.x.shape(), &to = args.y.shape();
  const Tensor between = empty({from[0], to[1], from[2]}, args.x.dtype());
  if (args.x.dtype() == Dtype::u8) {
    fixed_pass(args.x.data<uint8_t>(), from[0], from[1], from[2], args.axes[1], between.data<uint8_t>());
    fixed_pass(between.data<uint8_t>(), 1, from[0], to[1] * from[2], args.axes[0], args.y.data<uint8_t>());
  } else {
    float_pass(args.x.data<float>(), from[0], from[1], from[2], args.axes[1], between.data<float>());
    float_pass(between.data<float>(), 1, from[0], to[1] * from[2], args.axes[0], args.y.data<float>());
  }
}

}  // namespace gradus::ref
