#include "ops/loss.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"

namespace gradus {

namespace {

// Labels (N) i64, checked, of rows with `classes` choices.
Tensor checked_labels(const char* op, const Tensor& x, const Tensor& labels, int64_t classes) {
  require_floating(op, x);
  require_rank(op, "the input", x, 1);
  Shape rows = x.shape();
  rows.erase(x.rank() - 1);
  require_shape(op, "labels", labels, rows);
  require_same_device(op, {x, labels});
  require_indices(op, labels, classes, kIgnoredLabel);
  return reshape(cast(labels, Dtype::i64), {labels.count()});
}

Tensor as_rows(const Tensor& x) {
  return reshape(x, {x.shape().count() / std::max<int64_t>(x.shape().back(), 1), x.shape().back()});
}

double resolve(const char* op, double normaliser, const Tensor& labels) {
  if (normaliser == kTargetCount) {
    if (labels.device() == Device::meta) return 1;
    int64_t targets = 0;
    for (int64_t label : labels.to_vector<int64_t>()) targets += label != kIgnoredLabel;
    return static_cast<double>(std::max<int64_t>(targets, 1));
  }
  if (!(normaliser > 0))
    throw ValueError(op, "the normaliser must be positive, got " + std::to_string(normaliser) + ".");
  return normaliser;
}

// (softmax(x) - onehot) dloss out of differentiable operations; x (N, V), labels (N), dloss (N) in x's dtype.
Tensor logit_gradient(const Tensor& x, const Tensor& labels, const Tensor& dloss) {
  const Tensor classes = arange(x.size(1), Dtype::i64, 0, 1, x.device());
  const Tensor onehot = cast(equal(unsqueeze(labels, 1), classes), x.dtype());
  const Tensor counts = cast(not_equal(labels, scalar(kIgnoredLabel, Dtype::i64, x.device())), x.dtype());
  return mul(sub(softmax(x), onehot), unsqueeze(mul(dloss, counts), 1));
}

}  // namespace

Tensor cross_entropies(const Tensor& logits, const Tensor& labels) {
  require_rank("cross_entropy", "logits", logits, 1);
  const Tensor targets = checked_labels("cross_entropy", logits, labels, logits.shape().back());
  const Tensor x = as_rows(logits);
  const Dtype dtype = accumulator_of(x.dtype());
  Tensor loss = empty({x.size(0)}, dtype, x.device());
  const Tensor lse = empty_like(loss);
  kernels(x.device()).cross_entropy({.logits = x, .labels = targets, .loss = loss, .lse = lse});

  // dx_ij = (exp(x_ij - lse_i) - [j = label_i]) dloss_i
  record("cross_entropy", {x}, loss, [x = save(x), targets, lse = save(lse)](const Tensor& dloss) {
    const Tensor x_ = x.get();
    if (recording()) return logit_gradient(x_, targets, cast(dloss, x_.dtype()));
    Tensor dx = empty_like(x_);
    kernels(x_.device())
        .cross_entropy_backward({.logits = x_, .labels = targets, .lse = lse.get(), .dloss = dloss, .dlogits = dx});
    return dx;
  });
  return reshape(loss, labels.shape());
}

Tensor cross_entropy(const Tensor& logits, const Tensor& labels, double normaliser) {
  const Tensor losses = cross_entropies(logits, labels);
  return mul(sum(losses), 1 / resolve("cross_entropy", normaliser, labels));
}

Tensor linear_cross_entropy(const Tensor& x, const Tensor& w, const Tensor& labels, double normaliser, double softcap) {
  constexpr const char* kOp = "linear_cross_entropy";
  require_defined(kOp, w);
  require_rank(kOp, "x", x, 1);
  require_same(kOp, {x, w});
  if (w.rank() != 2 || w.size(1) != x.shape().back())
    throw ShapeError(kOp, "x " + x.describe() + " and w " + w.describe() + " do not fit: w must be (classes, " +
                              std::to_string(x.shape().back()) + ").");
  if (!(softcap >= 0) || std::isinf(softcap))
    throw ValueError(kOp, "the softcap must be 0 (none) or more, got " + std::to_string(softcap) + ".");
  const Tensor targets = checked_labels(kOp, x, labels, w.size(0));
  const double scale = 1 / resolve(kOp, normaliser, labels);
  const Tensor rows = as_rows(x);
  const bool record_x = recording() && requires_grad(x), record_w = recording() && requires_grad(w);
  const Tensor dx = record_x ? empty_like(rows) : Tensor(), dw = record_w ? empty_like(w) : Tensor();
  const Tensor losses = empty({rows.size(0)}, accumulator_of(x.dtype()), x.device());
  kernels(x.device())
      .linear_cross_entropy({.x = rows,
                             .w = w,
                             .labels = targets,
                             .softcap = softcap,
                             .scale = scale,
                             .loss = losses,
                             .dx = dx,
                             .dw = dw});
  Tensor loss;
  {
    const NoGrad no_grad;
    loss = mul(sum(losses), scale);
  }

  // The kernel has computed the gradients for an upstream gradient of 1.
  record(kOp, {rows, w}, loss,
         [x = save(rows), w = save(w), dx = save(dx), dw = save(dw), targets, scale, softcap](const Tensor& dy) {
           if (recording()) {
             const Tensor x_ = x.get(), w_ = w.get();
             const Tensor dloss = expand(cast(mul(dy, scale), x_.dtype()), targets.shape());
             Tensor z = matmul(x_, transpose(w_)), slope;
             if (softcap > 0) {
               const Tensor bent = tanh(mul(z, 1 / softcap));
               z = mul(bent, softcap);
               slope = add(mul(square(bent), -1), 1);
             }
             Tensor dlogits = logit_gradient(z, targets, dloss);
             if (slope.defined()) dlogits = mul(dlogits, slope);
             return Grads{matmul(dlogits, w_), matmul(transpose(dlogits), x_)};
           }
           Tensor a = dx.get(), b = dw.get();
           if (dy.device() != Device::meta && dy.item() != 1) {
             const Tensor by = cast(dy, w.get().dtype());
             if (a.defined()) a = mul(a, by);
             if (b.defined()) b = mul(b, by);
           }
           return Grads{a, b};
         });
  return loss;
}

}  // namespace gradus
