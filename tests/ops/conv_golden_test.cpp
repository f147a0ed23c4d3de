// Convolution, pooling, interpolation and sampling against PyTorch and Pillow (tests/golden/make_conv_goldens.py).
#include <string>

#include "autograd/autograd.h"
#include "io/safetensors.h"
#include "ops/conv.h"
#include "ops/elementwise.h"
#include "ops/grid_sample.h"
#include "ops/interpolate.h"
#include "ops/pool.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

const Safetensors& golden() {
  static const Safetensors file(GRADUS_TEST_DIR "/golden/conv.safetensors");
  return file;
}

// Output and gradients of one stored case, in f64 and (with the fast kernels) in f32.
void compare(const std::string& name, std::initializer_list<const char*> inputs, const OpCall& call) {
  for (const auto& [dtype, eps] : {std::pair{Dtype::f64, 0x1p-48}, {Dtype::f32, 0x1p-21}}) {
    Tensors leaves;
    for (const char* input : inputs) {
      leaves.push_back(cast(golden().load(name + "." + input), dtype).detach());
      require_grad(leaves.back());
    }
    const Tensor y = call(leaves);
    check_close(y.detach(), golden().load(name + ".y"), eps, 1, name);
    const Tensors d = grad({y}, leaves, {cast(golden().load(name + ".dy"), dtype)});
    size_t i = 0;
    for (const char* input : inputs)
      check_close(d[i++], golden().load(name + ".grad." + input), eps, 1, name + " gradient of " + input);
  }
}

}  // namespace

TEST_CASE("conv: PyTorch's numbers") {
  const ConvOptions cases[] = {{.padding = 1},
                               {.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}, .groups = 2},
                               {.mode = ConvPadding::same},
                               {.stride = 2, .padding = 1},
                               {.padding = 1, .groups = 4}};
  for (size_t i = 0; i < 5; ++i)
    compare("conv." + std::to_string(i), {"x", "w", "b"},
            [&](const Tensors& in) { return conv(in[0], in[1], in[2], cases[i]); });
  const ConvTransposeOptions transposed[] = {{.stride = 2, .padding = 1, .output_padding = 1},
                                             {.stride = {2, 3}, .dilation = {2, 1}, .groups = 2},
                                             {.stride = 2, .padding = 1, .output_padding = 1}};
  for (size_t i = 0; i < 3; ++i)
    compare("transpose." + std::to_string(i), {"x", "w", "b"},
            [&](const Tensors& in) { return conv_transpose(in[0], in[1], in[2], transposed[i]); });
}

TEST_CASE("pool: PyTorch's numbers") {
  const auto pooled = [](const char* name, auto&& pool) {
    compare(std::string("pool.") + name, {"x"}, [&](const Tensors& in) { return pool(in[0]); });
  };
  const MaxPoolOptions max{.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true};
  pooled("max", [&](const Tensor& x) { return max_pool2d(x, max); });
  check_same_bits(max_pool_with_indices(golden().load("pool.max.x"), 2, max).indices,
                  golden().load("pool.max.indices"));
  pooled("max_dilated", [](const Tensor& x) {
    return max_pool2d(x, {.kernel = {2, 3}, .stride = 1, .padding = 1, .dilation = {1, 2}});
  });
  pooled("avg",
         [](const Tensor& x) { return avg_pool2d(x, {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true}); });
  pooled("avg_valid", [](const Tensor& x) {
    return avg_pool2d(x, {.kernel = 3, .stride = 2, .padding = 1, .ceil_mode = true, .count_include_pad = false});
  });
  pooled("avg_divisor", [](const Tensor& x) { return avg_pool2d(x, {.kernel = {2, 3}, .divisor = 4}); });
  pooled("lp",
         [](const Tensor& x) { return lp_pool2d(abs(x), {.p = 2, .kernel = 3, .stride = 2, .ceil_mode = true}); });
  pooled("adaptive_avg", [](const Tensor& x) { return adaptive_avg_pool2d(x, {3, 5}); });
  pooled("adaptive_max", [](const Tensor& x) { return adaptive_max_pool2d(x, {3, 5}); });
}

TEST_CASE("interpolate: PyTorch's numbers") {
  const auto resized = [](const char* name, const InterpolateOptions& options) {
    compare(std::string("resize.") + name, {"x"}, [&](const Tensors& in) { return interpolate(in[0], options); });
  };
  using enum Interpolation;
  resized("nearest", {.size = {4, 11}, .mode = nearest});
  resized("nearest_scale", {.scale = 1.7, .mode = nearest});
  resized("nearest_exact", {.size = {4, 11}, .mode = nearest_exact});
  resized("bilinear", {.size = {4, 11}, .mode = linear});
  resized("bilinear_scale", {.scale = 1.7, .mode = linear});
  resized("bilinear_corners", {.size = {4, 11}, .mode = linear, .align_corners = true});
  resized("bicubic", {.size = {4, 11}, .mode = cubic});
  resized("bicubic_corners", {.size = {4, 11}, .mode = cubic, .align_corners = true});
  resized("area", {.size = {4, 11}, .mode = area});
  resized("bilinear_aa", {.size = {3, 11}, .mode = linear, .antialias = true});
  resized("bicubic_aa", {.size = {3, 4}, .mode = cubic, .antialias = true});
  resized("bicubic_aa_corners", {.size = {3, 4}, .mode = cubic, .align_corners = true, .antialias = true});
}

TEST_CASE("grid_sample, affine_grid: PyTorch's numbers") {
  for (const auto& [mode, mode_name] :
       {std::pair{Sampling::bilinear, "bilinear"}, {Sampling::nearest, "nearest"}, {Sampling::bicubic, "bicubic"}})
    for (const auto& [outside, outside_name] :
         {std::pair{Outside::zeros, "zeros"}, {Outside::border, "border"}, {Outside::reflection, "reflection"}})
      for (const bool corners : {false, true})
        for (const char* family : {"grid.", "grid3."}) {
          const std::string name =
              family + std::string(mode_name) + "." + outside_name + (corners ? ".true" : ".false");
          if (!golden().contains(name + ".x")) continue;
          compare(name, {"x", "grid"}, [&](const Tensors& in) {
            return grid_sample(in[0], in[1], {.mode = mode, .padding = outside, .align_corners = corners});
          });
        }
  for (const bool corners : {false, true})
    compare(corners ? "affine.true" : "affine.false", {"theta"}, [&](const Tensors& in) {
      return affine_grid(in[0], {3, 4}, corners);
    });
}

TEST_CASE("resize_image: Pillow's bytes") {
  const Tensor image = golden().load("image.x"), real = golden().load("imagef.x");
  using enum ResizeFilter;
  for (const auto& [filter, name] : {std::pair{nearest, "nearest"},
                                     {box, "box"},
                                     {bilinear, "bilinear"},
                                     {hamming, "hamming"},
                                     {bicubic, "bicubic"},
                                     {lanczos, "lanczos"}}) {
    for (const auto& [h, w] : {std::pair{7, 40}, {50, 9}, {23, 10}})
      check_same_bits(resize_image(image, h, w, filter),
                      golden().load("image." + std::string(name) + "." + std::to_string(h) + "x" + std::to_string(w)),
                      name);
    check_close(resize_image(real, 6, 20, filter), golden().load("imagef." + std::string(name) + ".6x20"), 0x1p-23, 1,
                name);
  }
}
