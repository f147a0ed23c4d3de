#include "ops/linalg.h"

#include <cmath>
#include <limits>

#include "autograd/autograd.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "support/op_types.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

Tensor unit_matrix(int64_t n) {
  const Tensor unit = zeros({n, n}, Dtype::f64);
  for (int64_t i = 0; i < n; ++i) unit.data<double>()[i * n + i] = 1;
  return unit;
}

// Well-conditioned square matrices: twice the unit matrix and a little noise.
Tensor gentle(const Shape& shape, uint64_t stream = 0) {
  const int64_t n = shape.back();
  const Tensor noise = mul(normal(shape, stream), 0.5 / std::sqrt(static_cast<double>(std::max<int64_t>(n, 1))));
  return add(noise, mul(unit_matrix(n), 2));
}

// Symmetric and positive: a a^T
Tensor positive(const Tensor& a) { return matmul(a, transpose(a)); }
Tensor symmetric(const Tensor& a) { return add(a, transpose(a)); }

const Shape kSquares[] = {{1, 1}, {3, 3}, {2, 5, 5}, {2, 2, 4, 4}, {9, 9}, {0, 3, 3}, {0, 0}};
const Shape kRectangles[] = {{4, 2}, {2, 4}, {3, 3}, {2, 7, 3}, {2, 3, 7}, {1, 5}, {5, 1}};

void check_orthonormal(const Tensor& q) {
  const Tensor gram = matmul(transpose(q), q);
  const int64_t n = q.shape().back();
  check_close(gram, expand(cast(unit_matrix(n), q.dtype()), gram.shape()), q.dtype() == Dtype::f64 ? 0x1p-52 : 0x1p-23,
              8);
}

}  // namespace

OP_CASE("solve") {
  for (const Shape& shape : kSquares) {
    Shape b = shape;
    b[b.rank() - 1] = 3;
    check({.call = [](const Tensors& in) { return solve(in[0], in[1]); },
           .inputs = {gentle(shape), normal(b, 1)},
           .tolerance = 8});
  }
  check({.call = [](const Tensors& in) { return solve(in[0], in[1]); },  // batches broadcast
         .inputs = {gentle({3, 1, 4, 4}), normal({2, 4, 2}, 1)},
         .tolerance = 8});
  check({.call = [](const Tensors& in) { return solve(in[0], in[1], false); },
         .composed = [](const Tensors& in) { return matmul(in[1], inverse(in[0])); },
         .inputs = {gentle({4, 4}), normal({2, 3, 4}, 1)},
         .tolerance = 8});
  for (const Shape& b : {Shape{4}, {2, 4}})
    check({.call = [](const Tensors& in) { return solve(in[0], in[1]); },
           .inputs = {gentle({2, 4, 4}), normal(b, 1)},
           .tolerance = 8});
  const Tensor singular = concat({gentle({1, 2, 2}), zeros({1, 2, 2}, Dtype::f64)});
  CHECK_THROWS_WITH_AS(solve(singular, ones({2, 2, 1}, Dtype::f64)),
                       doctest::Contains("matrix (1,) of (2, 2, 2) f64 cpu is singular: pivot 1 is 0"), ValueError);
  CHECK_THROWS_AS(solve(zeros({2, 3}), zeros({2, 1})), ShapeError);
  CHECK_THROWS_AS(solve(ones({2, 2}), zeros({3, 1})), ShapeError);
  CHECK_THROWS_AS(solve(ones({2, 2}, Dtype::i64), zeros({2, 1})), DtypeError);
}

OP_CASE("solve_triangular") {
  for (bool upper : {false, true})
    for (bool transposed : {false, true})
      for (bool left : {false, true})
        for (bool unit : {false, true}) {
          const TriangularOptions options{upper, left, transposed, unit};
          check({.call = [options](const Tensors& in) { return solve_triangular(in[0], in[1], options); },
                 .inputs = {gentle({2, 4, 4}), normal({2, 4, 4}, 1)},
                 .tolerance = 8});
        }
  for (const Shape& shape : kSquares)
    check({.call = [](const Tensors& in) { return solve_triangular(in[0], in[1]); },
           .inputs = {gentle(shape), normal({shape.back(), 2}, 1)},
           .tolerance = 8});
  const Tensor a = from_vector<double>({2, 100, 3, 4}, {2, 2}), b = from_vector<double>({2, 11}, {2, 1});
  check_close(solve_triangular(a, b), from_vector<double>({1, 2}, {2, 1}), 0x1p-52);
  CHECK_THROWS_WITH_AS(solve_triangular(from_vector<double>({1, 0, 5, 0}, {2, 2}), b),
                       doctest::Contains("element 2 of its diagonal is 0"), ValueError);
}

