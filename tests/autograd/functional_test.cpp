#include "autograd/functional.h"

#include <doctest/doctest.h>

#include <cmath>

#include "autograd/autograd.h"
#include "autograd/gradcheck.h"
#include "base/error.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"

using namespace gradus;

namespace {

Tensor numbers(const Shape& shape, uint64_t stream) { return random_normal(shape, {5, stream}, 0, 1, Dtype::f64); }

void check_close(const Tensor& a, const Tensor& b, double tolerance = 1e-12) {
  REQUIRE(a.shape() == b.shape());
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  double worst = 0, size = 1;
  for (size_t i = 0; i < x.size(); ++i) {
    worst = std::max(worst, std::abs(x[i] - y[i]));
    size = std::max(size, std::abs(y[i]));
  }
  CHECK(worst <= tolerance * size);
}

// J contracted with v over the last axes / with u over the first ones, from the whole Jacobian.
Tensor contract_last(const Tensor& j, const Tensor& v, const Shape& out) {
  return reshape(matmul(reshape(j, {out.count(), v.count()}), reshape(v, {v.count(), 1})), out);
}
Tensor contract_first(const Tensor& j, const Tensor& u, const Shape& in) {
  return reshape(matmul(reshape(u, {1, u.count()}), reshape(j, {u.count(), in.count()})), in);
}

Tensor curved(const Tensor& x) { return mul(softmax(tanh(x)), exp(sum(x, -1, keep_axis))); }
Tensor energy(const Tensor& x) { return sum(mul(exp(mul(x, 0.3)), sin(sum(x, 0, keep_axis)))); }

}  // namespace

TEST_CASE("gradient of a quadratic form is (A + A^T) x") {
  const Tensor a = numbers({4, 4}, 0), x = numbers({4}, 1);
  const auto f = [&](const Tensor& p) { return sum(mul(p, reshape(matmul(a, reshape(p, {4, 1})), {4}))); };
  const Tensor expected = reshape(matmul(add(a, transpose(a)), reshape(x, {4, 1})), {4});
  check_close(gradient(f, x), expected);
  check_close(hessian(f, x), add(a, transpose(a)));
  const Tensor v = numbers({4}, 2);
  check_close(hvp(f, x, v), reshape(matmul(add(a, transpose(a)), reshape(v, {4, 1})), {4}));
  check_close(vhp(f, x, v), hvp(f, x, v));
  CHECK(directional_derivative(f, x, v).item() == doctest::Approx(sum(mul(expected, v)).item()));
}

TEST_CASE("rows and columns give one Jacobian, and jvp and vjp are its products") {
  const Tensor x = numbers({3, 4}, 3), v = numbers({3, 4}, 4), u = numbers({3, 4}, 5);
  const Tensor by_rows = jacobian(curved, x, JacobianBy::rows), by_columns = jacobian(curved, x, JacobianBy::columns);
  CHECK(by_rows.shape() == Shape{3, 4, 3, 4});
  check_close(by_rows, by_columns);
  check_close(jvp(curved, x, v), contract_last(by_rows, v, x.shape()));
  check_close(vjp(curved, x, u), contract_first(by_rows, u, x.shape()));
  // u . (J v) = (J^T u) . v
  CHECK(sum(mul(u, jvp(curved, x, v))).item() == doctest::Approx(sum(mul(vjp(curved, x, u), v)).item()));

  const double h = 1e-6;
  const Tensor slope = mul(sub(curved(add(x, mul(v, h))), curved(sub(x, mul(v, h)))), 0.5 / h);
  check_close(jvp(curved, x, v), slope, 1e-8);
}

TEST_CASE("a tall Jacobian is made of columns, a wide one of rows") {
  const Tensor w = numbers({5, 2}, 6);
  const auto tall = [&](const Tensor& x) { return reshape(matmul(w, reshape(x, {2, 1})), {5}); };
  check_close(jacobian(tall, numbers({2}, 7)), w);
  const auto wide = [&](const Tensor& x) { return reshape(matmul(transpose(w), reshape(x, {5, 1})), {2}); };
  check_close(jacobian(wide, numbers({5}, 8)), transpose(w));
}

