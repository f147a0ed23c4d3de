#include "optim/muon.h"

#include <algorithm>
#include <cmath>

#include "autograd/autograd.h"
#include "base/error.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/elementwise.h"
#include "ops/math.h"
#include "ops/matmul.h"
#include "ops/shape.h"

namespace gradus {

namespace {

bool is_hidden_matrix(const std::string& name, const Tensor& value) {
  for (const char* outer : {"*wte*", "*wpe*", "*embed*", "*lm_head*"})
    if (matches_pattern(name, outer)) return false;
  return value.rank() == 2;
}

}  // namespace

Tensor newton_schulz(const Tensor& given, int64_t steps, double a, double b, double c, double eps) {
  require_floating("newton_schulz", given);
  if (given.rank() != 2) throw ShapeError("newton_schulz", "needs a matrix, got " + given.describe() + ".");
  const NoGrad no_grad;
  const bool tall = given.size(0) > given.size(1);  // the product X X^T is the smaller one
  Tensor x = contiguous(tall ? transpose(given.detach()) : given.detach());
  const Tensor squares = empty({1}, Dtype::f64, x.device());
  kernels(x.device()).sum_squares({.x = x, .result = squares});
  const double norm = x.device() == Device::meta ? 1 : std::sqrt(squares.item());
  x = mul(x, 1 / std::max(norm, eps));
  for (int64_t i = 0; i < steps; ++i) {
    const Tensor gram = matmul(x, transpose(x));
    // b G + c G G, then a X + that X: the products add to what is there.
    const Tensor factor = mul(gram, b), next = mul(x, a);
    kernels(x.device()).matmul({.a = mul(gram, c), .b = gram, .y = factor, .bias = {}, .accumulate = true});
    kernels(x.device()).matmul({.a = factor, .b = x, .y = next, .bias = {}, .accumulate = true});
    x = next;
  }
  return tall ? transpose(x) : x;
}

Muon::Muon(const Parameters& parameters, const Options& options)
    : Optimizer("muon", parameters, options), options_(options) {
  in_unit("momentum", options.momentum);
  in_unit("beta1", options.beta1);
  in_unit("beta2", options.beta2);
  if (options.ns_steps < 1 || options.ns_steps > 100)
    throw ValueError("muon", "ns_steps must lie in [1, 100], got " + std::to_string(options.ns_steps) + ".");
  for (Slot& s : slots()) {
    if (is_hidden_matrix(s.name, s.value))
      add_state(s, "momentum_buffer");
    else
      add_state(s, "exp_avg"), add_state(s, "exp_avg_sq");
  }
}

// m = momentum m + (1 - momentum) g; u = NS(nesterov: momentum m + (1 - momentum) g, else m);
// p = (1 - rate wd) p - adjusted rate u
void Muon::update(Slot& s, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) {
  const Options& o = options_;
  if (!s.has("momentum_buffer"))
    return kernels(p.device())
        .adamw({p, g, s.of("exp_avg"), s.of("exp_avg_sq"), learning_rate, o.beta1, o.beta2, o.adam_eps, s.weight_decay,
                gradient_scale, steps()});
  const Tensor& m = s.of("momentum_buffer");
  const Tensor grad = gradient_scale == 1 ? g : mul(g, gradient_scale);
  kernels(p.device()).copy({.x = lerp(m, grad, 1 - o.momentum), .y = m});
  const Tensor direction = newton_schulz(o.nesterov ? lerp(grad, m, o.momentum) : m, o.ns_steps, o.a, o.b, o.c, o.eps);
  const auto rows = static_cast<double>(p.size(0)), columns = static_cast<double>(p.size(1));
  const double adjusted = learning_rate * (o.match_rms_adamw ? 0.2 * std::sqrt(std::max(rows, columns))
                                                             : std::sqrt(std::max(1.0, rows / columns)));
  const Tensor kept = mul(p, 1 - learning_rate * s.weight_decay);
  kernels(p.device()).copy({.x = sub(kept, mul(direction, adjusted)), .y = p});
}

}  // namespace gradus
