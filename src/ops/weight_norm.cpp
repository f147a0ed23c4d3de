// Weights in other coordinates: weight norm and spectral norm.
#include "autograd/autograd.h"
#include "base/error.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/norm.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

namespace {

// (size of `axis`, all the rest)
Tensor as_rows(const Tensor& w, int axis) {
  Tensor first = w;
  for (int i = axis; i > 0; --i) first = transpose(first, i - 1, i);  // the others keep their order
  int64_t rest = 1;
  for (int i = 1; i < first.rank(); ++i) rest *= first.shape()[i];
  return reshape(first, {first.shape()[0], rest});
}

Shape kept_shape(const Tensor& v, int axis) {
  Shape shape = Shape::filled(v.rank(), 1);
  shape[axis] = v.shape()[axis];
  return shape;
}

// x / max(|x|, eps) into `to`
void store_normalised(const Tensor& x, double eps, const Tensor& to) {
  const Tensor unit = div(x, maximum(sqrt(sum(square(x))), eps));
  kernels(to.device()).copy({.x = reshape(unit, to.shape()), .y = to});
  to.bump_version();
}

}  // namespace

Tensor norm_except(const Tensor& v, int axis) {
  require_floating("norm_except", v);
  require_rank("norm_except", "v", v, 1);
  axis = wrap_axis("norm_except", axis, v.rank());
  return reshape(sqrt(sum(square(as_rows(v, axis)), 1)), kept_shape(v, axis));
}

Tensor weight_norm(const Tensor& v, const Tensor& g, int axis) {
  require_floating("weight_norm", v);
  require_rank("weight_norm", "v", v, 1);
  axis = wrap_axis("weight_norm", axis, v.rank());
  require_defined("weight_norm", g);
  require_same("weight_norm", {v, g});
  require_shape("weight_norm", "g", g, kept_shape(v, axis));
  return mul(v, div(g, norm_except(v, axis)));
}

Tensor spectral_norm(const Tensor& w, const Tensor& u, const Tensor& v, SpectralNormOptions o) {
  require_floating("spectral_norm", w);
  require_rank("spectral_norm", "w", w, 2);
  const int axis = wrap_axis("spectral_norm", o.axis, w.rank());
  for (const Tensor& t : {u, v}) require_floating("spectral_norm", t);
  require_same("spectral_norm", {w, u, v});
  if (o.iterations < 0 || o.iterations > 10000)
    throw ValueError("spectral_norm", "iterations must lie in [0, 10000], got " + std::to_string(o.iterations) + ".");
  if (!(o.eps >= 0)) throw ValueError("spectral_norm", "eps must not be negative.");
  const Tensor matrix = as_rows(w, axis);
  require_shape("spectral_norm", "u", u, {matrix.shape()[0]});
  require_shape("spectral_norm", "v", v, {matrix.shape()[1]});

  Tensor row, column;  // u^T and v as they are now: later steps move them on
  {
    const NoGrad off;
    const Tensor m = matrix.detach(), left = u.detach(), right = v.detach();
    for (int i = 0; i < o.iterations; ++i) {
      store_normalised(matmul(m, unsqueeze(right, 1)), o.eps, left);
      store_normalised(matmul(transpose(m), unsqueeze(left, 1)), o.eps, right);
    }
    row = clone(unsqueeze(left, 0));
    column = clone(unsqueeze(right, 1));
  }
  const Tensor sigma = matmul(row, matmul(matrix, column));  // (1, 1)
  return div(w, reshape(sigma, {}));
}

}  // namespace gradus