OP_CASE("inverse") {
  for (const Shape& shape : kSquares)
    check({.call = [](const Tensors& in) { return inverse(in[0]); }, .inputs = {gentle(shape)}, .tolerance = 8});
  CHECK_THROWS_AS(inverse(zeros({3, 3})), ValueError);
}

OP_CASE("det") {
  for (const Shape& shape : kSquares)
    check({.call = [](const Tensors& in) { return det(in[0]); }, .inputs = {gentle(shape)}, .tolerance = 8});
  CHECK(det(zeros({0, 0})).item() == 1);
  // At singular matrices of rank n - 1 (the second to rounding only) the gradient is there, and right, also beside a
  // matrix whose singular values are all the same.
  const Tensor singular = from_vector<double>({1, 2, 0, 2, 4, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9}, {2, 3, 3});
  check({.call = [](const Tensors& in) { return det(in[0]); },
         .inputs = {concat({singular, reshape(unit_matrix(3), {1, 3, 3})})},
         .tolerance = 1e3});
}

OP_CASE("slogdet") {
  for (const Shape& shape : kSquares)
    check({.call = [](const Tensors& in) { return slogdet(in[0]).logabsdet; },
           .inputs = {gentle(shape)},
           .tolerance = 8});
  const SignLogDet odd = slogdet(from_vector<double>({0, 2, 3, 0}, {2, 2}));
  CHECK(odd.sign.item() == -1);
  CHECK(odd.logabsdet.item() == doctest::Approx(std::log(6)));
  Tensor none = zeros({2, 2});
  CHECK(slogdet(none).sign.item() == 0);
  CHECK(slogdet(none).logabsdet.item() == -std::numeric_limits<double>::infinity());
  require_grad(none);
  CHECK_THROWS_AS(grad({slogdet(none).logabsdet}, {none}), ValueError);
}

OP_CASE("lu_factor") {
  for (const Shape& shape : kRectangles)
    check({.call = [](const Tensors& in) { return square(lu_factor(in[0]).lu); },
           .inputs = {normal(shape)},
           .tolerance = 64});
}

OP_CASE("lu") {
  for (const Shape& shape : kRectangles) {
    const auto call = [](const Tensors& in) {
      const Lu f = lu(in[0]);
      return matmul(f.p, matmul(mul(f.l, f.l), mul(f.u, f.u)));
    };
    check({.call = call, .inputs = {normal(shape)}, .tolerance = 64});
    const Lu f = lu(normal(shape));
    check_close(matmul(f.p, matmul(f.l, f.u)), normal(shape), 0x1p-52);
  }
}

OP_CASE("lu_solve") {
  check({.call = [](const Tensors& in) { return lu_solve(lu_factor(in[0]), in[1]); },
         .composed = [](const Tensors& in) { return solve(in[0], in[1]); },
         .inputs = {gentle({2, 4, 4}), normal({2, 4, 3}, 1)},
         .tolerance = 16});
  const LuFactors wrong{ones({2, 2}), from_vector<int32_t>({1, 3})};
  CHECK_THROWS_WITH_AS(lu_solve(wrong, ones({2, 1})), doctest::Contains("pivot 3 is outside [1, 2]"), IndexError);
}

OP_CASE("cholesky") {
  for (const Shape& shape : kSquares)
    for (bool upper : {false, true})
      check({.call = [upper](const Tensors& in) { return cholesky(positive(in[0]), upper); },
             .inputs = {gentle(shape)},
             .tolerance = 16});
  const Tensor bad = from_vector<double>({1, 2, 2, 1}, {2, 2});
  CHECK_THROWS_WITH_AS(cholesky(bad), doctest::Contains("leading minor of order 2 is not positive"), ValueError);
}

OP_CASE("qr") {
  for (const Shape& shape : kRectangles) {
    check({.call =
               [](const Tensors& in) {
                 const Qr f = qr(in[0]);
                 return matmul(square(f.q), square(f.r));
               },
           .inputs = {normal(shape)},
           .tolerance = 64});
    const Qr whole = qr(normal(shape), QrMode::complete);
    check_close(matmul(whole.q, whole.r), normal(shape), 0x1p-52);
    check_close(qr(normal(shape), QrMode::r).r, qr(normal(shape)).r, 0x1p-52, 8);
  }
  check(
      {.call = [](const Tensors& in) { return qr(in[0], QrMode::r).r; }, .inputs = {normal({5, 3})}, .tolerance = 64});
  Tensor tall = normal({4, 2});
  require_grad(tall);
  CHECK_THROWS_AS(grad({sum(qr(tall, QrMode::complete).q)}, {tall}), GradError);
}

