#include "ops/conv.h"

#include "autograd/autograd.h"
#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/shape.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

struct Sizes {
  Shape x, w;
  ConvOptions options;
};

void check_conv(const Sizes& s, bool second_order = true) {
  for (const bool bias : {true, false}) {
    Tensors inputs{normal(s.x), normal(s.w, 1)};
    if (bias) inputs.push_back(normal({s.w[0]}, 2));
    check({.call = [&](const Tensors& in) { return conv(in[0], in[1], in.size() > 2 ? in[2] : Tensor(), s.options); },
           .inputs = inputs,
           .second_order = second_order && !bias});
  }
}

}  // namespace

OP_CASE("conv") {
  check_conv({{2, 3, 7}, {4, 3, 3}, {.padding = 1}});
  check_conv({{2, 3, 9}, {5, 3, 2}, {.stride = 3, .padding = 2, .padding_after = 0, .dilation = 2}});
  check_conv({{2, 3, 6, 7}, {4, 3, 3, 3}, {.padding = 1}});
  check_conv({{1, 2, 7, 5}, {3, 2, 3, 2}, {.stride = {2, 3}, .padding = {1, 0}, .dilation = {1, 2}}});
  check_conv({{2, 6, 5, 4}, {9, 2, 2, 2}, {.groups = 3}});                                        // groups
  check_conv({{2, 4, 6, 5}, {4, 1, 3, 3}, {.padding = 1, .groups = 4}});                          // depth-wise
  check_conv({{2, 3, 7, 6}, {6, 1, 3, 2}, {.stride = 2, .padding = 1, .groups = 3}});             // two outputs each
  check_conv({{1, 2, 9, 8}, {2, 1, 3, 3}, {.stride = {3, 4}, .dilation = {2, 1}, .groups = 2}});  // entries never read
  check_conv({{2, 5, 4, 3}, {3, 5, 1, 1}, {}});                                                   // 1 x 1
  check_conv({{2, 4, 4, 3}, {6, 2, 1, 1}, {.groups = 2}});
  check_conv({{2, 3, 5, 7}, {4, 3, 1, 1}, {.stride = {2, 3}}});
  check_conv({{1, 2, 4, 5, 3}, {3, 2, 2, 3, 2}, {.stride = {1, 2, 1}, .padding = {1, 1, 0}}});
  check_conv({{1, 2, 6, 6}, {3, 2, 4, 3}, {.mode = ConvPadding::same}});
  check_conv({{0, 2, 6}, {3, 2, 3}, {}});
  check_conv({{2, 0, 6}, {3, 0, 3}, {.padding = 1}}, false);
  check_conv({{2, 3, 0}, {2, 3, 1}, {.padding = 2}});
}

OP_CASE("conv_transpose") {
  const auto check_transpose = [](const Shape& x, const Shape& w, const ConvTransposeOptions& options) {
    check({.call = [&](const Tensors& in) { return conv_transpose(in[0], in[1], in[2], options); },
           .inputs = {normal(x), normal(w, 1), normal({w[1] * options.groups}, 2)}});
  };
  check_transpose({2, 3, 5}, {3, 4, 3}, {.stride = 2, .padding = 1, .output_padding = 1});
  check_transpose({2, 3, 4, 3}, {3, 2, 3, 2}, {.stride = {2, 3}, .output_padding = {0, 2}, .dilation = {2, 1}});
  check_transpose({1, 4, 3, 3}, {4, 3, 2, 2}, {.stride = 2, .groups = 2});
  check_transpose({1, 2, 2, 3, 2}, {2, 2, 2, 2, 3}, {.stride = {1, 2, 1}, .padding = {0, 0, 1}});
}

