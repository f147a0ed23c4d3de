#include "nn/packed.h"

#include "autograd/autograd.h"
#include "base/error.h"
#include "kernels/packed_matmul.h"
#include "ops/check.h"
#include "ops/shape.h"

namespace gradus {

std::vector<Tensor> packed_linears(const Tensor& x, const std::vector<PackedWeight>& weights) {
  if (recording() && requires_grad(x))
    throw GradError("packed_linear", "packed weights have no gradient.",
                    "compute under NoGrad, or load the model without packed weights.");
  Tensor rows;
  std::vector<Tensor> results, biases;
  for (const auto& [weight, bias] : weights) {
    if (x.rank() < 1 || x.shape().back() != weight.columns())
      throw ShapeError("packed_linear",
                       "inner sizes differ: x " + x.describe() + ", weight " + weight.describe() + " cpu.");
    if (x.dtype() != Dtype::f32 || x.device() != Device::cpu)
      throw DtypeError("packed_linear", "needs f32 on the CPU, got " + x.describe() + ".",
                       "load the model without packed weights.");
    if (bias.defined()) {
      require_same("packed_linear", {x, bias});
      require_shape("packed_linear", "bias", bias, {weight.rows()});
    }
    if (!rows.defined()) rows = contiguous(reshape(x, {-1, weight.columns()}));
    results.push_back(empty({rows.size(0), weight.rows()}));
    biases.push_back(bias.defined() ? contiguous(bias) : Tensor());
  }
  std::vector<PackedMatmulArgs> all;
  for (size_t i = 0; i < weights.size(); ++i)
    all.push_back({.x = rows, .w = weights[i].weight, .y = results[i], .bias = biases[i]});
  packed_matmul(all);
  Shape shape = x.shape();
  for (Tensor& y : results) {
    shape[shape.rank() - 1] = y.size(1);
    y = reshape(y, shape);
  }
  return results;
}

Tensor packed_linear(const Tensor& x, const QuantTensor& weight, const Tensor& bias) {
  return packed_linears(x, {{weight, bias}})[0];
}

Tensor packed_embedding(const QuantTensor& weight, const Tensor& ids) {
  Shape shape = ids.shape();
  shape.push_back(weight.columns());
  const Tensor y = empty(shape);
  const std::vector<int64_t> rows = ids.to_vector<int64_t>();
  for (size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0 || rows[i] >= weight.rows())
      throw IndexError("packed_embedding", "the id " + std::to_string(rows[i]) + " is outside 0 … " +
                                               std::to_string(weight.rows() - 1) + ".");
    dequantize(weight.format(), weight.row(rows[i]), weight.columns(),
               y.data<float>() + static_cast<int64_t>(i) * weight.columns());
  }
  return y;
}

}  // namespace gradus
