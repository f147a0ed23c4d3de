#include "ops/loss_class.h"

#include <string>

#include "ops/activation.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/loss_pair_internal.h"
#include "ops/math.h"
#include "ops/pointwise_internal.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"

namespace gradus {

using pointwise::indicator, pointwise::like;

namespace {

// A weight from the options in x's type, without history.
Tensor weight_for(const char* op, const char* name, const Tensor& weight, const Tensor& x) {
  require_floating(op, weight);
  require_same_device(op, {weight, x});
  if (!(broadcast_shapes(op, weight.shape(), x.shape()) == x.shape()))
    throw ShapeError(op, std::string(name) + " " + weight.describe() + " does not broadcast to " + x.describe() + ".");
  return cast(weight.detach(), x.dtype());
}

Tensor class_weights(const char* op, const Tensor& weight, const Tensor& x) {
  require_floating(op, weight);
  require_same_device(op, {weight, x});
  require_shape(op, "weight", weight, {x.shape().back()});
  return cast(weight.detach(), x.dtype());
}

Tensor divided_by_count(const Tensor& total, const Tensor& count) {
  const Tensor zero = like(count, 0);
  return div(total, where(equal(count, zero), like(count, 1), count));
}

}  // namespace

Tensor binary_cross_entropy(const Tensor& x, const Tensor& target, const BceOptions& options) {
  constexpr const char* kOp = "binary_cross_entropy";
  if (!options.weight.defined()) return pair_loss(kOp, PairLoss::bce, x, target, 0, options.reduction);
  const Tensor losses = pair_loss(kOp, PairLoss::bce, x, target, 0, LossReduction::none);
  return reduce_loss(kOp, mul(losses, weight_for(kOp, "weight", options.weight, x)), options.reduction);
}

Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& target, const BceWithLogitsOptions& options) {
  constexpr const char* kOp = "binary_cross_entropy_with_logits";
  const bool plain = !options.pos_weight.defined();
  if (plain && !options.weight.defined()) return pair_loss(kOp, PairLoss::bce_logits, x, target, 0, options.reduction);
  Tensor losses;
  if (plain) {
    losses = pair_loss(kOp, PairLoss::bce_logits, x, target, 0, LossReduction::none);
  } else {
    require_floating(kOp, x);
    require_shape(kOp, "the target", target, x.shape());
    require_same(kOp, {x, target});
    // (1 - t) x + (1 + (p - 1) t) log(1 + e^-x)
    const Tensor p = weight_for(kOp, "pos_weight", options.pos_weight, x);
    const Tensor factor = add(mul(sub(p, 1), target), 1);
    losses = sub(mul(sub(like(x, 1), target), x), mul(factor, log_sigmoid(x)));
  }
  if (options.weight.defined()) losses = mul(losses, weight_for(kOp, "weight", options.weight, x));
  return reduce_loss(kOp, losses, options.reduction);
}

Tensor kl_div(const Tensor& x, const Tensor& target, const KlDivOptions& options) {
  require_floating("kl_div", x);
  require_shape("kl_div", "the target", target, x.shape());
  require_same("kl_div", {x, target});
  const Tensor losses =
      options.log_target ? mul(exp(target), sub(target, x)) : sub(xlogy(target, target), mul(target, x));
  return reduce_loss("kl_div", losses, options.reduction);
}

namespace {

struct Labelled {
  Tensor safe;    // labels, 0 where ignored
  Tensor counts;  // weight of each position in x's type, 0 where ignored

  Labelled(const char* op, const Tensor& x, const Tensor& labels, const Tensor& weight, int64_t ignored) {
    require_floating(op, x);
    require_rank(op, "the input", x, 1);
    Shape positions = x.shape();
    positions.erase(x.rank() - 1);
    require_shape(op, "labels", labels, positions);
    require_same_device(op, {x, labels});
    require_index(op, labels);
    const Tensor wide = cast(labels, Dtype::i64);
    const Tensor skipped = equal(wide, scalar(static_cast<double>(ignored), Dtype::i64, x.device()));
    safe = where(skipped, scalar(0, Dtype::i64, x.device()), wide);
    require_labels(op, wide, x.shape().back(), ignored);
    const Tensor ones_ = expand(like(x, 1), positions);
    const Tensor weights =
        weight.defined() ? gather(class_weights(op, weight, x), reshape(safe, {safe.count()}), 0) : Tensor();
    counts = where(skipped, like(x, 0), weights.defined() ? reshape(weights, positions) : ones_);
  }

