#include "ops/surrogate.h"

#include <cmath>

#include "ops/activation.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/math.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"
#include "ops/sort.h"
#include "ops/statistics.h"

namespace gradus {

namespace {

void check_sharpness(const char* op, double k) {
  if (!(k > 0) || !std::isfinite(k))
    throw ValueError(op, "the inverse temperature k must be positive and finite, got " + std::to_string(k) + ".");
}

// Checks, and gives the axis counted from 0.
int chosen_axis(const char* op, const Tensor& x, double k, int axis) {
  require_floating(op, x);
  check_sharpness(op, k);
  axis = wrap_axis(op, axis, x.rank());
  if (x.size(axis) == 0) throw ShapeError(op, "there is nothing to choose from in " + x.describe() + ".");
  return axis;
}

void check_pair(const char* op, const Tensor& x, const Tensor& y, double k) {
  require_floating(op, x);
  require_defined(op, y);
  require_same(op, {x, y});
  require_shape(op, "target", y, x.shape());
  check_sharpness(op, k);
}

Tensor scaled_sigmoid(const Tensor& x, double k) { return sigmoid(k == 1 ? x : mul(x, k)); }

// a / b, and 0 for 0 / 0: sums of products of probabilities are 0 where the sum that divides them is.
Tensor share_of(const Tensor& a, const Tensor& b) {
  const Tensor nothing = equal(b, zeros({}, b.dtype(), b.device()));
  return div(a, where(nothing, ones({}, b.dtype(), b.device()), b));
}

}  // namespace

Tensor smooth_max(const Tensor& x, double k, int axis) {
  axis = chosen_axis("smooth_max", x, k, axis);
  return div(logsumexp(mul(x, k), {axis}), k);
}

Tensor smooth_min(const Tensor& x, double k, int axis) {
  axis = chosen_axis("smooth_min", x, k, axis);
  return div(logsumexp(mul(x, -k), {axis}), -k);
}

Tensor smooth_abs(const Tensor& x, double k) {
  require_floating("smooth_abs", x);
  check_sharpness("smooth_abs", k);
  const Tensor z = mul(x, k);
  return div(logaddexp(z, neg(z)), k);
}

Tensor smooth_maximum(const Tensor& a, const Tensor& b, double k) {
  require_floating("smooth_maximum", a);
  require_floating("smooth_maximum", b);
  check_sharpness("smooth_maximum", k);
  const Tensor d = sub(a, b);
  return add(mul(d, scaled_sigmoid(d, k)), b);
}

Tensor smooth_minimum(const Tensor& a, const Tensor& b, double k) {
  require_floating("smooth_minimum", a);
  require_floating("smooth_minimum", b);
  check_sharpness("smooth_minimum", k);
  const Tensor d = sub(a, b);
  return add(mul(d, scaled_sigmoid(d, -k)), b);
}

Tensor soft_one_hot(const Tensor& x, double k, int axis) {
  axis = chosen_axis("soft_one_hot", x, k, axis);
  return softmax(mul(x, k), axis);
}

Tensor soft_argmax(const Tensor& x, double k, int axis) {
  axis = chosen_axis("soft_argmax", x, k, axis);
  const Tensor p = softmax(transpose(mul(x, k), axis, -1), -1);
  const Tensor weighted = mul(p, arange(x.size(axis), x.dtype(), 0, 1, x.device()));
  return sum(transpose(weighted, axis, -1), {axis});
}

Tensor soft_sort(const Tensor& x, double k, int axis) {
  axis = chosen_axis("soft_sort", x, k, axis);
  const Tensor rows = transpose(x, axis, -1);
  const Tensor sorted = sort(rows, -1).values;
  const Tensor here = unsqueeze(rows, {-2});  // (…, 1, n)
  const Tensor p = softmax(mul(abs(sub(unsqueeze(sorted, {-1}), here)), -k), -1);
  return transpose(sum(mul(p, here), {-1}), axis, -1);
}

Tensor soft_rank(const Tensor& x, double k, int axis) {
  axis = chosen_axis("soft_rank", x, k, axis);
  const Tensor rows = transpose(x, axis, -1);
  const Tensor above = scaled_sigmoid(sub(unsqueeze(rows, {-1}), unsqueeze(rows, {-2})), k);
  return transpose(sub(sum(above, {-1}), 0.5), axis, -1);
}

Tensor soft_accuracy(const Tensor& logits, const Tensor& labels, double k) {
  const int axis = chosen_axis("soft_accuracy", logits, k, -1);
  require_index("soft_accuracy", labels);
  Shape positions = logits.shape();
  positions.erase(axis);
  require_shape("soft_accuracy", "labels", labels, positions);
  const Tensor p = softmax(k == 1 ? logits : mul(logits, k), axis);
  return mean(gather(p, unsqueeze(labels, {-1}), axis));
}

Tensor soft_precision(const Tensor& logits, const Tensor& target, double k) {
  check_pair("soft_precision", logits, target, k);
  const Tensor p = scaled_sigmoid(logits, k);
  return share_of(sum(mul(p, target)), sum(p));
}

Tensor soft_recall(const Tensor& logits, const Tensor& target, double k) {
  check_pair("soft_recall", logits, target, k);
  return share_of(sum(mul(scaled_sigmoid(logits, k), target)), sum(target));
}

Tensor soft_f1(const Tensor& logits, const Tensor& target, double k) {
  check_pair("soft_f1", logits, target, k);
  const Tensor p = scaled_sigmoid(logits, k);
  return share_of(mul(sum(mul(p, target)), 2), add(sum(p), sum(target)));
}

Tensor soft_auc(const Tensor& scores, const Tensor& target, double k) {
  check_pair("soft_auc", scores, target, k);
  const Tensor x = flatten(scores), y = flatten(target);
  const Tensor rest = sub(ones({}, y.dtype(), y.device()), y);
  const Tensor above = scaled_sigmoid(sub(unsqueeze(x, {1}), unsqueeze(x, {0})), k);
  const Tensor won = sum(mul(mul(above, unsqueeze(y, {1})), unsqueeze(rest, {0})));
  return share_of(won, mul(sum(y), sum(rest)));
}

}  // namespace gradus
