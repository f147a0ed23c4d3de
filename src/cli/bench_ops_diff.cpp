// Derivatives of functions.
#include "autograd/functional.h"
#include "cli/bench_ops.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/reduce.h"

namespace gradus::cli {

std::vector<OpBench> diff_benches() {
  const auto layer = [](const Shape& s) {  // (inputs, outputs): a point, a direction, a weight matrix
    return Tensors{random_normal({1, s[0]}, {1, 0}), random_normal({1, s[0]}, {1, 1}),
                   random_normal({s[0], s[1]}, {1, 2}, 0, 0.05)};
  };
  const auto batch = [](const Shape& s) {  // (rows, width): inputs, a direction for the weights, the weights
    return Tensors{random_normal(s, {1, 0}), random_normal({s[1], s[1]}, {1, 1}),
                   random_normal({s[1], s[1]}, {1, 2}, 0, 0.05)};
  };
  using In = const Tensors&;
  const auto of = [](In x) { return [w = x[2]](const Tensor& p) { return tanh(matmul(p, w)); }; };
  const auto loss_of = [](In x) {
    return [rows = x[0]](const Tensor& w) { return mean(square(tanh(matmul(rows, w)))); };
  };
  return {
      {"jacobian", {{128, 128}, {64, 512}}, false, layer, [of](In x) { return jacobian(of(x), x[0]); }},
      {"jvp", {{1024, 1024}}, false, layer, [of](In x) { return jvp(of(x), x[0], x[1]); }},
      {"vjp",
       {{1024, 1024}},
       false,
       layer,
       [of](In x) {
         return vjp(of(x), x[0], ones({1, x[2].size(1)}));
       }},
      {"hvp", {{512, 512}}, false, batch, [loss_of](In x) { return hvp(loss_of(x), x[2], x[1]); }},
  };
}

}  // namespace gradus::cli