TEST_CASE("several inputs and outputs, blocks of zeros included") {
  const Tensor a = numbers({2}, 9), b = numbers({3}, 10);
  const auto f = [](const Tensors& in) { return Tensors{mul(in[0], in[0]), sum(exp(in[1]))}; };
  for (const JacobianBy by : {JacobianBy::rows, JacobianBy::columns}) {
    const auto j = jacobian(f, {a, b}, by);
    REQUIRE(j.size() == 2);
    const auto x = a.to_vector<double>();
    check_close(j[0][0], from_vector<double>({2 * x[0], 0, 0, 2 * x[1]}, {2, 2}));
    check_close(j[0][1], zeros({2, 3}, Dtype::f64));
    check_close(j[1][0], zeros({2}, Dtype::f64));
    check_close(j[1][1], exp(b));
  }
  const Tensors pushed = jvp(f, {a, b}, {ones_like(a), ones_like(b)});
  check_close(pushed[0], mul(a, 2.0));
  CHECK(pushed[1].item() == doctest::Approx(sum(exp(b)).item()));
  const auto product = [](const Tensors& in) { return mul(sum(in[0]), sum(mul(in[1], in[1]))); };
  const auto h = hessian(product, {a, b});
  check_close(h[0][1], expand(mul(b, 2.0), {2, 3}));
  check_close(h[1][0], transpose(h[0][1]));
  check_close(h[0][0], zeros({2, 2}, Dtype::f64));
}

TEST_CASE("the Hessian is symmetric, and its products, trace and Laplacian agree with it") {
  const Tensor x = numbers({2, 3}, 11), v = numbers({2, 3}, 12);
  const Tensor h = reshape(hessian(energy, x), {6, 6});
  check_close(h, transpose(h));
  check_close(hvp(energy, x, v), contract_last(h, v, x.shape()));
  double trace = 0;
  for (int64_t i = 0; i < 6; ++i) trace += select(select(h, 0, i), 0, i).item();
  const auto of_list = [](const Tensors& in) { return energy(in[0]); };
  const TraceEstimate estimate = hessian_trace(of_list, {x}, {.samples = 400});
  CHECK(std::abs(estimate.trace - trace) < 4 * estimate.standard_error);
  CHECK(estimate.standard_error > 0);
  // Where H is diagonal every sample is exact.
  const auto diagonal = [](const Tensors& in) { return sum(exp(in[0])); };
  CHECK(hessian_trace(diagonal, {x}, {.samples = 1}).trace == doctest::Approx(sum(exp(x)).item()));
}

TEST_CASE("the Laplacian of |x|^2 exp(x_0), row by row") {
  const Tensor x = numbers({4, 3}, 13);
  const auto f = [](const Tensor& p) { return mul(sum(square(p), -1), exp(select(p, -1, 0))); };
  const Tensor first = select(x, -1, 0), squares = sum(square(x), -1);
  // with r = |x|^2: (r + 4 x_0 + 2 n) exp(x_0)
  check_close(laplacian(f, x), mul(add(add(squares, mul(first, 4.0)), 6.0), exp(first)));
  const auto flat = [](const Tensor& p) { return sum(mul(p, 3.0)); };
  CHECK(laplacian(flat, numbers({3}, 14)).item() == 0);
}

TEST_CASE("derivatives of any order of sin and of a polynomial") {
  const Tensor x = numbers({5}, 15);
  const auto f = [](const Tensor& p) { return sin(p); };
  check_close(derivative(f, x, 0), sin(x));
  check_close(derivative(f, x, 1), cos(x));
  check_close(derivative(f, x, 3), neg(cos(x)));
  check_close(derivative(f, x, 6), neg(sin(x)));
  const auto cube = [](const Tensor& p) { return mul(square(p), p); };
  check_close(derivative(cube, x, 3), full({5}, 6, Dtype::f64));
  check_close(derivative(cube, x, 4), zeros({5}, Dtype::f64));
  check_close(derivative(cube, x, 9), zeros({5}, Dtype::f64));
}

