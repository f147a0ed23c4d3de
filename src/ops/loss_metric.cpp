#include "ops/loss_metric.h"

#include <cmath>
#include <string>

#include "ops/activation.h"
#include "ops/check.h"
#include "ops/clamp.h"
#include "ops/elementwise.h"
#include "ops/pointwise_internal.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

using pointwise::like, pointwise::require_alike;

namespace {

// max(|x|, eps) along an axis, that stays; the slope below eps is 0.
Tensor bounded_norm(const Tensor& x, int axis, double eps) {
  return sqrt(clamp_min(sum(square(x), axis, keep_axis), eps * eps));
}

}  // namespace

Tensor cosine_similarity(const Tensor& a, const Tensor& b, int axis, double eps) {
  constexpr const char* kOp = "cosine_similarity";
  const pointwise::FloatingPair p(kOp, a, b);
  require_same(kOp, {a, b});
  axis = wrap_axis(kOp, axis, p.a.rank());
  if (!(eps > 0)) throw ValueError(kOp, "eps must be positive, got " + std::to_string(eps) + ".");
  // In f16 the square of eps would vanish.
  const Dtype wide = accumulator_of(a.dtype());
  const Tensor x = cast(p.a, wide), y = cast(p.b, wide);
  const Tensor cosine = sum(mul(div(x, bounded_norm(x, axis, eps)), div(y, bounded_norm(y, axis, eps))), axis);
  return cast(cosine, a.dtype());
}

Tensor pairwise_distance(const Tensor& a, const Tensor& b, double p, double eps) {
  constexpr const char* kOp = "pairwise_distance";
  const pointwise::FloatingPair pair(kOp, a, b);
  require_same(kOp, {a, b});
  require_rank(kOp, "the operands", pair.a, 1);
  if (!(p > 0)) throw ValueError(kOp, "p must be positive, got " + std::to_string(p) + ".");
  const Tensor d = add(sub(pair.a, pair.b), eps);
  if (p == 1) return sum(abs(d), -1);
  if (p == 2) return sqrt(sum(square(d), -1));
  if (std::isinf(p)) return max(abs(d), -1);
  return pow(sum(pow(abs(d), p), -1), 1 / p);
}

Tensor cosine_embedding_loss(const Tensor& a, const Tensor& b, const Tensor& y, double margin,
                             LossReduction reduction) {
  constexpr const char* kOp = "cosine_embedding_loss";
  require_alike(kOp, a, "b", b);
  const Tensor cosine = cosine_similarity(a, b);
  require_shape(kOp, "y", y, cosine.shape());
  require_same_device(kOp, {a, y});
  const Tensor alike = equal(y, like(y, 1));
  return reduce_loss(kOp, where(alike, sub(like(cosine, 1), cosine), relu(sub(cosine, margin))), reduction);
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           const TripletOptions& options) {
  constexpr const char* kOp = "triplet_margin_loss";
  require_alike(kOp, anchor, "positive", positive);
  require_alike(kOp, anchor, "negative", negative);
  const auto distance = [&](const Tensor& a, const Tensor& b) {
    return pairwise_distance(a, b, options.p, options.eps);
  };
  const Tensor near = distance(anchor, positive);
  Tensor far = distance(anchor, negative);
  if (options.swap) far = minimum(far, distance(positive, negative));
  return reduce_loss(kOp, relu(add(sub(near, far), options.margin)), options.reduction);
}

Tensor hinge_loss(const Tensor& x, const Tensor& y, LossReduction reduction) {
  require_alike("hinge_loss", x, "y", y);
  return reduce_loss("hinge_loss", relu(sub(like(x, 1), mul(x, y))), reduction);
}

Tensor hinge_embedding_loss(const Tensor& x, const Tensor& y, double margin, LossReduction reduction) {
  require_alike("hinge_embedding_loss", x, "y", y);
  const Tensor losses = where(equal(y, like(y, 1)), x, relu(sub(like(x, margin), x)));
  return reduce_loss("hinge_embedding_loss", losses, reduction);
}

Tensor margin_ranking_loss(const Tensor& a, const Tensor& b, const Tensor& y, double margin, LossReduction reduction) {
  require_alike("margin_ranking_loss", a, "b", b);
  require_alike("margin_ranking_loss", a, "y", y);
  return reduce_loss("margin_ranking_loss", relu(sub(like(a, margin), mul(y, sub(a, b)))), reduction);
}

Tensor soft_margin_loss(const Tensor& x, const Tensor& y, LossReduction reduction) {
  require_alike("soft_margin_loss", x, "y", y);
  return reduce_loss("soft_margin_loss", neg(log_sigmoid(mul(x, y))), reduction);
}

}  // namespace gradus