OP_CASE("eigh") {
  for (const Shape& shape : {Shape{1, 1}, {2, 2}, {2, 4, 4}, {7, 7}})
    for (bool upper : {false, true})
      check({.call =
                 [upper](const Tensors& in) {
                   const Eigen e = eigh(symmetric(in[0]), upper);
                   return add(square(e.vectors), unsqueeze(e.values, -1));
                 },
             .inputs = {normal(shape, 3)},
             .tolerance = 400});
  CHECK_THROWS_AS(eigh(full({2, 2}, NAN)), ValueError);
}

OP_CASE("eigvalsh") {
  check({.call = [](const Tensors& in) { return eigvalsh(symmetric(in[0])); },
         .inputs = {normal({2, 4, 4})},
         .tolerance = 100});
  CHECK(eigvalsh(zeros({0, 0})).shape() == Shape{0});
}

OP_CASE("svd") {
  for (const Shape& shape : kRectangles)
    check({.call =
               [](const Tensors& in) {
                 const Svd d = svd(in[0]);
                 return matmul(mul(square(d.u), unsqueeze(exp(neg(d.s)), -2)), square(d.vh));
               },
           .inputs = {normal(shape, 5)},
           .tolerance = 400});
  for (const Shape& shape : kRectangles) {
    const Svd d = svd(normal(shape), true);
    check_orthonormal(d.u);
    check_orthonormal(transpose(d.vh));
  }
  CHECK_THROWS_AS(svd(full({2, 2}, INFINITY)), ValueError);
}

OP_CASE("svdvals") {
  for (const Shape& shape : kRectangles)
    check({.call = [](const Tensors& in) { return svdvals(in[0]); }, .inputs = {normal(shape)}, .tolerance = 100});
  // A value that comes twice still has a gradient.
  Tensor unit = mul(unit_matrix(3), 2);
  require_grad(unit);
  check_close(grad({sum(svdvals(unit))}, {unit})[0], mul(unit.detach(), 0.5), 0x1p-52, 8);
}

OP_CASE("pinv") {
  for (const Shape& shape : kRectangles)
    check({.call = [](const Tensors& in) { return pinv(in[0]); }, .inputs = {normal(shape)}, .tolerance = 400});
  const Tensor flat = from_vector<double>({1, 2, 2, 4}, {2, 2});
  check_close(pinv(flat), from_vector<double>({0.04, 0.08, 0.08, 0.16}, {2, 2}), 0x1p-52, 8);
  CHECK(pinv(zeros({2, 0, 3})).shape() == Shape{2, 3, 0});
}

OP_CASE("matrix_rank") {
  survey_types({.call = [](const Tensors& in) { return matrix_rank(in[0]); }, .inputs = {normal({5, 4})}});
  CHECK(matrix_rank(from_vector<double>({1, 2, 2, 4}, {2, 2})).item() == 1);
  CHECK(matrix_rank(normal({3, 5, 4})).to_vector<int64_t>() == std::vector<int64_t>{4, 4, 4});
  CHECK(matrix_rank(zeros({2, 0})).item() == 0);
  CHECK(matrix_rank(from_vector<double>({3, 0, 0, 1}, {2, 2}), {.absolute = 2}).item() == 1);
  CHECK(matrix_rank(empty({3, 5, 4}, Dtype::f32, Device::meta)).shape() == Shape{3});
}

OP_CASE("lstsq") {
  for (const Shape& a : {Shape{2, 5, 3}, {3, 3}, {2, 5}})
    check({.call = [](const Tensors& in) { return lstsq(in[0], in[1]).solution; },
           .inputs = {normal(a), normal({a.back(1), 2}, 1)},
           .tolerance = 400});
  const LeastSquares line =
      lstsq(from_vector<double>({1, 0, 1, 1, 1, 2}, {3, 2}), from_vector<double>({1, 3, 4}, {3, 1}));
  check_close(line.solution, from_vector<double>({7. / 6, 1.5}, {2, 1}), 0x1p-52, 8);
  check_close(line.residuals, from_vector<double>({1. / 6}), 0x1p-52, 64);
  CHECK(line.rank.item() == 2);
}

