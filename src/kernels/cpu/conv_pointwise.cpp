#include <algorithm>

#include "base/parallel.h"
#include "kernels/cpu/conv.h"
#include "kernels/cpu/gemm.h"

// Per image and group: y (O, places) = w (O, C) x (C, places).
namespace gradus::cpu {

namespace {

struct Sizes {
  int64_t images, groups, outputs, channels, places;
  Sizes(const Tensor& x, const Tensor& w, int64_t g)
      : images(x.shape()[0]),
        groups(g),
        outputs(w.shape()[0] / g),
        channels(w.shape()[1]),
        places(x.shape()[2] * x.shape()[3] * x.shape()[4]) {}
  int64_t pairs() const { return images * groups; }
};

// Calls f(pair of image and group, first, end) with [0, n) cut into pieces when there are few pairs.
template <class F>
void for_pieces(int64_t pairs, int64_t n, const F& f) {
  const int64_t wanted = (kConvItems + pairs - 1) / pairs;
  const int64_t size = std::max<int64_t>(64, ((n + wanted - 1) / wanted + 15) / 16 * 16), cuts = (n + size - 1) / size;
  parallel_for(pairs * cuts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) f(i / cuts, i % cuts * size, std::min(n, (i % cuts + 1) * size));
  });
}

}  // namespace

void pointwise_conv(const ConvArgs& args) {
  const Sizes s(args.x, args.w, args.geometry.groups);
  const float *x = args.x.data<float>(), *w = args.w.data<float>();
  const float* bias = args.bias.defined() ? args.bias.data<float>() : nullptr;
  float* y = args.y.data<float>();
  for_pieces(s.pairs(), s.places, [&](int64_t pair, int64_t first, int64_t end) {
    const int64_t row = pair % s.groups * s.outputs;
    float* to = y + pair * s.outputs * s.places + first;
    if (bias)
      for (int64_t o = 0; o < s.outputs; ++o)
        std::fill(to + o * s.places, to + o * s.places + end - first, bias[row + o]);
    gemm_block({.m = s.outputs,
                .n = end - first,
                .k = s.channels,
                .a = w + row * s.channels,
                .lda = s.channels,
                .b = x + pair * s.channels * s.places + first,
                .ldb = s.places,
                .beta = bias ? 1.0f : 0.0f,
                .c = to,
                .ldc = s.places});
  });
}

void pointwise_backward_data(const ConvBackwardDataArgs& args) {
  const Sizes s(args.dx, args.w, args.geometry.groups);
  const float *dy = args.dy.data<float>(), *w = args.w.data<float>();
  float* dx = args.dx.data<float>();
  for_pieces(s.pairs(), s.places, [&](int64_t pair, int64_t first, int64_t end) {
    gemm_block({.transpose_a = true,
                .m = s.channels,
                .n = end - first,
                .k = s.outputs,
                .a = w + pair % s.groups * s.outputs * s.channels,
                .lda = s.channels,
                .b = dy + pair * s.outputs * s.places + first,
                .ldb = s.places,
                .c = dx + pair * s.channels * s.places + first,
                .ldc = s.places});
  });
}

void pointwise_backward_weights(const ConvBackwardWeightsArgs& args) {
  const Sizes s(args.x, args.dw, args.geometry.groups);
  const float *x = args.x.data<float>(), *dy = args.dy.data<float>();
  float* dw = args.dw.data<float>();
  for_pieces(s.groups, s.outputs, [&](int64_t group, int64_t first, int64_t end) {
    for (int64_t b = 0; b < s.images; ++b) {
      const int64_t pair = b * s.groups + group;
      gemm_block({.transpose_b = true,
                  .m = end - first,
                  .n = s.channels,
                  .k = s.places,
                  .a = dy + (pair * s.outputs + first) * s.places,
                  .lda = s.places,
                  .b = x + pair * s.channels * s.places,
                  .ldb = s.places,
                  .beta = b == 0 ? 0.0f : 1.0f,
                  .c = dw + (group * s.outputs + first) * s.channels,
                  .ldc = s.channels});
    }
  });
}

}  // namespace gradus::cpu
