#include "autograd/gradcheck.h"

#include <algorithm>
#include <cmath>

#include "autograd/autograd.h"
#include "autograd/record.h"
#include "base/error.h"
#include "base/random.h"
#include "kernels/table.h"

namespace gradus {

namespace {

using CheckedFunction = std::function<Tensor(const Tensors&)>;

Tensor copy_of(const Tensor& x) {
  const Tensor y = empty_like(x);
  kernels(x.device()).copy({.x = x, .y = y});
  return y;
}

// Fixed weights in [0.5, 1.5): no output element can hide behind another.
Tensor weights_like(const Tensor& y, uint64_t stream) {
  const Tensor w = empty_like(y);
  kernels(y.device())
      .random({.y = w, .distribution = Distribution::uniform, .key = {1234, stream}, .a = 0.5, .b = 1.5});
  return w;
}

double weighted_sum(const Tensor& y, const Tensor& weights) {
  const auto values = y.to_vector<double>(), w = weights.to_vector<double>();
  double total = 0;
  for (size_t i = 0; i < values.size(); ++i) total += values[i] * w[i];
  return total;
}

// Leaves that stand for the inputs; integer inputs and those without gradient pass through.
Tensors fresh_leaves(const Tensors& inputs) {
  Tensors leaves;
  for (const Tensor& x : inputs) {
    Tensor y = x;
    if (requires_grad(x)) {
      y = copy_of(x.detach());
      require_grad(y);
    }
    leaves.push_back(y);
  }
  return leaves;
}

Tensors wanted_of(const Tensors& leaves) {
  Tensors wanted;
  for (const Tensor& x : leaves)
    if (requires_grad(x)) wanted.push_back(x);
  return wanted;
}

// First order at `inputs`; the gradient function itself for the second order.
void compare(const CheckedFunction& f, const Tensors& inputs, const GradCheckOptions& options, const char* order,
             GradCheckResult& result) {
  Tensors leaves = fresh_leaves(inputs);
  const Tensor y = f(leaves);
  if (!requires_grad(y))
    throw GradError("gradcheck", "the function's result does not depend on any input that requires a gradient.");
  const Tensor weights = weights_like(y, 0);
  const Tensors wanted = wanted_of(leaves), rule = grad({y}, wanted, {weights});

  size_t which = 0;
  for (size_t k = 0; k < leaves.size(); ++k) {
    if (!requires_grad(leaves[k])) continue;
    const Tensor& x = leaves[k];
    const Tensor& dx = rule[which++];
    const auto analytic =
        dx.defined() ? dx.to_vector<double>() : std::vector<double>(static_cast<size_t>(x.count()), 0.0);
    double scale = 1;
    for (double a : analytic) scale = std::max(scale, std::abs(a));
    const int64_t n = x.count(), stride = std::max<int64_t>(1, n / options.max_entries);
    double* p = x.data<double>();
    for (int64_t i = 0; i < n; i += stride) {
      const double before = p[i], h = options.step * std::max(1.0, std::abs(before));
      const EnableGrad on;  // a second-order check differentiates inside f
      p[i] = before + h;
      const double high = weighted_sum(f(leaves).detach(), weights);
      p[i] = before - h;
      const double low = weighted_sum(f(leaves).detach(), weights);
      p[i] = before;
      const double numeric = (high - low) / (2 * h), error = std::abs(numeric - analytic[static_cast<size_t>(i)]);
      const double used = std::isfinite(error) ? error / (options.tolerance * scale) : 1e300;
      if (used <= result.worst) continue;
      result.worst = used;
      result.ok = used <= 1;
      result.where = std::string(order) + " input " + std::to_string(k) + ", entry " + std::to_string(i) + ": rule " +
                     std::to_string(analytic[static_cast<size_t>(i)]) + ", finite difference " +
                     std::to_string(numeric);
    }
  }
}

}  // namespace

GradCheckResult check_gradients(const CheckedFunction& f, const Tensors& inputs, GradCheckOptions options) {
  for (const Tensor& x : inputs)
    if (requires_grad(x) && x.dtype() != Dtype::f64)
      throw DtypeError("gradcheck", "finite differences need f64 inputs, got " + x.describe() + ".");
  GradCheckResult result;
  compare(f, inputs, options, "first order,", result);
  if (!options.second_order) return result;

  // The gradients of f, laid end to end, are one more function to differentiate.
  const CheckedFunction gradient = [&f](const Tensors& leaves) {
    const Tensor y = f(leaves);
    const Tensors wanted = wanted_of(leaves);
    const Tensors d = grad({y}, wanted, {weights_like(y, 1)}, {.create_graph = true});
    Tensors flat;
    int64_t total = 0;
    for (size_t i = 0; i < d.size(); ++i) {
      if (!d[i].defined()) continue;
      flat.push_back(d[i]);
      total += d[i].count();
    }
    const Tensor out = empty({total}, Dtype::f64);
    std::vector<Shape> shapes;
    int64_t at = 0;
    for (const Tensor& part : flat) {
      const Tensor slot = out.strided(part.shape(), contiguous_strides(part.shape()), part.count() ? at : 0);
      kernels(Device::cpu).copy({.x = part, .y = slot});
      shapes.push_back(part.shape());
      at += part.count();
    }
    record("gradcheck", flat, Tensors{out}, [shapes](const Tensor& dy) {
      Grads parts;
      int64_t from = 0;
      for (const Shape& shape : shapes) {
        parts.push_back(dy.strided(shape, contiguous_strides(shape), shape.count() ? from : 0));
        from += shape.count();
      }
      return parts;
    });
    return out;
  };
  bool linear = false;  // a gradient that depends on no input has nothing to check
  {
    const Tensors leaves = fresh_leaves(inputs);
    linear = !requires_grad(gradient(leaves));
  }
  if (!linear) compare(gradient, inputs, options, "second order,", result);
  return result;
}

}  // namespace gradus