TEST_CASE("conv: larger sizes, fast kernels against plain loops") {
  struct Case {
    Shape x, w;
    ConvOptions options;
  };
  for (const Case& c : {Case{{3, 37, 19, 23}, {70, 37, 3, 3}, {.padding = 1}},
                        {{2, 24, 31, 29}, {33, 24, 3, 3}, {.stride = 2, .padding = 1}},
                        {{2, 3, 40, 41}, {17, 3, 7, 7}, {.stride = 2, .padding = 3}},
                        {{1, 6, 20, 21}, {3, 6, 7, 7}, {.padding = 3}},
                        {{1, 4, 18, 17}, {4, 4, 9, 9}, {}},
                        {{1, 300, 9, 7}, {40, 300, 3, 3}, {.padding = 2, .dilation = 2}},
                        {{9, 40, 7, 7}, {130, 40, 3, 3}, {.padding = 1}},
                        {{2, 48, 20, 20}, {36, 12, 3, 3}, {.padding = 1, .groups = 4}},
                        {{2, 35, 33, 40}, {35, 1, 5, 5}, {.padding = 2, .groups = 35}},
                        {{2, 35, 33, 40}, {35, 1, 3, 3}, {.stride = 2, .padding = 1, .groups = 35}},
                        {{2, 70, 21, 20}, {90, 70, 1, 1}, {}},
                        {{1, 16, 2500}, {24, 16, 3}, {.padding = 1}},
                        {{1, 8, 9, 14, 15}, {12, 8, 3, 3, 3}, {.padding = 1}}}) {
    Tensors leaves{cast(normal(c.x), Dtype::f32), cast(normal(c.w, 1), Dtype::f32),
                   cast(normal({c.w[0]}, 2), Dtype::f32)};
    for (Tensor& x : leaves) require_grad(x);
    const auto run = [&] {
      const Tensor y = conv(leaves[0], leaves[1], leaves[2], c.options);
      Tensors all = grad({y}, leaves, {cast(normal(y.shape(), 3), Dtype::f32)});
      all.push_back(y);
      return all;
    };
    const Tensors fast = run();
    const UseRefKernels use;
    const Tensors plain = run();
    for (size_t i = 0; i < fast.size(); ++i)
      check_close(fast[i].detach(), plain[i].detach(), 0x1p-23, 2, c.x.str() + " " + c.w.str());
  }
}

TEST_CASE("conv: the same bits on any number of threads") {
  const auto run = [](const Shape& xs, const Shape& ws, const ConvOptions& options) {
    Tensors leaves{cast(normal(xs), Dtype::f32), cast(normal(ws, 1), Dtype::f32)};
    for (Tensor& x : leaves) require_grad(x);
    check_threads(
        [&] {
          const Tensor y = conv(leaves[0], leaves[1], {}, options);
          Tensors all = grad({y}, leaves, {cast(normal(y.shape(), 3), Dtype::f32)});
          all.push_back(y.detach());
          return all;
        },
        "conv");
  };
  run({3, 20, 33, 31}, {24, 20, 3, 3}, {.padding = 1});
  run({3, 20, 33, 31}, {24, 20, 1, 1}, {});
  run({3, 24, 33, 31}, {24, 1, 3, 3}, {.stride = 2, .groups = 24});
}

TEST_CASE("conv: refusals") {
  const Tensor x = zeros({2, 4, 5, 5}), w = zeros({6, 4, 3, 3});
  CHECK_THROWS_AS(conv1d(x, w), ShapeError);
  CHECK_THROWS_AS(conv(zeros({4}), w), ShapeError);
  CHECK_THROWS_AS(conv(x, zeros({6, 3, 3, 3})), ShapeError);
  CHECK_THROWS_AS(conv(x, zeros({6, 4, 0, 3})), ShapeError);
  CHECK_THROWS_AS(conv(x, zeros({6, 4, 6, 3})), ShapeError);
  CHECK_THROWS_AS(conv(x, w, zeros({5})), ShapeError);
  CHECK_THROWS_AS(conv(x, w, {}, {.stride = 0}), ValueError);
  CHECK_THROWS_AS(conv(x, w, {}, {.stride = {1, 1, 1}}), ShapeError);
  CHECK_THROWS_AS(conv(x, w, {}, {.padding = -1}), ValueError);
  CHECK_THROWS_AS(conv(x, w, {}, {.groups = 3}), ShapeError);
  CHECK_THROWS_AS(conv(x, w, {}, {.groups = 0}), ShapeError);
  CHECK_THROWS_AS(conv(x, w, {}, {.stride = 2, .mode = ConvPadding::same}), ValueError);
  CHECK_THROWS_AS(conv(x, zeros({6, 4, 3, 3}, Dtype::f64)), DtypeError);
  CHECK_THROWS_AS(conv(zeros({2, 4, 5}, Dtype::i32), zeros({6, 4, 3}, Dtype::i32)), DtypeError);
  CHECK_THROWS_AS(conv(Tensor(), w), ValueError);
  CHECK_THROWS_AS(conv_transpose(x, zeros({5, 4, 3, 3})), ShapeError);
  CHECK_THROWS_AS(conv_transpose(x, zeros({4, 4, 3, 3}), {}, {.output_padding = 1}), ValueError);
  CHECK_THROWS_AS(conv_transpose(x, zeros({4, 4, 3, 3}), {}, {.padding = 9}), ShapeError);
}
