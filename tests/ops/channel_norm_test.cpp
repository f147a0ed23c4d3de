#include <cmath>
#include <functional>

#include "autograd/autograd.h"
#include "autograd/checkpoint.h"
#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

const Shape kVolumes[] = {{4, 3},    {6, 5, 1},    {3, 70, 3}, {2, 3, 15},      {3, 2, 16}, {2, 4, 17},
                          {1, 6, 9}, {2, 4, 5, 7}, {300, 9},   {2, 2, 3, 4, 5}, {5, 4, 40}, {2, 3, 4500}};

Tensor channels_of(const Tensor& t) { return reshape(t, {1, t.shape()[0], 1}); }
Tensor flat(const Tensor& x) { return reshape(x, {x.shape()[0], x.shape()[1], -1}); }

// Finite differences of a large sum are rough.
double tolerance_of(const Shape& shape) { return shape.count() > 2000 ? 128 : 8; }

// Over the axes of v (B, C, S) given, with weight and bias when they are there.
Tensor plain(const Tensors& in, const Tensor& v, std::initializer_list<int> axes) {
  const double n = static_cast<double>(v.count()) / static_cast<double>(sum(v, axes).count());
  const Tensor c = sub(v, div(sum(v, axes, keep_axis), n));
  const Tensor h = reshape(mul(c, rsqrt(add(div(sum(square(c), axes, keep_axis), n), 1e-5))), flat(in[0]).shape());
  return reshape(in.size() < 3 ? h : add(mul(h, channels_of(in[1])), channels_of(in[2])), in[0].shape());
}

}  // namespace

OP_CASE("batch_norm") {
  for (const Shape& shape : kVolumes) {
    const int64_t c = shape[1];
    check({.call = [](const Tensors& in) { return batch_norm(in[0], {}, {}, in[1], in[2], {.training = true}); },
           .composed =
               [](const Tensors& in) {
                 return plain(in, flat(in[0]), {0, 2});
               },
           .inputs = {normal(shape), normal({c}, 1), normal({c}, 2)},
           .tolerance = tolerance_of(shape)});
    check({.call = [](const Tensors& in) { return batch_norm(in[0], {}, {}, {}, {}, {.training = true}); },
           .composed =
               [](const Tensors& in) {
                 return plain(in, flat(in[0]), {0, 2});
               },
           .inputs = {normal(shape)},
           .tolerance = tolerance_of(shape)});
    check({.call = [](const Tensors& in) { return batch_norm(in[0], in[3], in[4], in[1], in[2]); },
           .composed =
               [](const Tensors& in) {
                 const Tensor h = mul(sub(flat(in[0]), channels_of(in[3])), channels_of(rsqrt(add(in[4], 1e-5))));
                 return reshape(add(mul(h, channels_of(in[1])), channels_of(in[2])), in[0].shape());
               },
           .inputs = {normal(shape), normal({c}, 1), normal({c}, 2), normal({c}, 3), uniform({c}, 0.5, 2, 4)},
           .constant = {3, 4},
           .tolerance = tolerance_of(shape)});
  }
  check({.call = [](const Tensors& in) { return batch_norm(in[0], {}, {}, {}, {}, {.training = true}); },
         .inputs = {normal({0, 3, 4})}});
  CHECK_THROWS_WITH_AS(batch_norm(zeros({1, 3}), {}, {}, {}, {}, {.training = true}),
                       doctest::Contains("one number a channel has no variance"), ValueError);
  CHECK_THROWS_WITH_AS(batch_norm(zeros({2, 3}), {}, {}), doctest::Contains("running_mean is undefined"), ValueError);
  CHECK_THROWS_AS(batch_norm(zeros({2, 3}), zeros({4}), ones({3})), ShapeError);
  CHECK_THROWS_AS(batch_norm(zeros({3}), zeros({3}), ones({3})), ShapeError);
}

