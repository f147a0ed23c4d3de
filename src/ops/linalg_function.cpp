// Products, powers and the exponential of matrices.
#include <cmath>
#include <cstddef>
#include <vector>

#include "base/error.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/linalg.h"
#include "ops/linalg_internal.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

using namespace linalg;

namespace {

// Higham 2005, table 2.3 (f64) and 2.2 (f32): up to this norm the approximant of this order is exact to rounding.
struct Pade {
  double largest;
  std::vector<double> coefficients;  // b_0 … b_q
};
const Pade& pade(Dtype dtype) {
  static const Pade f64{
      5.371920351148152,
      {64764752532480000., 32382376266240000., 7771770303897600., 1187353796428800., 129060195264000., 10559470521600.,
       670442572800., 33522128640., 1323241920., 40840800., 960960., 16380., 182., 1.}};
  static const Pade f32{3.925724783138660, {17297280., 8648640., 1995840., 277200., 25200., 1512., 56., 1.}};
  return dtype == Dtype::f64 ? f64 : f32;
}

// How often each matrix must be halved: the least s with |a|_1 <= 2^s largest. 0 for what is not finite or not there.
std::vector<int> halvings(const Tensor& a, double largest) {
  std::vector<int> s(static_cast<size_t>(batch_of(a).count()), 0);
  if (a.device() == Device::meta || a.count() == 0) return s;
  const auto norms = matrix_norm(a.detach(), 1.0).to_vector<double>();
  for (size_t i = 0; i < norms.size(); ++i)
    if (std::isfinite(norms[i]) && norms[i] > largest)
      s[i] = static_cast<int>(std::ceil(std::log2(norms[i] / largest)));
  return s;
}

Tensor per_matrix(const std::vector<double>& values, const Tensor& a) {
  Shape shape = joined(batch_of(a), {1, 1});
  return cast(from_vector(values, shape), a.dtype());
}

void require_vectors(const char* op, const Tensor& a, const Tensor& b) {
  require_floating(op, a);
  require_floating(op, b);
  require_same(op, {a, b});
  if (a.rank() != 1 || b.rank() != 1)
    throw ShapeError(op, "needs two vectors, got " + a.describe() + " and " + b.describe() + ".");
}

Tensor equal_dot(const char* op, const Tensor& a, const Tensor& b) {
  require_vectors(op, a, b);
  if (!(a.shape() == b.shape()))
    throw ShapeError(op, "vectors of different lengths: " + a.describe() + " and " + b.describe() + ".");
  return sum(mul(a, b));
}

// The cheapest way to multiply xs[first] … xs[last], by dynamic programming over where to cut.
Tensor chain(const Tensors& xs, const std::vector<std::vector<size_t>>& cut, size_t first, size_t last) {
  if (first == last) return xs[first];
  const size_t k = cut[first][last];
  return matmul(chain(xs, cut, first, k), chain(xs, cut, k + 1, last));
}

}  // namespace

// With r(a) = q(a)^-1 p(a), p(a) = v + u, q(a) = v - u, u the odd and v the even part of sum_k b_k a^k:
// exp(a) = r(a / 2^s)^(2^s)
Tensor matrix_exp(const Tensor& a) {
  require_square("matrix_exp", "a", a);
  if (is_short(a)) return cast(matrix_exp(widened(a)), a.dtype());
  if (a.count() == 0) return mul(a, 1);
  const Pade& form = pade(a.dtype());
  const auto& b = form.coefficients;
  const std::vector<int> s = halvings(a, form.largest);
  int most = 0;
  std::vector<double> scale;
  for (int n : s) {
    most = std::max(most, n);
    scale.push_back(std::ldexp(1.0, -n));
  }
  const Tensor x = most > 0 ? mul(a, per_matrix(scale, a)) : a, unit = identity(a.shape().back(), a);
  const Tensor x2 = matmul(x, x), x4 = matmul(x2, x2), x6 = matmul(x4, x2);
  Tensor odd, even;
  if (b.size() == 8) {
    odd = add(add(mul(x6, b[7]), mul(x4, b[5])), add(mul(x2, b[3]), mul(unit, b[1])));
    even = add(add(mul(x6, b[6]), mul(x4, b[4])), add(mul(x2, b[2]), mul(unit, b[0])));
  } else {
    const auto high = [&](size_t at) {
      return matmul(x6, add(mul(x6, b[at + 4]), add(mul(x4, b[at + 2]), mul(x2, b[at]))));
    };
    const auto low = [&](size_t at) {
      return add(add(mul(x6, b[at + 6]), mul(x4, b[at + 4])), add(mul(x2, b[at + 2]), mul(unit, b[at])));
    };
    odd = add(high(9), low(1));
    even = add(high(8), low(0));
  }
  const Tensor u = matmul(x, odd);
  Tensor y = solve(sub(even, u), add(even, u));
  for (int step = 0; step < most; ++step) {
    std::vector<double> more;
    bool all = true;
    for (int n : s) {
      more.push_back(n > step ? 1 : 0);
      all = all && n > step;
    }
    const Tensor squared = matmul(y, y);
    y = all ? squared : where(cast(per_matrix(more, a), Dtype::boolean), squared, y);
  }
  return y;
}

