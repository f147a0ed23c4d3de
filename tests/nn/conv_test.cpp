#include "nn/conv.h"

#include <cmath>

#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

TEST_CASE("nn: convolution layers have PyTorch's names, shapes and initial bounds") {
  Parameters store({.seed = 3});
  const Scope root(store);
  const Conv2d conv(root / "conv", 4, 6, {3, 2}, {.conv = {.padding = 1, .groups = 2}});
  const ConvTranspose1d up(root / "up", 4, 6, 3, {.conv = {.stride = 2}, .bias = false});
  REQUIRE(store.all().size() == 3);
  CHECK(store.all()[0].name == "conv.weight");
  CHECK(store.all()[1].name == "conv.bias");
  CHECK(store.all()[2].name == "up.weight");
  CHECK(conv.weight.shape() == Shape{6, 2, 3, 2});
  CHECK(up.weight.shape() == Shape{4, 6, 3});
  const auto within = [](const Tensor& x, double fan_in) {
    double most = 0;
    for (double v : x.to_vector<double>()) most = std::max(most, std::abs(v));
    CHECK(most <= 1 / std::sqrt(fan_in));
    CHECK(most > 0.5 / std::sqrt(fan_in));
  };
  within(conv.weight, 12);
  within(conv.bias, 12);
  within(up.weight, 18);

  const Tensor x = random_normal({2, 4, 5, 5}, {1, 2});
  check_same_bits(conv(x), conv2d(x, conv.weight, conv.bias, {.padding = 1, .groups = 2}));
  CHECK(up(random_normal({2, 4, 5}, {1, 3})).shape() == Shape{2, 6, 11});
  CHECK_THROWS_AS(Conv1d(root / "odd", 3, 4, 3, {.conv = {.groups = 2}}), ShapeError);
  CHECK_THROWS_AS(Conv1d(root / "none", 3, 4, 0), ValueError);
}
