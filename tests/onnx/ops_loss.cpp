#include "onnx/ops.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"

namespace gradus::testing::onnx {

namespace {

// -log p of the labels in logits or log-probabilities (N, C, d1, …), weighted by class, some labels ignored.
Tensor likelihood_loss(const Node& n, const Tensor& log_p, const Tensor& labels, const Tensor& class_weight) {
  const Tensor wide = unsqueeze(cast(labels, Dtype::i64), 1);
  const bool ignoring = n.has("ignore_index");
  const Tensor counts = ignoring
                            ? not_equal(wide, scalar(static_cast<double>(n.integer("ignore_index", 0)), Dtype::i64))
                            : equal(wide, wide);
  const Tensor safe = where(counts, wide, zeros_like(wide));
  Tensor weight = cast(counts, log_p.dtype());
  if (class_weight.defined()) {
    Shape s = Shape::filled(log_p.rank(), 1);
    s[1] = class_weight.count();
    weight = mul(weight, gather(clone(expand(reshape(class_weight, s), log_p.shape())), safe, 1));
  }
  const Tensor loss = squeeze(mul(neg(gather(log_p, safe, 1)), weight), 1);
  const std::string how = n.text("reduction", "mean");
  if (how == "none") return loss;
  return how == "sum" ? sum(loss) : div(sum(loss), sum(weight));
}

Tensors negative_log_likelihood(const Node& n) { return {likelihood_loss(n, n.in[0], n.in[1], n.input(2))}; }
Tensors softmax_cross_entropy(const Node& n) {
  const Tensor log_p = log_softmax(n.in[0], 1);
  return {likelihood_loss(n, log_p, n.in[1], n.input(2)), log_p};
}

// While not training: x, and a mask of ones.
Tensors dropout_op(const Node& n) {
  const bool training = n.input(2).defined() && n.whole(2)[0] != 0;
  const double ratio = n.input(1).defined() ? n.in[1].item() : n.number("ratio", 0.5);
  covered_if(!training || ratio == 0, "Dropout with random numbers");
  return {n.in[0], ones(n.in[0].shape(), n.opset >= 10 ? Dtype::boolean : n.in[0].dtype())};
}

}  // namespace

std::vector<Entry> loss_ops() {
  return {
      {"NegativeLogLikelihoodLoss", negative_log_likelihood},
      {"SoftmaxCrossEntropyLoss", softmax_cross_entropy},
      {"Dropout", dropout_op},
  };
}

}  // namespace gradus::testing::onnx
