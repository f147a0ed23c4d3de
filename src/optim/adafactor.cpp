#include "optim/adafactor.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "kernels/table.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

namespace {

bool is_factored(const Tensor& value) { return value.rank() >= 2; }

// to = from, in place.
void assign(const Tensor& to, const Tensor& from) { kernels(to.device()).copy({.x = from, .y = to}); }

double value_of(const Tensor& x) { return x.device() == Device::meta ? 1 : x.item(); }

// The root of the mean square.
double size_of_numbers(const Tensor& x) {
  const Tensor sum = empty({1}, Dtype::f64, x.device());
  kernels(x.device()).sum_squares({.x = x, .result = sum});
  return std::sqrt(value_of(sum) / static_cast<double>(std::max<int64_t>(1, x.count())));
}

}  // namespace

Adafactor::Adafactor(const Parameters& parameters, const Options& options)
    : Optimizer("adafactor", parameters, options), options_(options) {
  in_unit("beta1", options.beta1);
  if (options.warmup_init && !options.relative_step) throw ValueError("adafactor", "warmup_init needs relative_step.");
  if (!(options.clip_threshold > 0)) throw ValueError("adafactor", "clip_threshold must be positive.");
  for (Slot& s : slots()) {
    const Dtype dtype = accumulator_of(s.value.dtype());
    if (is_factored(s.value)) {
      Shape rows = s.value.shape(), columns = s.value.shape();
      rows.erase(rows.rank() - 1);
      columns.erase(columns.rank() - 2);
      add_state(s, "exp_avg_sq_row", rows, dtype);
      add_state(s, "exp_avg_sq_col", columns, dtype);
    } else {
      add_state(s, "exp_avg_sq");
    }
    if (options.beta1 > 0) add_state(s, "exp_avg");
  }
}

// beta = 1 - t^decay_rate; R = beta R + (1 - beta) mean_columns(g^2 + eps), C likewise over rows;
// u = g / sqrt(R C / mean(R)), u /= max(1, RMS(u) / d); p -= rate u, after p -= rate wd p.
void Adafactor::update(Slot& s, const Tensor& p, const Tensor& g, double learning_rate, double gradient_scale) {
  const Options& o = options_;
  const auto t = static_cast<double>(steps());
  double rate = learning_rate;
  if (o.relative_step) {
    const double least = o.warmup_init ? 1e-6 * t : 1e-2;
    rate = std::min(least, 1 / std::sqrt(t)) * s.scale;
  }
  if (o.scale_parameter) rate *= std::max(o.eps_scale, size_of_numbers(p));
  const double beta = 1 - std::pow(t, o.decay_rate);

  const Tensor grad = gradient_scale == 1 ? g : mul(g, gradient_scale);
  Tensor update = add(square(grad), o.eps_square);
  if (is_factored(p)) {
    const Tensor &row = s.of("exp_avg_sq_row"), &column = s.of("exp_avg_sq_col");
    assign(row, add(mul(row, beta), mul(mean(update, -1), 1 - beta)));
    assign(column, add(mul(column, beta), mul(mean(update, -2), 1 - beta)));
    const Tensor r = rsqrt(div(row, mean(row, -1, keep_axis)));
    update = mul(mul(grad, unsqueeze(r, -1)), unsqueeze(rsqrt(column), -2));
  } else {
    const Tensor& average = s.of("exp_avg_sq");
    assign(average, add(mul(average, beta), mul(update, 1 - beta)));
    update = mul(grad, rsqrt(average));
  }
  update = mul(update, rate / std::max(1.0, size_of_numbers(update) / o.clip_threshold));
  if (o.beta1 > 0) {
    const Tensor& first = s.of("exp_avg");
    assign(first, add(mul(first, o.beta1), mul(update, 1 - o.beta1)));
    update = first;
  }
  assign(p, sub(s.weight_decay > 0 ? mul(p, 1 - rate * s.weight_decay) : p, update));
}

}  // namespace gradus
