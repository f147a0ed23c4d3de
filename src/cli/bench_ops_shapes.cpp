// Shape ops, einsum, grouped products, Fourier transforms.
#include "cli/bench_ops.h"
#include "ops/complex.h"
#include "ops/create.h"
#include "ops/einsum.h"
#include "ops/fft.h"
#include "ops/fold.h"
#include "ops/grouped_matmul.h"
#include "ops/pad.h"
#include "ops/rearrange.h"
#include "ops/shape.h"

namespace gradus::cli {

std::vector<OpBench> shapes_benches() {
  using In = const Tensors&;
  const auto pairs = [](const Shape& s) {  // complex
    Shape shape = s;
    shape.push_back(2);
    return Tensors{random_normal(shape, {1, 0})};
  };
  const auto bins = [](const Shape& s) {  // of a real signal
    Shape shape = s;
    shape[s.rank() - 1] = s.back() / 2 + 1;
    shape.push_back(2);
    return Tensors{random_normal(shape, {1, 0})};
  };
  const auto convolution = [](const Shape& s) {  // batch, channels, length
    return Tensors{random_normal(s, {1, 0}), random_normal({s[1], s[2]}, {1, 1})};
  };
  const auto attention = [](const Shape& s) {  // batch, heads, time, d: as (batch, time, heads, d)
    const Shape shape{s[0], s[2], s[1], s[3]};
    return Tensors{random_normal(shape, {1, 0}), random_normal(shape, {1, 1})};
  };
  const auto context = [](const Shape& s) {
    return Tensors{random_normal({s[0], s[1], s[2], s[2]}, {1, 0}), random_normal({s[0], s[2], s[1], s[3]}, {1, 1})};
  };
  const auto bilinear = [](const Shape& s) {  // batch, n, m, outputs
    return Tensors{random_normal({s[0], s[1]}, {1, 0}), random_normal({s[3], s[1], s[2]}, {1, 1}),
                   random_normal({s[0], s[2]}, {1, 2})};
  };
  const auto experts = [](const Shape& s) {  // rows, K, N, groups
    std::vector<int64_t> sizes(static_cast<size_t>(s[3]), 0);
    for (int64_t i = 0; i < s[0]; ++i) ++sizes[static_cast<size_t>(i * i % (s[3] + 3) % s[3])];
    return Tensors{random_normal({s[0], s[1]}, {1, 0}), random_normal({s[3], s[1], s[2]}, {1, 1}), from_vector(sizes)};
  };
  return {
      {"rfft", {{64, 1000}, {64, 1024}, {64, 4096}, {64, 8192}}, true, alike(1), [](In x) { return rfft(x[0]); }},
      {"irfft", {{64, 1000}, {64, 1024}, {64, 4096}, {64, 8192}}, true, bins, [](In x) { return irfft(x[0]); }},
      {"fft", {{64, 1024}, {64, 997}}, true, pairs, [](In x) { return fft(x[0]); }},
      {"fft2", {{512, 512}, {16, 64, 64}}, true, pairs, [](In x) { return fftn(x[0]); }},
      {"rfft2", {{512, 512}}, true, alike(1), [](In x) { return rfftn(x[0]); }},
      {"fft_conv1d", {{8, 128, 1024}}, true, convolution, [](In x) { return fft_conv1d(x[0], x[1]); }},
      {"einsum_scores", {{2, 8, 512, 64}}, true, attention, [](In x) { return einsum("bqhd,bkhd->bhqk", x); }},
      {"einsum_context", {{2, 8, 512, 64}}, true, context, [](In x) { return einsum("bhqk,bkhd->bqhd", x); }},
      {"einsum_bilinear", {{512, 128, 128, 32}}, true, bilinear, [](In x) { return einsum("bn,anm,bm->ba", x); }},
      {"pad",
       {{16, 64, 56, 56}},
       true,
       alike(1),
       [](In x) {
         return pad(x[0], {1, 1, 1, 1});
       }},
      {"pad_reflect",
       {{16, 64, 56, 56}},
       true,
       alike(1),
       [](In x) {
         return pad(x[0], {3, 3, 3, 3}, {.mode = PadMode::reflect});
       }},
      {"concat", {{4096, 768}}, true, alike(2), [](In x) { return concat(x, -1); }},
      {"stack", {{4096, 768}}, true, alike(3), [](In x) { return stack(x, 1); }},
      {"roll",
       {{64, 56, 56, 96}},
       true,
       alike(1),
       [](In x) {
         return roll(x[0], {-3, -3}, {1, 2});
       }},
      {"flip", {{64, 3, 224, 224}}, false, alike(1), [](In x) { return flip(x[0], -1); }},
      {"unfold2d", {{8, 64, 56, 56}}, true, alike(1), [](In x) { return unfold2d(x[0], 3, {.padding = 1}); }},
      {"grouped_matmul",
       {{4096, 512, 1024, 8}, {2048, 256, 256, 64}},
       true,
       experts,
       [](In x) { return grouped_matmul(x[0], x[1], x[2]); }},
  };
}

}  // namespace gradus::cli
