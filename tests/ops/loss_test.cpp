#include "ops/loss.h"

#include "autograd/autograd.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

// Labels in [0, classes), every third ignored when `some` is set.
Tensor labels_for(const Shape& shape, int64_t classes, bool some = true) {
  auto values = indices(shape, classes).to_vector<int64_t>();
  for (size_t i = 0; some && i < values.size(); i += 3) values[i] = kIgnoredLabel;
  return from_vector(values, shape);
}

// -log_softmax at the label, 0 where ignored
Tensor plain_losses(const Tensor& logits, const Tensor& labels) {
  const Tensor ignored = equal(labels, scalar(kIgnoredLabel, Dtype::i64, labels.device()));
  const Tensor safe = where(ignored, scalar(0, Dtype::i64, labels.device()), labels);
  const Tensor picked = squeeze(gather(log_softmax(logits), unsqueeze(safe, -1)), -1);
  return where(ignored, scalar(0, logits.dtype(), logits.device()), neg(picked));
}

}  // namespace

OP_CASE("cross_entropies") {
  for (int64_t classes : {1, 7, 8, 9, 17, 33, 70})
    check({.call = [](const Tensors& in) { return cross_entropies(in[0], in[1]); },
           .composed = [](const Tensors& in) { return plain_losses(in[0], in[1]); },
           .inputs = {normal({2, 5, classes}), labels_for({2, 5}, classes)}});
}

OP_CASE("cross_entropy") {
  check({.call = [](const Tensors& in) { return cross_entropy(in[0], in[1]); },
         .inputs = {normal({7, 33}), labels_for({7}, 33)}});
  check({.call = [](const Tensors& in) { return cross_entropy(in[0], in[1], 10); },
         .composed = [](const Tensors& in) { return mul(sum(plain_losses(in[0], in[1])), 0.1); },
         .inputs = {normal({3, 4, 9}), labels_for({3, 4}, 9)}});

  // PyTorch 2.15
  const Tensor row = from_vector<float>({-2, -0.5f, 0, 0.5f, 3, 3, 0.5f, 0, -0.5f, -2, 0, 0, 0, 0, 0}, {3, 5});
  CHECK(cross_entropy(row, from_vector<int64_t>({4, -100, 1})).item() == doctest::Approx(0.8827109115));

  CHECK_THROWS_WITH_AS(cross_entropy(zeros({3, 5}), from_vector<int64_t>({4, 5, 1})),
                       doctest::Contains("index 5 at position 1"), IndexError);
  CHECK_THROWS_AS(cross_entropy(zeros({3, 5}), from_vector<int64_t>({4, -1, 1})), IndexError);
  CHECK_THROWS_AS(cross_entropy(zeros({3, 5}), from_vector<int64_t>({4, 1})), ShapeError);
  CHECK_THROWS_AS(cross_entropy(zeros({1, 5}), zeros({1})), DtypeError);
  CHECK_THROWS_AS(cross_entropy(zeros({1, 5}), from_vector<int64_t>({4}), -1), ValueError);
}

OP_CASE("linear_cross_entropy") {
  for (int64_t rows : {1, 10})
    for (int64_t classes : {5, 33})
      check({.call = [](const Tensors& in) { return linear_cross_entropy(in[0], in[1], in[2], 7); },
             .composed = [](const Tensors& in) { return cross_entropy(matmul(in[0], transpose(in[1])), in[2], 7); },
             .inputs = {normal({rows, 16}), normal({classes, 16}, 1), labels_for({rows}, classes, rows > 1)}});
  check({.call = [](const Tensors& in) { return linear_cross_entropy(in[0], in[1], in[2], 7, 3); },
         .composed =
             [](const Tensors& in) {
               return cross_entropy(mul(tanh(mul(matmul(in[0], transpose(in[1])), 1.0 / 3)), 3), in[2], 7);
             },
         .inputs = {normal({10, 16}), normal({33, 16}, 1), labels_for({10}, 33, true)}});
  check({.call = [](const Tensors& in) { return linear_cross_entropy(in[0], in[1], in[2]); },
         .inputs = {normal({2, 6, 9}), normal({17, 9}, 1), labels_for({2, 6}, 17, false)}});
  CHECK_THROWS_AS(linear_cross_entropy(zeros({3, 5}), zeros({9, 4}), from_vector<int64_t>({0, 0, 0})), ShapeError);
  CHECK_THROWS_AS(linear_cross_entropy(zeros({3, 5}), zeros({9, 5}), from_vector<int64_t>({0, 9, 0})), IndexError);
  CHECK_THROWS_AS(linear_cross_entropy(zeros({1, 5}), zeros({9, 5}), from_vector<int64_t>({0}), 1, -1), ValueError);
}

TEST_CASE("losses: nothing but ignored labels gives 0 and no gradient") {
  const Tensor none = from_vector<int64_t>({kIgnoredLabel, kIgnoredLabel});
  for (bool linear : {false, true}) {
    Tensor x = cast(normal({2, 5}), Dtype::f32), w = cast(normal({9, 5}, 1), Dtype::f32);
    require_grad(x);
    const Tensor loss = linear ? linear_cross_entropy(x, w, none) : cross_entropy(x, none);
    CHECK(loss.item() == 0);
    backward(loss);
    for (double g : grad_of(x).to_vector<double>()) CHECK(g == 0);
  }
}

TEST_CASE("linear_cross_entropy: several blocks of rows, scaled upstream gradients, twice through the graph") {
  const Tensor labels = labels_for({4000}, 300);
  const Tensor x0 = cast(normal({4000, 40}), Dtype::f32), w0 = cast(normal({300, 40}, 1), Dtype::f32);
  const auto gradients = [&](bool fused, double scale) {
    Tensor x = clone(x0), w = clone(w0);
    require_grad(x);
    require_grad(w);
    const Tensor loss = fused ? linear_cross_entropy(x, w, labels) : cross_entropy(matmul(x, transpose(w)), labels);
    const Tensor root = scale == 1 ? loss : mul(loss, scale);
    const BackwardOptions twice{.retain_graph = true};
    backward(root, {}, twice);
    const Tensor first = clone(grad_of(x).detach());
    clear_grad(x);
    clear_grad(w);
    backward(root);
    check_same_bits(grad_of(x), first, "second walk");
    return Tensors{loss.detach(), grad_of(x), grad_of(w)};
  };
  for (double scale : {1.0, 0.25}) {
    const Tensors fused = gradients(true, scale), plain = gradients(false, scale);
    for (size_t i = 0; i < 3; ++i) check_close(fused[i], plain[i], 0x1p-23, 4);
  }
  check_threads([&] { return gradients(true, 1); }, "linear_cross_entropy");
  check_threads([&] { return gradients(false, 1); }, "cross_entropy");
}