TEST_CASE("batch_norm: running statistics, and what they do to a gradient asked for later") {
  const Tensor x = from_vector<float>({1, 2, 3, 6}, {4, 1});
  const Tensor mean = zeros({1}), var = ones({1});
  batch_norm(x, mean, var, {}, {}, {.training = true, .momentum = 0.25});
  CHECK(mean.item() == doctest::Approx(0.75));
  CHECK(var.item() == doctest::Approx(0.75 + 0.25 * 14. / 3));  // the unbiased variance

  Tensor in = x.detach();
  require_grad(in);
  const double rstd = 1 / std::sqrt(var.item() + 1e-5);
  const Tensor y = batch_norm(in, mean, var);
  batch_norm(x, mean, var, {}, {}, {.training = true});
  CHECK(grad({sum(y)}, {in})[0].to_vector<double>()[0] == doctest::Approx(rstd));
}

OP_CASE("group_norm") {
  for (const Shape& shape : kVolumes)
    for (int64_t groups : {int64_t(1), shape[1] % 2 == 0 ? int64_t(2) : shape[1]}) {
      if (shape.count() / shape[0] == groups) continue;
      const int64_t c = shape[1];
      const auto composed = [groups](const Tensors& in) {
        return plain(in, reshape(in[0], {in[0].shape()[0], groups, -1}), {2});
      };
      check({.call = [groups](const Tensors& in) { return group_norm(in[0], groups, in[1], in[2]); },
             .composed = composed,
             .inputs = {normal(shape), normal({c}, 1), normal({c}, 2)},
             .tolerance = 2 * tolerance_of(shape)});
      check({.call = [groups](const Tensors& in) { return group_norm(in[0], groups); },
             .composed = composed,
             .inputs = {normal(shape)},
             .tolerance = 2 * tolerance_of(shape)});
    }
  CHECK_THROWS_AS(group_norm(zeros({2, 5, 3}), 2), ShapeError);
  CHECK_THROWS_AS(group_norm(zeros({2, 5, 3}), 0), ShapeError);
}

OP_CASE("instance_norm") {
  for (const Shape& shape : {Shape{2, 3, 5}, {2, 3, 4, 5}, {1, 2, 40}})
    check({.call = [](const Tensors& in) { return instance_norm(in[0], in[1], in[2]); },
           .composed = [](const Tensors& in) { return plain(in, flat(in[0]), {2}); },
           .inputs = {normal(shape), normal({shape[1]}, 1), normal({shape[1]}, 2)},
           .tolerance = 8});
  CHECK_THROWS_AS(instance_norm(zeros({2, 3, 1})), ValueError);
}

OP_CASE("channel_layer_norm") {
  check({.call = [](const Tensors& in) { return channel_layer_norm(in[0], in[1], in[2], 1e-5); },
         .composed = [](const Tensors& in) { return plain(in, flat(in[0]), {1}); },
         .inputs = {normal({2, 6, 3, 4}), normal({6}, 1), normal({6}, 2)},
         .tolerance = 8});
}

OP_CASE("local_response_norm") {
  for (int64_t size : {1, 2, 5, 20})
    check({.call = [size](const Tensors& in) { return local_response_norm(in[0], size, {.alpha = 0.5}); },
           .inputs = {normal({2, 6, 3})}});
  // The numbers of PyTorch 2.15: size 2 reaches one channel back.
  check_close(local_response_norm(from_vector<double>({1, 2, 3}, {1, 3}), 2, {.alpha = 1, .beta = 1}),
              from_vector<double>({1 / 1.5, 2 / 3.5, 3 / 7.5}, {1, 3}), 0x1p-52);
  CHECK_THROWS_AS(local_response_norm(zeros({2, 3}), 0), ValueError);
}

OP_CASE("weight_norm") {
  for (int axis : {0, 1, -1})
    check({.call = [axis](const Tensors& in) { return weight_norm(in[0], in[1], axis); },
           .inputs = {normal({4, 3, 5}), axis == 0   ? normal({4, 1, 1}, 1)
                                         : axis == 1 ? normal({1, 3, 1}, 1)
                                                     : normal({1, 1, 5}, 1)}});
  CHECK_THROWS_AS(weight_norm(zeros({2, 3}), zeros({1, 3})), ShapeError);
}