Tensor matrix_power(const Tensor& a, int64_t n) {
  require_square("matrix_power", "a", a);
  if (is_short(a)) return cast(matrix_power(widened(a), n), a.dtype());
  if (n == 0) return expand_batch(identity(a.shape().back(), a), batch_of(a));
  Tensor base = n < 0 ? inverse(a) : a, y;
  for (uint64_t rest = n < 0 ? 0 - static_cast<uint64_t>(n) : static_cast<uint64_t>(n);;) {
    if (rest & 1) y = y.defined() ? matmul(y, base) : base;
    rest >>= 1;
    if (rest == 0) return y;
    base = matmul(base, base);
  }
}

Tensor dot(const Tensor& a, const Tensor& b) { return equal_dot("dot", a, b); }
Tensor vdot(const Tensor& a, const Tensor& b) { return equal_dot("vdot", a, b); }

Tensor vecdot(const Tensor& a, const Tensor& b, int axis) {
  require_floating("vecdot", a);
  require_floating("vecdot", b);
  require_same("vecdot", {a, b});
  return sum(mul(a, b), axis);
}

Tensor outer(const Tensor& a, const Tensor& b) {
  require_vectors("outer", a, b);
  return mul(unsqueeze(a, 1), unsqueeze(b, 0));
}

Tensor cross(const Tensor& a, const Tensor& b, int axis) {
  require_floating("cross", a);
  require_floating("cross", b);
  require_same("cross", {a, b});
  const Shape shape = broadcast_shapes("cross", a.shape(), b.shape());
  axis = wrap_axis("cross", axis, shape.rank());
  const Tensor x = expand(a, shape), y = expand(b, shape);
  if (shape[axis] != 3)
    throw ShapeError(
        "cross", "axis " + std::to_string(axis) + " must have size 3: a " + a.describe() + ", b " + b.describe() + ".");
  const auto part = [axis](const Tensor& t, int64_t i) { return narrow(t, axis, i % 3, 1); };
  Tensors parts;
  for (int64_t i = 0; i < 3; ++i)
    parts.push_back(sub(mul(part(x, i + 1), part(y, i + 2)), mul(part(x, i + 2), part(y, i + 1))));
  return concat(parts, axis);
}

Tensor kron(const Tensor& a, const Tensor& b) {
  require_floating("kron", a);
  require_floating("kron", b);
  require_same("kron", {a, b});
  const int rank = std::max(a.rank(), b.rank());
  if (2 * rank > Shape::kMaxRank)
    throw ShapeError("kron", "takes up to " + std::to_string(Shape::kMaxRank / 2) + " axes, got a " + a.describe() +
                                 ", b " + b.describe() + ".");
  // Each axis of the result is a pair: a's, then b's.
  Shape wide_a, wide_b, merged;
  for (int axis = rank - 1; axis >= 0; --axis) {
    const int64_t m = axis < a.rank() ? a.shape().back(axis) : 1, n = axis < b.rank() ? b.shape().back(axis) : 1;
    if (m != 0 && n > INT64_MAX / m) throw ShapeError("kron", "the result would be too large.");
    wide_a.push_back(m);
    wide_a.push_back(1);
    wide_b.push_back(1);
    wide_b.push_back(n);
    merged.push_back(m * n);
  }
  return reshape(mul(reshape(a, wide_a), reshape(b, wide_b)), merged);
}

Tensor multi_dot(const Tensors& xs) {
  if (xs.size() < 2) throw ValueError("multi_dot", "needs two or more operands.");
  Tensors ms = xs;
  for (size_t i = 0; i < xs.size(); ++i) {
    require_floating("multi_dot", xs[i]);
    require_same("multi_dot", {xs[0], xs[i]});
    const bool end = i == 0 || i + 1 == xs.size();
    if (xs[i].rank() == 1 && end)
      ms[i] = unsqueeze(xs[i], i == 0 ? 0 : 1);
    else if (xs[i].rank() != 2)
      throw ShapeError("multi_dot",
                       "operand " + std::to_string(i) + " must be a matrix, got " + xs[i].describe() + ".");
    if (i > 0 && ms[i - 1].shape()[1] != ms[i].shape()[0])
      throw ShapeError("multi_dot", "inner sizes differ: " + xs[i - 1].describe() + " and " + xs[i].describe() + ".");
  }
  const size_t n = ms.size();
  std::vector<std::vector<double>> cost(n, std::vector<double>(n, 0));
  std::vector<std::vector<size_t>> cut(n, std::vector<size_t>(n, 0));
  for (size_t length = 2; length <= n; ++length)
    for (size_t i = 0; i + length <= n; ++i) {
      const size_t j = i + length - 1;
      for (size_t k = i; k < j; ++k) {
        const double work = static_cast<double>(ms[i].shape()[0]) * static_cast<double>(ms[k].shape()[1]) *
                            static_cast<double>(ms[j].shape()[1]);
        const double total = cost[i][k] + cost[k + 1][j] + work;
        if (k == i || total < cost[i][j]) {
          cost[i][j] = total;
          cut[i][j] = k;
        }
      }
    }
  Tensor y = chain(ms, cut, 0, n - 1);
  if (xs.back().rank() == 1) y = squeeze(y, 1);
  if (xs[0].rank() == 1) y = squeeze(y, 0);
  return y;
}

}  // namespace gradus
