// The derivatives of functional.h that are sums, orders and samples of others.
#include <algorithm>
#include <cmath>
#include <string>

#include "autograd/autograd.h"
#include "autograd/evaluation.h"
#include "autograd/record.h"
#include "autograd/window.h"
#include "base/error.h"
#include "kernels/table.h"

namespace gradus {

using detail::Assembly;
using detail::Evaluation;
using detail::listed;
using detail::ones_like;
using detail::Window;
using detail::zeros_like;

namespace {

// Entry k of the last axis of a dense (..., n), as (...).
Window entry(const Shape& shape, int64_t k) {
  Window w{shape, contiguous_strides(shape), k};
  w.shape.erase(shape.rank() - 1);
  w.strides.erase(shape.rank() - 1);
  return w;
}

// sum_k rows[k][..., k]: rows (..., n) -> (...).
Tensor diagonal_sum(const Tensors& rows, const Tensor& like) {
  const Tensor y = zeros_like(like);
  for (size_t k = 0; k < rows.size(); ++k) {
    const Tensor picked = detail::take(rows[k].detach(), entry(rows[k].shape(), static_cast<int64_t>(k)));
    kernels(y.device()).binary({.f = Binary::add, .a = y, .b = picked, .y = y});
  }
  record("diagonal_sum", rows, Tensors{y}, [shape = rows[0].shape(), n = rows.size()](const Tensor& dy) {
    Grads d;
    for (size_t k = 0; k < n; ++k) {
      Assembly row(shape, dy.dtype(), dy.device(), true);
      row.put(dy, entry(shape, static_cast<int64_t>(k)));
      d.push_back(row.finish());
    }
    return d;
  });
  return y;
}

double dot(const Tensor& a, const Tensor& b) {
  const auto x = a.to_vector<double>(), y = b.to_vector<double>();
  double total = 0;
  for (size_t i = 0; i < x.size(); ++i) total += x[i] * y[i];
  return total;
}

}  // namespace

Tensor laplacian(const OneToOne& f, const Tensor& x) {
  const Evaluation e("laplacian", listed(f), Tensors{x});
  const Tensor &in = e.inputs[0], &y = e.outputs[0];
  if (in.rank() < 1) throw ShapeError("laplacian", "x must have an axis of coordinates, got " + in.describe() + ".");
  const int64_t n = in.size(-1);
  Shape leading = in.shape();
  leading.erase(in.rank() - 1);
  if (y.shape() != leading || y.dtype() != in.dtype())
    throw ShapeError("laplacian",
                     "f(x) must be " + leading.str() + " for x " + in.describe() + ", got " + y.describe() + ".");
  const EnableGrad on;
  const Tensor slope = e.pull({ones_like(y)}, true, true)[0];
  if (!requires_grad(slope) || n == 0) return zeros_like(y);
  Tensors rows;
  for (int64_t k = 0; k < n; ++k) {
    const Tensor direction = zeros_like(in);
    kernels(in.device()).fill({.y = entry(in.shape(), k).of(direction), .value = 1});
    const Tensor row = grad({slope}, {in}, {direction}, {.retain_graph = true, .create_graph = e.differentiable})[0];
    rows.push_back(row.defined() ? row : zeros_like(in));
  }
  return diagonal_sum(rows, y);
}

TraceEstimate hessian_trace(const ManyToOne& f, const Tensors& xs, TraceOptions options) {
  if (options.samples < 1)
    throw ValueError("hessian_trace", "needs at least one sample, got " + std::to_string(options.samples) + ".");
  const NoGrad numbers;
  double sum = 0, squares = 0;
  for (int s = 0; s < options.samples; ++s) {
    Tensors signs;
    for (size_t i = 0; i < xs.size(); ++i) {
      if (!xs[i].defined()) throw ValueError("hessian_trace", "an input is undefined.");
      if (!is_floating(xs[i].dtype()))
        throw DtypeError("hessian_trace", "inputs must be floating, got " + xs[i].describe() + ".");
      const Tensor z = empty_like(xs[i]);
      const RandomKey key = options.key.fold(static_cast<uint64_t>(s)).fold(i);
      kernels(z.device()).random({.y = z, .distribution = Distribution::uniform, .key = key, .a = -1, .b = 1});
      kernels(z.device()).unary({.f = Unary::sign, .x = z, .y = z});
      signs.push_back(z);
    }
    const Tensors image = hvp(f, xs, signs);
    double one = 0;
    for (size_t i = 0; i < xs.size(); ++i) one += dot(signs[i], image[i]);
    sum += one;
    squares += one * one;
  }
  const double n = options.samples, mean = sum / n;
  const double variance = n > 1 ? std::max(0.0, (squares - n * mean * mean) / (n - 1)) : 0;
  return {mean, std::sqrt(variance / n)};
}

Tensor derivative(const OneToOne& f, const Tensor& x, int order) {
  if (order < 0) throw ValueError("derivative", "the order must not be negative, got " + std::to_string(order) + ".");
  const Evaluation e("derivative", listed(f), Tensors{x});
  Tensor y = e.outputs[0];
  if (y.shape() != x.shape())
    throw ShapeError("derivative",
                     "f must work element by element, but made " + y.describe() + " of " + x.describe() + ".");
  const EnableGrad on;
  for (int k = 0; k < order; ++k) {
    if (!requires_grad(y)) return zeros_like(y);
    y = grad({y}, {e.inputs[0]}, {ones_like(y)}, {.create_graph = k + 1 < order || e.differentiable})[0];
    if (!y.defined()) return zeros_like(e.inputs[0]);
  }
  return e.differentiable ? y : y.detach();
}

Tensors per_sample_gradients(const ManyToOne& loss, const Tensors& parameters, const Tensors& batch) {
  const char* op = "per_sample_gradients";
  if (!loss) throw ValueError(op, "the function is empty.");
  if (batch.empty()) throw ValueError(op, "the batch holds no tensor.");
  for (const Tensor& x : batch) {
    if (!x.defined() || x.rank() < 1 || x.size(0) != batch[0].size(0))
      throw ShapeError(op, "every tensor of the batch must count the samples along its first axis; got " +
                               x.describe() + " beside " + batch[0].describe() + ".");
  }
  const bool differentiable = recording();
  const int64_t samples = batch[0].size(0);
  std::vector<Assembly> results;
  for (const Tensor& p : parameters) {
    if (!requires_grad(p))
      throw GradError(op, "a parameter " + p.describe() + " does not require a gradient.",
                      "mark it with require_grad().");
    Shape shape = p.shape();
    shape.insert(0, samples);
    results.emplace_back(shape, p.dtype(), p.device(), differentiable);
  }
  const EnableGrad on;
  for (int64_t s = 0; s < samples; ++s) {
    Tensors sample;
    for (const Tensor& x : batch) {
      Shape one = x.shape();
      one[0] = 1;
      sample.push_back(x.strided(one, x.strides(), s * x.strides()[0]));
    }
    const Tensor value = loss(sample);
    if (!value.defined() || value.count() != 1)
      throw ShapeError(op, "the loss must give one number, got " + value.describe() + ".");
    const Tensors d = requires_grad(value) ? grad({value}, parameters, {}, {.create_graph = differentiable})
                                           : Tensors(parameters.size());
    for (size_t k = 0; k < d.size(); ++k)
      if (d[k].defined()) results[k].put(d[k], Window::dense(d[k].shape(), s * d[k].count()));
  }
  Tensors gradients;
  for (Assembly& result : results) gradients.push_back(result.finish());
  return gradients;
}

}  // namespace gradus