OP_CASE("spectral_norm") {
  // u and v stay: finite differences want a function.
  check({.call = [](const Tensors& in) { return spectral_norm(in[0], in[1], in[2], {.axis = 1, .iterations = 0}); },
         .inputs = {normal({4, 3, 5}), normal({3}, 1), normal({20}, 2)},
         .constant = {1, 2},
         .tolerance = 4});
  const Tensor w = normal({4, 6}), u = normal({4}, 1), v = normal({6}, 2);
  const Tensor one = spectral_norm(w, u, v, {.iterations = 200});
  const Tensor at_most = sqrt(max(sum(square(one), 1)));
  CHECK(at_most.item() <= 1);
  CHECK(sqrt(sum(square(matmul(one, unsqueeze(v, 1))))).item() == doctest::Approx(1));
  CHECK_THROWS_AS(spectral_norm(w, v, u), ShapeError);
}

TEST_CASE("channel norms: the same bits on any number of threads") {
  for (const Shape& shape : {Shape{700, 130}, {9, 33, 41, 23}, {50, 20, 5}}) {
    const Tensor x = cast(normal(shape), Dtype::f32), dy = cast(normal(shape, 1), Dtype::f32);
    const Tensor weight = cast(normal({shape[1]}, 2), Dtype::f32), bias = cast(normal({shape[1]}, 3), Dtype::f32);
    for (bool batch : {false, true})
      check_threads(
          [&] {
            Tensors in{x.detach(), weight.detach(), bias.detach()};
            for (Tensor& t : in) require_grad(t);
            const Tensor y = batch ? batch_norm(in[0], {}, {}, in[1], in[2], {.training = true})
                                   : group_norm(in[0], 1, in[1], in[2]);
            Tensors out = grad({y}, in, {dy});
            out.push_back(y);
            return out;
          },
          "channel norm");
  }
}

TEST_CASE("channel norms: far from zero") {
  const Tensor far = cast(add(normal({4, 3, 100}), 1e4), Dtype::f32);
  check_close(batch_norm(far, {}, {}, {}, {}, {.training = true}),
              batch_norm(cast(far, Dtype::f64), {}, {}, {}, {}, {.training = true}), 0x1p-23, 4000);
}

TEST_CASE("batch_norm: a checkpoint that runs again leaves the running statistics alone") {
  const Tensor x = cast(normal({5, 3, 4}), Dtype::f32);
  const auto run = [&](bool again, const Tensor& mean, const Tensor& var) {
    const auto f = [=](const Tensor& in) { return tanh(batch_norm(in, mean, var, {}, {}, {.training = true})); };
    Tensor in = x.detach();
    require_grad(in);
    const Tensor y = again ? checkpoint(std::function<Tensor(const Tensor&)>(f), in) : f(in);
    return grad({sum(y)}, {in})[0];
  };
  const Tensor mean = zeros({3}), var = ones({3}), mean_again = zeros({3}), var_again = ones({3});
  check_same_bits(run(true, mean_again, var_again), run(false, mean, var), "gradient");
  check_same_bits(mean_again, mean, "running mean");
  check_same_bits(var_again, var, "running variance");
}

TEST_CASE("batch_norm: many rows of single numbers, fast kernels against plain loops") {
  for (const Shape& shape : {Shape{1000, 70}, {300, 3, 5}, {256, 64}, {257, 9}}) {
    Tensors in{cast(add(normal(shape), 3.0), Dtype::f32), cast(normal({shape[1]}, 2), Dtype::f32)};
    for (Tensor& t : in) require_grad(t);
    const auto run = [&] {
      const Tensor y = batch_norm(in[0], {}, {}, in[1], {}, {.training = true});
      Tensors all = grad({y}, in, {cast(normal(shape, 1), Dtype::f32)});
      all.push_back(y.detach());
      return all;
    };
    const Tensors fast = run();
    const UseRefKernels use;
    const Tensors plain = run();
    for (size_t i = 0; i < fast.size(); ++i) check_close(fast[i], plain[i], 0x1p-23, 16, shape.str());
  }
}