OP_CASE("matrix_norm") {
  for (const char* order : {"fro", "nuc"})
    check({.call = [order](const Tensors& in) { return matrix_norm(in[0], order); },
           .inputs = {normal({2, 4, 3})},
           .tolerance = 64});
  constexpr double inf = std::numeric_limits<double>::infinity();
  for (double order : {1., -1., 2., -2., inf, -inf})
    check({.call = [order](const Tensors& in) { return matrix_norm(in[0], order); },
           .inputs = {normal({2, 3, 4})},
           .tolerance = 64});
  Tensor none = zeros({2, 2});
  require_grad(none);
  CHECK(sum(abs(grad({matrix_norm(none)}, {none})[0])).item() == 0);
  CHECK_THROWS_AS(matrix_norm(none, 3), ValueError);
  CHECK_THROWS_AS(matrix_norm(none, "max"), ValueError);
}

OP_CASE("cond") {
  constexpr double inf = std::numeric_limits<double>::infinity();
  for (double order : {1., -1., 2., -2., inf, -inf})
    check({.call = [order](const Tensors& in) { return cond(in[0], order); },
           .inputs = {gentle({2, 3, 3})},
           .tolerance = 64});
}

OP_CASE("matrix_exp") {
  for (const Shape& shape : kSquares)
    check({.call = [](const Tensors& in) { return matrix_exp(in[0]); }, .inputs = {normal(shape)}, .tolerance = 16});
  // A batch whose matrices want different scales: exp(diag(d)) = diag(exp(d)).
  Tensor diagonal = zeros({3, 2, 2}, Dtype::f64);
  const double values[] = {1e-9, -2, 20, 30, -50, 3};
  for (int i = 0; i < 6; ++i) diagonal.data<double>()[i / 2 * 4 + i % 2 * 3] = values[i];
  const Tensor e = matrix_exp(diagonal);
  for (int i = 0; i < 6; ++i)
    CHECK(e.data<double>()[e.strides()[0] * (i / 2) + i % 2 * 3] ==
          doctest::Approx(std::exp(values[i])).epsilon(1e-12));
  check({.call = [](const Tensors& in) { return matrix_exp(in[0]); },
         .inputs = {mul(normal({2, 3, 3}), from_vector<double>({0.1, 6}, {2, 1, 1}))},
         .tolerance = 64});
}

OP_CASE("matrix_power") {
  for (int64_t n : {-3, -1, 0, 1, 2, 5})
    check({.call = [n](const Tensors& in) { return add(matrix_power(in[0], n), mul(in[0], 0)); },
           .inputs = {gentle({2, 3, 3})},
           .tolerance = 16});
}

OP_CASE("dot") {
  for (int64_t n : {0, 1, 17})
    check({.call = [](const Tensors& in) { return dot(in[0], in[1]); }, .inputs = {normal({n}), normal({n}, 1)}});
  CHECK_THROWS_AS(dot(zeros({2}), zeros({3})), ShapeError);
  CHECK_THROWS_AS(dot(zeros({2, 2}), zeros({2, 2})), ShapeError);
}
OP_CASE("vdot") {
  check({.call = [](const Tensors& in) { return vdot(in[0], in[1]); }, .inputs = {normal({5}), normal({5}, 1)}});
}
OP_CASE("vecdot") {
  check({.call = [](const Tensors& in) { return vecdot(in[0], in[1], 1); },
         .inputs = {normal({2, 5, 3}), normal({5, 1}, 1)}});
}
OP_CASE("outer") {
  check({.call = [](const Tensors& in) { return outer(in[0], in[1]); }, .inputs = {normal({5}), normal({3}, 1)}});
}

OP_CASE("cross") {
  check({.call = [](const Tensors& in) { return cross(in[0], in[1]); }, .inputs = {normal({4, 3}), normal({3}, 1)}});
  check({.call = [](const Tensors& in) { return cross(in[0], in[1], 0); },
         .inputs = {normal({3, 2}), normal({3, 2}, 1)}});
  check_close(cross(from_vector<double>({1, 0, 0}), from_vector<double>({0, 1, 0})), from_vector<double>({0, 0, 1}), 0);
  CHECK_THROWS_AS(cross(zeros({4}), zeros({4})), ShapeError);
}