TEST_CASE("a derivative can be differentiated when something below it requires a gradient") {
  // third order of x^4 through three nested gradients
  Tensor x = from_vector<double>({2});
  const auto f = [](const Tensor& p) { return sum(square(square(p))); };
  const auto f1 = [&](const Tensor& p) { return sum(gradient(f, p)); };
  const auto f2 = [&](const Tensor& p) { return sum(gradient(f1, p)); };
  CHECK(gradient(f2, x).item() == 48);

  // a penalty on a gradient: d/dw sum((w x)^2) ... through backward()
  Tensor w = from_vector<double>({3});
  require_grad(w);
  const auto scaled = [&](const Tensor& p) { return sum(mul(mul(p, p), w)); };
  backward(sum(square(gradient(scaled, x))));  // (2 x w)^2
  CHECK(grad_of(w).item() == 8 * 2 * 2 * 3);
  clear_grad(w);
  backward(sum(hessian(scaled, x)));  // 2 w
  CHECK(grad_of(w).item() == 2);
  clear_grad(w);
  backward(sum(jvp([&](const Tensor& p) { return mul(exp(p), w); }, x, ones_like(x))));  // w exp(x)
  CHECK(grad_of(w).item() == doctest::Approx(std::exp(2.0)));
  clear_grad(w);
  backward(sum(jacobian([&](const Tensor& p) { return mul(square(p), w); }, x, JacobianBy::columns)));  // 2 x w
  CHECK(grad_of(w).item() == 4);
  {
    const NoGrad numbers_only;
    CHECK(!requires_grad(gradient(scaled, x)));
    CHECK(gradient(scaled, x).item() == 12);
  }
  CHECK(!requires_grad(gradient(f, x)));
}

TEST_CASE("gradients through a Jacobian, a Laplacian and a Hessian agree with finite differences") {
  Tensor x = numbers({2, 2}, 16), u = numbers({2, 2}, 17);
  require_grad(x);
  const auto check = [&](const std::function<Tensor(const Tensors&)>& f, bool second = true) {
    const GradCheckResult r = check_gradients(f, {x}, {.tolerance = 1e-5, .second_order = second});
    CHECK_MESSAGE(r.ok, r.where);
  };
  check([](const Tensors& in) { return jacobian(curved, in[0], JacobianBy::rows); });
  check([](const Tensors& in) { return jacobian(curved, in[0], JacobianBy::columns); }, false);
  check([](const Tensors& in) { return hessian(energy, in[0]); }, false);
  check(
      [](const Tensors& in) { return laplacian([](const Tensor& p) { return sum(mul(exp(p), sin(p)), -1); }, in[0]); });
  check([&](const Tensors& in) { return hvp(energy, in[0], u); });
  check([](const Tensors& in) { return derivative([](const Tensor& p) { return tanh(p); }, in[0], 2); });
}

TEST_CASE("gradients of single samples are those of samples alone, and add up to the batch's") {
  Tensor w = numbers({3, 2}, 18);
  require_grad(w);
  const Tensor x = numbers({5, 3}, 19), y = numbers({5, 2}, 20);
  const auto loss = [&](const Tensors& b) { return sum(square(sub(tanh(matmul(b[0], w)), b[1]))); };
  const NoGrad numbers_only;
  const Tensor each = per_sample_gradients(loss, {w}, {x, y})[0];
  CHECK(each.shape() == Shape{5, 3, 2});
  const auto at_w = [&](const Tensor& p) { return sum(square(sub(tanh(matmul(x, p)), y))); };
  check_close(sum(each, 0), gradient(at_w, w));
  const auto third = [&](const Tensor& p) {
    return sum(square(sub(tanh(matmul(narrow(x, 0, 2, 1), p)), narrow(y, 0, 2, 1))));
  };
  check_close(select(each, 0, 2), gradient(third, w));
  CHECK(per_sample_gradients(loss, {w}, {narrow(x, 0, 0, 0), narrow(y, 0, 0, 0)})[0].shape() == Shape{0, 3, 2});
}