  static void require_labels(const char* op, const Tensor& labels, int64_t classes, int64_t ignored) {
    if (labels.device() == Device::meta) return;
    const auto values = labels.to_vector<int64_t>();
    for (size_t i = 0; i < values.size(); ++i)
      if (values[i] != ignored && (values[i] < 0 || values[i] >= classes))
        throw IndexError(op, "label " + std::to_string(values[i]) + " at position " + std::to_string(i) +
                                 " is outside [0, " + std::to_string(classes) + ").");
  }

  // sum or mean over the positions, or none of them
  Tensor reduced(const char* op, const Tensor& losses, LossReduction reduction) const {
    if (reduction != LossReduction::mean) return reduce_loss(op, losses, reduction);
    return divided_by_count(sum(losses), sum(counts));
  }
};

}  // namespace

Tensor nll_loss(const Tensor& x, const Tensor& labels, const NllOptions& options) {
  const Labelled at("nll_loss", x, labels, options.weight, options.ignore_index);
  if (x.shape().back() == 0) return at.reduced("nll_loss", at.counts, options.reduction);  // all labels are ignored
  const Tensor picked = squeeze(gather(x, unsqueeze(at.safe, -1)), -1);
  // An ignored position may hold an infinity, which a product with 0 would turn into NaN.
  const Tensor zero = like(x, 0);
  const Tensor losses = neg(mul(where(equal(at.counts, zero), zero, picked), at.counts));
  return at.reduced("nll_loss", losses, options.reduction);
}

Tensor cross_entropy_loss(const Tensor& logits, const Tensor& labels, const CrossEntropyOptions& options) {
  constexpr const char* kOp = "cross_entropy_loss";
  const double smooth = options.label_smoothing;
  if (!(smooth >= 0 && smooth <= 1))
    throw ValueError(kOp, "label_smoothing must lie in [0, 1], got " + std::to_string(smooth) + ".");
  const Labelled at(kOp, logits, labels, options.weight, options.ignore_index);
  const int64_t classes = logits.shape().back();
  if (classes == 0) return at.reduced(kOp, at.counts, options.reduction);
  const Tensor log_p = log_softmax(logits), zero = like(logits, 0);
  const Tensor picked = squeeze(gather(log_p, unsqueeze(at.safe, -1)), -1);
  const Tensor ignored = equal(at.counts, zero);
  Tensor losses = neg(mul(where(ignored, zero, picked), at.counts));
  if (smooth > 0) {
    // (1 - s) nll + s/C sum_c weight_c (-log p_c)
    const Tensor weighted = options.weight.defined() ? mul(log_p, class_weights(kOp, options.weight, logits)) : log_p;
    const Tensor skipped =
        equal(cast(labels, Dtype::i64), scalar(static_cast<double>(options.ignore_index), Dtype::i64, logits.device()));
    const Tensor spread = where(skipped, zero, neg(sum(weighted, -1)));
    losses = add(mul(losses, 1 - smooth), mul(spread, smooth / static_cast<double>(classes)));
  }
  return at.reduced(kOp, losses, options.reduction);
}

Tensor soft_cross_entropy_loss(const Tensor& logits, const Tensor& target, const CrossEntropyOptions& options) {
  constexpr const char* kOp = "soft_cross_entropy_loss";
  const double smooth = options.label_smoothing;
  if (!(smooth >= 0 && smooth <= 1))
    throw ValueError(kOp, "label_smoothing must lie in [0, 1], got " + std::to_string(smooth) + ".");
  require_floating(kOp, logits);
  require_rank(kOp, "the input", logits, 1);
  require_shape(kOp, "the target", target, logits.shape());
  require_same(kOp, {logits, target});
  const double classes = static_cast<double>(logits.shape().back());
  const Tensor t = smooth > 0 ? add(mul(target, 1 - smooth), smooth / classes) : target;
  Tensor terms = mul(t, log_softmax(logits));
  if (options.weight.defined()) terms = mul(terms, class_weights(kOp, options.weight, logits));
  return reduce_loss(kOp, neg(sum(terms, -1)), options.reduction);
}

}  // namespace gradus
