// Convolution, pooling, resizing, sampling.
#include "fuzz/op/calls.h"
#include "ops/conv.h"
#include "ops/grid_sample.h"
#include "ops/interpolate.h"
#include "ops/pool.h"

namespace gradus::fuzz {

namespace {

// An option: mostly left alone, or a number in [low, high], or one an axis.
PerAxis option(Dice& d, int axes, int64_t usual, int64_t low, int64_t high) {
  if (d.chance(0.5)) return usual;
  if (d.coin()) return d.small(low, high);
  Shape each;
  for (int i = d.odd() ? 1 : 0; i < axes; ++i) each.push_back(d.small(low, high));
  return PerAxis(each);
}

Shape image(Dice& d, int64_t channels, int axes) {
  if (d.odd()) return d.shape();
  Shape s{d.between(0, 2), channels};
  for (int i = 0; i < axes; ++i) s.push_back(d.between(1, axes == 3 ? 4 : 7));
  return s;
}

Tensors call_conv(Dice& d) {
  const int axes = static_cast<int>(d.between(1, 3));
  const int64_t groups = d.between(1, 3), per_group = d.between(1, 2), out = groups * d.between(1, 2);
  const Tensor x = d.floats(image(d, groups * per_group, axes));
  Shape kernel{out, d.odd() ? d.between(0, 3) : per_group};
  for (int i = 0; i < axes; ++i) kernel.push_back(d.between(d.odd() ? 0 : 1, 3));
  const Tensor w = d.floats(kernel), bias = d.coin() ? d.floats({d.odd() ? d.between(0, 3) : out}) : Tensor();
  ConvOptions o{.stride = option(d, axes, 1, 1, 3), .padding = option(d, axes, 0, 0, 3)};
  if (d.chance(0.2)) o.padding_after = option(d, axes, 0, 0, 3);
  o.dilation = option(d, axes, 1, 1, 2);
  o.groups = d.odd() ? d.small(0, 4) : groups;
  o.mode = d.chance(0.8) ? ConvPadding::numbers : d.coin() ? ConvPadding::same : ConvPadding::valid;
  return {d.coin() ? conv(x, w, bias, o) : d.one_of({conv1d, conv2d, conv3d})(x, w, bias, o)};
}

Tensors call_conv_transpose(Dice& d) {
  const int axes = static_cast<int>(d.between(1, 3));
  const int64_t groups = d.between(1, 2), in = groups * d.between(1, 2), out = d.between(1, 2);
  const Tensor x = d.floats(image(d, in, axes));
  Shape kernel{d.odd() ? d.between(0, 3) : in, out};
  for (int i = 0; i < axes; ++i) kernel.push_back(d.between(d.odd() ? 0 : 1, 3));
  const Tensor w = d.floats(kernel), bias = d.coin() ? d.floats({groups * out}) : Tensor();
  const ConvTransposeOptions o{.stride = option(d, axes, 1, 1, 3),
                               .padding = option(d, axes, 0, 0, 2),
                               .output_padding = option(d, axes, 0, 0, 1),
                               .dilation = option(d, axes, 1, 1, 2),
                               .groups = d.odd() ? d.small(0, 4) : groups};
  if (d.coin()) return {conv_transpose(x, w, bias, o)};
  return {d.one_of({conv_transpose1d, conv_transpose2d, conv_transpose3d})(x, w, bias, o)};
}

Tensors call_max_pool(Dice& d) {
  const int axes = static_cast<int>(d.between(1, 3));
  const Tensor x = d.floats(image(d, d.between(1, 3), axes));
  MaxPoolOptions o{.kernel = option(d, axes, 2, 1, 3)};
  if (d.coin()) o.stride = option(d, axes, 1, 1, 3);
  o.padding = option(d, axes, 0, 0, 1), o.dilation = option(d, axes, 1, 1, 2), o.ceil_mode = d.coin();
  if (d.coin()) return {d.one_of({max_pool1d, max_pool2d, max_pool3d})(x, o)};
  const MaxPooled p = max_pool_with_indices(x, static_cast<int>(d.odd() ? d.between(-1, 5) : axes), o);
  return {p.values, p.indices};
}

Tensors call_max_unpool(Dice& d) {
  const int axes = static_cast<int>(d.between(1, 3));
  const Tensor x = d.floats(image(d, d.between(1, 3), axes));
  const int64_t side = d.between(1, 4);
  int64_t places = 1;
  for (int i = 0; i < axes; ++i) places *= side;
  const Tensor index = d.indices(shape_of(x), places, d.odd() ? Dtype::i32 : Dtype::i64);
  return {max_unpool(x, index, static_cast<int>(d.odd() ? d.between(-1, 5) : axes), d.odd() ? d.size() : side)};
}

Tensors call_avg_pool(Dice& d) {
  const int axes = static_cast<int>(d.between(1, 3));
  const Tensor x = d.floats(image(d, d.between(1, 3), axes));
  AvgPoolOptions o{.kernel = option(d, axes, 2, 1, 3)};
  if (d.coin()) o.stride = option(d, axes, 1, 1, 3);
  o.padding = option(d, axes, 0, 0, 1), o.ceil_mode = d.coin(), o.count_include_pad = d.coin();
  if (d.chance(0.2)) o.divisor = d.small(1, 5);
  return {d.one_of({avg_pool1d, avg_pool2d, avg_pool3d})(x, o)};
}

Tensors call_lp_pool(Dice& d) {
  const int axes = static_cast<int>(d.between(1, 3));
  const Tensor x = d.floats(image(d, d.between(1, 3), axes));
  LpPoolOptions o{.p = d.coin() ? 2 : d.number(), .kernel = option(d, axes, 2, 1, 3)};
  if (d.coin()) o.stride = option(d, axes, 1, 1, 3);
  o.ceil_mode = d.coin();
  return {d.one_of({lp_pool1d, lp_pool2d, lp_pool3d})(x, o)};
}

Tensors call_adaptive(Dice& d, bool largest) {
  const int axes = static_cast<int>(d.between(1, 3));
  const Tensor x = d.floats(image(d, d.between(1, 3), axes));
  const PerAxis size = option(d, axes, 1, 0, 5);
  return {largest ? d.one_of({adaptive_max_pool1d, adaptive_max_pool2d, adaptive_max_pool3d})(x, size)
                  : d.one_of({adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d})(x, size)};
}

Tensors call_interpolate(Dice& d) {
  const int axes = static_cast<int>(d.between(1, 3));
  const Tensor x = d.floats(image(d, d.between(1, 3), axes));
  InterpolateOptions o;
  if (d.coin())
    o.size = option(d, axes, 3, 1, 8);
  else
    o.scale = d.chance(0.8) ? ScaleFactor(d.one_of({0.5, 1.0, 1.7, 2.0})) : ScaleFactor(d.number());
  if (d.odd()) o.size = d.small(0, 5);
  o.mode = d.one_of({Interpolation::nearest, Interpolation::nearest_exact, Interpolation::linear, Interpolation::cubic,
                     Interpolation::area});
  o.align_corners = d.chance(0.3), o.antialias = d.chance(0.3);
  return {interpolate(x, o)};
}

Tensors call_resize_image(Dice& d) {
  const Shape s = d.odd()    ? d.shape()
                  : d.coin() ? Shape{d.between(1, 9), d.between(1, 9)}
                             : Shape{d.between(1, 9), 4, 3};
  const Tensor x = d.tensor(s, d.odd() ? d.dtype() : d.coin() ? Dtype::u8 : Dtype::f32);
  return {resize_image(x, d.small(1, 12), d.small(1, 12),
                       d.one_of({ResizeFilter::nearest, ResizeFilter::box, ResizeFilter::bilinear,
                                 ResizeFilter::hamming, ResizeFilter::bicubic, ResizeFilter::lanczos}))};
}

Tensors call_grid_sample(Dice& d) {
  const int axes = static_cast<int>(d.between(2, 3));
  const Tensor x = d.floats(image(d, d.between(1, 3), axes));
  Shape s{size_of_axis(x, 0)};
  for (int i = 0; i < axes; ++i) s.push_back(d.between(0, 3));
  s.push_back(d.odd() ? d.between(0, 4) : axes);
  const Tensor grid = d.floats(s);
  return {grid_sample(x, grid,
                      {.mode = d.one_of({Sampling::bilinear, Sampling::nearest, Sampling::bicubic}),
                       .padding = d.one_of({Outside::zeros, Outside::border, Outside::reflection}),
                       .align_corners = d.coin()})};
}

Tensors call_affine_grid(Dice& d) {
  const int axes = static_cast<int>(d.between(2, 3));
  const Tensor theta = d.floats(d.odd() ? d.shape() : Shape{d.between(0, 2), axes, axes + 1});
  Shape size;
  for (int i = 0; i < axes; ++i) size.push_back(d.size(3));
  return {affine_grid(theta, size, d.coin())};
}

Tensors call_bilinear_gather(Dice& d) {
  const Tensor x = d.floats(image(d, d.between(1, 3), 2));
  return {bilinear_gather(x, d.floats({size_of_axis(x, 0), d.between(0, 4), d.odd() ? d.between(0, 3) : 2}))};
}

}  // namespace

std::vector<Call> image_calls() {
  return {
      {"conv", call_conv},
      {"conv_transpose", call_conv_transpose},
      {"max_pool", call_max_pool},
      {"max_unpool", call_max_unpool},
      {"avg_pool", call_avg_pool},
      {"lp_pool", call_lp_pool},
      {"adaptive_avg_pool", [](Dice& d) { return call_adaptive(d, false); }},
      {"adaptive_max_pool", [](Dice& d) { return call_adaptive(d, true); }},
      {"interpolate", call_interpolate},
      {"resize_image", call_resize_image},
      {"grid_sample", call_grid_sample},
      {"affine_grid", call_affine_grid},
      {"bilinear_gather", call_bilinear_gather},
  };
}

}  // namespace gradus::fuzz