TEST_CASE("per-sample gradients can be differentiated") {
  Tensor w = numbers({2}, 21);
  require_grad(w);
  const Tensor x = numbers({3, 2}, 22);
  const auto loss = [&](const Tensors& b) { return sum(mul(square(square(w)), b[0])); };
  backward(sum(per_sample_gradients(loss, {w}, {x})[0]));  // 4 w^3 sum(x) -> 12 w^2 sum(x)
  check_close(grad_of(w), mul(mul(square(w.detach()), sum(x, 0)), 12.0));
}

TEST_CASE("a function of nothing has the derivative 0, whatever its shape; empty tensors have empty ones") {
  const Tensor x = numbers({3}, 23);
  const auto constant = [](const Tensor&) { return ones({2}, Dtype::f64); };
  check_close(jacobian(constant, x), zeros({2, 3}, Dtype::f64));
  check_close(jvp(constant, x, x), zeros({2}, Dtype::f64));
  check_close(vjp(constant, x, ones({2}, Dtype::f64)), zeros({3}, Dtype::f64));
  const auto linear = [](const Tensor& p) { return sum(p); };
  check_close(hessian(linear, x), zeros({3, 3}, Dtype::f64));
  const Tensor none = zeros({0, 2}, Dtype::f64);
  CHECK(jacobian([](const Tensor& p) { return mul(p, 2.0); }, none).shape() == Shape{0, 2, 0, 2});
  CHECK(hessian([](const Tensor& p) { return sum(square(p)); }, none).shape() == Shape{0, 2, 0, 2});
}

TEST_CASE("shapes are known on the meta device") {
  const Tensor x = empty({3, 2}, Dtype::f32, Device::meta);
  const auto f = [](const Tensor& p) { return sum(square(p), -1); };
  CHECK(jacobian(f, x).shape() == Shape{3, 3, 2});
  CHECK(jvp(f, x, x).shape() == Shape{3});
  CHECK(laplacian(f, x).shape() == Shape{3});
}

TEST_CASE("mistakes are named") {
  const Tensor x = numbers({3}, 24);
  const auto f = [](const Tensor& p) { return square(p); };
  CHECK_THROWS_WITH_AS(gradient(f, x), doctest::Contains("[gradient] the function must give one number"), ShapeError);
  CHECK_THROWS_WITH_AS(vjp(f, x, numbers({2}, 0)), doctest::Contains("[vjp] u is (2,) f64"), ShapeError);
  CHECK_THROWS_WITH_AS(jvp(f, x, cast(x, Dtype::f32)), doctest::Contains("[jvp] v is (3,) f32"), DtypeError);
  CHECK_THROWS_AS(jvp(f, x, Tensor()), ValueError);
  CHECK_THROWS_AS(gradient(OneToOne(), x), ValueError);
  CHECK_THROWS_AS(gradient(f, Tensor()), ValueError);
  CHECK_THROWS_AS(jacobian(f, arange(3)), DtypeError);
  CHECK_THROWS_AS(jacobian([](const Tensor&) { return Tensor(); }, x), ValueError);
  CHECK_THROWS_AS(derivative([](const Tensor& p) { return sum(p); }, x), ShapeError);
  CHECK_THROWS_AS(derivative(f, x, -1), ValueError);
  CHECK_THROWS_AS(laplacian(f, x), ShapeError);
  CHECK_THROWS_AS(laplacian(f, scalar(1, Dtype::f64)), ShapeError);
  CHECK_THROWS_AS(hessian_trace([](const Tensors& in) { return sum(in[0]); }, {x}, {.samples = 0}), ValueError);
  CHECK_THROWS_AS(hessian(f, zeros({2, 2, 2, 2, 2}, Dtype::f64)), ShapeError);
  const auto loss = [&](const Tensors& b) { return sum(b[0]); };
  CHECK_THROWS_AS(per_sample_gradients(loss, {x}, {x}), GradError);
  CHECK_THROWS_AS(per_sample_gradients(loss, {}, {}), ValueError);
  CHECK_THROWS_AS(per_sample_gradients(loss, {}, {x, numbers({2}, 0)}), ShapeError);
}
