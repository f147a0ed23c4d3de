// Convolution, pooling, interpolation, sampling.
#include "cli/bench_ops.h"
#include "ops/conv.h"
#include "ops/create.h"
#include "ops/grid_sample.h"
#include "ops/interpolate.h"
#include "ops/pool.h"

namespace gradus::cli {

namespace {

using In = const Tensors&;

// x (batch, in, size) and w (out, in / groups, kernel); the row's shape is (batch, in, out, size…).
std::function<Tensors(const Shape&)> layer(int64_t kernel, bool depthwise = false) {
  return [=](const Shape& s) {
    Shape x{s[0], s[1]}, w{s[2], depthwise ? 1 : s[1]};
    for (int i = 3; i < s.rank(); ++i) x.push_back(s[i]), w.push_back(kernel);
    return Tensors{random_normal(x, {1, 0}), random_normal(w, {1, 1}, 0, 0.05), random_normal({s[2]}, {1, 2})};
  };
}

Tensors transposed_layer(const Shape& s) {
  return {random_normal({s[0], s[1], s[3], s[4]}, {1, 0}), random_normal({s[1], s[2], 4, 4}, {1, 1}, 0, 0.05),
          random_normal({s[2]}, {1, 2})};
}

// x (batch, channels, height, width) sampled at as many places.
Tensors image_and_grid(const Shape& s) {
  return {random_normal(s, {1, 0}), random_uniform({s[0], s[2], s[3], 2}, {1, 1}, -1, 1)};
}

OpBench conv_bench(const char* name, std::vector<Shape> shapes, int64_t kernel, const ConvOptions& options) {
  return {name, std::move(shapes), true, layer(kernel), [=](In x) { return conv(x[0], x[1], x[2], options); }};
}

OpBench resize_bench(const char* name, double factor, Interpolation mode, bool antialias) {
  return {name, {{8, 32, 64, 64}, {8, 3, 256, 256}}, true, alike(1), [=](In x) {
            return interpolate(x[0], {.scale = factor, .mode = mode, .antialias = antialias});
          }};
}

}  // namespace

std::vector<OpBench> conv_benches() {
  return {
      conv_bench("conv3x3", {{8, 64, 64, 56, 56}, {8, 256, 256, 14, 14}, {4, 512, 512, 7, 7}, {1, 32, 32, 128, 128}}, 3,
                 {.padding = 1}),
      conv_bench("conv3x3_s2", {{8, 128, 128, 56, 56}}, 3, {.stride = 2, .padding = 1}),
      conv_bench("conv1x1", {{8, 64, 256, 56, 56}, {8, 1024, 256, 14, 14}}, 1, {}),
      {"conv_depthwise",
       {{8, 96, 96, 56, 56}, {8, 384, 384, 14, 14}},
       true,
       layer(3, true),
       [](In x) { return conv2d(x[0], x[1], x[2], {.padding = 1, .groups = x[0].shape()[1]}); }},
      conv_bench("conv7x7_s2", {{4, 3, 64, 224, 224}}, 7, {.stride = 2, .padding = 3}),
      conv_bench("conv1d", {{8, 80, 384, 3000}}, 3, {.padding = 1}),
      {"conv_transpose",
       {{8, 128, 64, 28, 28}},
       true,
       transposed_layer,
       [](In x) { return conv_transpose2d(x[0], x[1], x[2], {.stride = 2, .padding = 1}); }},
      {"max_pool",
       {{8, 64, 112, 112}},
       true,
       alike(1),
       [](In x) { return max_pool2d(x[0], {.kernel = 3, .stride = 2, .padding = 1}); }},
      {"avg_pool", {{8, 64, 56, 56}}, true, alike(1), [](In x) { return avg_pool2d(x[0], {.kernel = 2}); }},
      resize_bench("resize_bilinear", 2, Interpolation::linear, false),
      resize_bench("resize_bicubic", 2, Interpolation::cubic, false),
      resize_bench("resize_antialias", 0.4, Interpolation::linear, true),
      {"grid_sample",
       {{8, 32, 56, 56}, {8, 3, 224, 224}},
       true,
       image_and_grid,
       [](In x) { return grid_sample(x[0], x[1]); }},
  };
}

}  // namespace gradus::cli
