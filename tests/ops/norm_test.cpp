#include "ops/norm.h"

#include "autograd/autograd.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

Tensor plain_layer_norm(const Tensors& in) {
  const Tensor c = sub(in[0], mean(in[0], -1, keep_axis));
  const Tensor h = mul(c, rsqrt(add(mean(square(c), -1, keep_axis), 1e-5)));
  return in.size() < 3 ? h : add(mul(h, in[1]), in[2]);
}

Tensor plain_rms_norm(const Tensors& in) {
  const Tensor h = mul(in[0], rsqrt(add(mean(square(in[0]), -1, keep_axis), 1e-6)));
  return in.size() < 2 ? h : mul(h, in[1]);
}

}  // namespace

OP_CASE("layer_norm") {
  for (const Shape& shape :
       {Shape{7}, {3, 8}, {2, 9}, {3, 15}, {5, 16}, {3, 17}, {3, 31}, {2, 5, 33}, {4, 70}, {0, 5}}) {
    const Tensor weight = normal({shape.back()}, 1), bias = normal({shape.back()}, 2);
    check({.call = [](const Tensors& in) { return layer_norm(in[0], in[1], in[2]); },
           .composed = plain_layer_norm,
           .inputs = {normal(shape), weight, bias}});
    check({.call = [](const Tensors& in) { return layer_norm(in[0]); },
           .composed = plain_layer_norm,
           .inputs = {normal(shape)}});
  }
  CHECK_THROWS_AS(layer_norm(zeros({2, 3}), ones({4})), ShapeError);
  CHECK_THROWS_AS(layer_norm(zeros({2, 3}), ones({3}, Dtype::f64)), DtypeError);
}

OP_CASE("rms_norm") {
  for (const Shape& shape :
       {Shape{7}, {3, 8}, {2, 9}, {3, 15}, {5, 16}, {3, 17}, {3, 31}, {2, 5, 33}, {4, 70}, {0, 5}}) {
    check({.call = [](const Tensors& in) { return rms_norm(in[0], in[1]); },
           .composed = plain_rms_norm,
           .inputs = {normal(shape), normal({shape.back()}, 1)}});
    check({.call = [](const Tensors& in) { return rms_norm(in[0]); },
           .composed = plain_rms_norm,
           .inputs = {normal(shape)}});
  }
}

TEST_CASE("norms: far from zero, and the numbers of PyTorch 2.15") {
  const Tensor x = from_vector<float>({-2, -0.5f, 0, 0.5f, 3});
  check_close(layer_norm(x), from_vector<double>({-1.348904011, -0.429196731, -0.122627637, 0.183941456, 1.716786924}),
              0x1p-23);
  check_close(rms_norm(x), from_vector<double>({-1.217161014, -0.304290253, 0, 0.304290253, 1.825741520}), 0x1p-23);
  // A mean of 10^4 with a deviation of 1: the variance is taken about the mean, not as a difference of large numbers.
  const Tensor far = cast(add(normal({4, 100}), 1e4), Dtype::f32);
  check_close(layer_norm(far), layer_norm(cast(far, Dtype::f64)), 0x1p-23, 4000);
}

TEST_CASE("norms: the same bits on any number of threads") {
  const Tensor x = cast(normal({1000, 130}), Dtype::f32), dy = cast(normal({1000, 130}, 1), Dtype::f32);
  const Tensor weight = cast(normal({130}, 2), Dtype::f32), bias = cast(normal({130}, 3), Dtype::f32);
  for (bool rms : {false, true})
    check_threads(
        [&] {
          Tensors in{x.detach(), weight.detach(), bias.detach()};
          for (Tensor& t : in) require_grad(t);
          if (rms) in.pop_back();
          const Tensor y = rms ? rms_norm(in[0], in[1]) : layer_norm(in[0], in[1], in[2]);
          Tensors out = grad({y}, in, {dy});
          out.push_back(y);
          return out;
        },
        "norm");
}