OP_CASE("kron") {
  check({.call = [](const Tensors& in) { return kron(in[0], in[1]); }, .inputs = {normal({2, 3}), normal({4, 2}, 1)}});
  check({.call = [](const Tensors& in) { return kron(in[0], in[1]); }, .inputs = {normal({3}), normal({2, 2, 2}, 1)}});
  CHECK_THROWS_AS(kron(zeros({1, 1, 1, 1, 1}), zeros({2})), ShapeError);
}

OP_CASE("multi_dot") {
  check({.call = [](const Tensors& in) { return multi_dot(in); },
         .composed = [](const Tensors& in) { return matmul(matmul(in[0], in[1]), matmul(in[2], in[3])); },
         .inputs = {normal({5, 2}), normal({2, 7}, 1), normal({7, 3}, 2), normal({3, 4}, 3)}});
  check({.call = [](const Tensors& in) { return multi_dot(in); },
         .inputs = {normal({2}), normal({2, 7}, 1), normal({7}, 2)}});
  CHECK_THROWS_AS(multi_dot({zeros({2, 2})}), ValueError);
  CHECK_THROWS_AS(multi_dot({zeros({2, 3}), zeros({2, 3})}), ShapeError);
}

TEST_CASE("linear algebra: large matrices, cut into panels and strips") {
  for (int64_t n : {192, 200, 333}) {
    const Tensor a = normal({n, n}), b = normal({n, n - 5}, 1);
    check_close(matmul(a, solve(a, b)), b, 0x1p-52, 1e4);
    check_close(matmul(transpose(a), solve(transpose(a), b)), b, 0x1p-52, 1e4);
    const Lu f = lu(narrow(a, 1, 0, n - 7));
    check_close(matmul(f.p, matmul(f.l, f.u)), narrow(a, 1, 0, n - 7), 0x1p-52, 1e2);
    const Tensor l = cholesky(positive(a));
    check_close(positive(l), positive(a), 0x1p-52, 1e2);
    for (const Tensor& x : {a, narrow(a, 0, 0, n - 40), narrow(a, 1, 0, n - 40)})
      for (QrMode mode : {QrMode::reduced, QrMode::complete}) {
        const Qr d = qr(x, mode);
        check_close(matmul(d.q, d.r), x, 0x1p-52, 1e2);
        const Tensor gram = matmul(transpose(d.q), d.q);
        check_close(matmul(gram, d.r), d.r, 0x1p-52, 1e2);
      }
  }
  Tensor late = normal({250, 250});
  for (int64_t i = 0; i < 250; ++i) late.data<double>()[i * 250 + 200] = 0;
  CHECK_THROWS_WITH_AS(solve(late, late), doctest::Contains("pivot 201 is 0"), ValueError);
  Tensor weak = positive(normal({250, 250}));
  weak.data<double>()[230 * 250 + 230] = -1;
  CHECK_THROWS_WITH_AS(cholesky(weak), doctest::Contains("order 231 "), ValueError);
}

TEST_CASE("linear algebra: the same bits on any number of threads") {
  const Tensor a = cast(normal({300, 300}), Dtype::f32), many = cast(normal({40, 12, 12}), Dtype::f32);
  check_threads(
      [&] {
        Tensors out;
        for (const Tensor& x : {a, many}) {
          out.push_back(solve(x, x));
          out.push_back(inverse(x));
          out.push_back(cholesky(add(positive(x), positive(x))));
          const Qr d = qr(x);
          out.push_back(d.q);
          out.push_back(d.r);
          out.push_back(svd(x).u);
          out.push_back(eigh(positive(x)).vectors);
        }
        return out;
      },
      "linear algebra");
}

TEST_CASE("linear algebra: nothing is too small") {
  for (const Shape& shape : {Shape{0, 3}, {3, 0}, {0, 0}, {2, 0, 3}, {0, 2, 3}}) {
    const Tensor x = zeros(shape);
    CHECK(svd(x).s.shape().back() == std::min(shape.back(), shape.back(1)));
    CHECK(qr(x).r.shape().back() == shape.back());
    CHECK(qr(x, QrMode::complete).q.shape().back() == shape.back(1));
    CHECK(lu(x).p.shape().back() == shape.back(1));
    CHECK(pinv(x).shape().back() == shape.back(1));
    CHECK(svd(x, true).u.shape().back() == shape.back(1));
  }
  check_orthonormal(svd(zeros({3, 0}), true).u);  // any basis will do
  check_orthonormal(qr(zeros({3, 0}), QrMode::complete).q);
}
