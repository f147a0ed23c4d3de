// Element-wise functions, activations, losses.
#include "cli/bench_ops.h"
#include "ops/activation.h"
#include "ops/clamp.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/loss_class.h"
#include "ops/loss_ctc.h"
#include "ops/loss_regression.h"
#include "ops/math.h"
#include "ops/rounding.h"

namespace gradus::cli {

std::vector<OpBench> pointwise_benches() {
  const auto positive = [](int count) {
    return [count](const Shape& s) {
      Tensors xs;
      for (int i = 0; i < count; ++i) xs.push_back(random_uniform(s, {1, static_cast<uint64_t>(i)}, 0.1, 2));
      return xs;
    };
  };
  const auto chosen = [](const Shape& s) {  // condition, a, b
    Tensors xs = alike(3)(s);
    xs[0] = greater(xs[0], scalar(0));
    return xs;
  };
  const auto probabilities = [](const Shape& s) {
    return Tensors{random_normal(s, {1, 0}), random_uniform(s, {1, 1})};
  };
  const auto speech = [](const Shape& s) {  // (time, batch, classes, target length)
    const Tensor targets = add(random_ids(s[1] * s[3], s[2] - 1), 1);
    return Tensors{random_normal({s[0], s[1], s[2]}, {1, 0}), targets,
                   full({s[1]}, static_cast<double>(s[0]), Dtype::i64),
                   full({s[1]}, static_cast<double>(s[3]), Dtype::i64)};
  };
  const auto typed = [](int count, Dtype dtype) {
    return [count, dtype](const Shape& s) {
      Tensors xs = alike(count)(s);
      for (Tensor& x : xs) x = cast(x, dtype);
      return xs;
    };
  };
  const Shape large{4096, 1024};
  using In = const Tensors&;
  return {
      {"exp", {large}, true, alike(1), [](In x) { return exp(x[0]); }},
      {"log", {large}, true, positive(1), [](In x) { return log(x[0]); }},
      {"log1p", {large}, false, positive(1), [](In x) { return log1p(x[0]); }},
      {"expm1", {large}, false, alike(1), [](In x) { return expm1(x[0]); }},
      {"sin", {large}, true, alike(1), [](In x) { return sin(x[0]); }},
      {"tan", {large}, false, alike(1), [](In x) { return tan(x[0]); }},
      {"atan", {large}, false, alike(1), [](In x) { return atan(x[0]); }},
      {"tanh", {large}, true, alike(1), [](In x) { return tanh(x[0]); }},
      {"erf", {large}, false, alike(1), [](In x) { return erf(x[0]); }},
      {"sqrt", {large}, true, positive(1), [](In x) { return sqrt(x[0]); }},
      {"erfc", {large}, false, alike(1), [](In x) { return erfc(x[0]); }},
      {"exp f64", {large}, false, typed(1, Dtype::f64), [](In x) { return exp(x[0]); }},
      {"add f64", {large}, false, typed(2, Dtype::f64), [](In x) { return add(x[0], x[1]); }},
      {"add bf16", {large}, false, typed(2, Dtype::bf16), [](In x) { return add(x[0], x[1]); }},
      {"gelu f16", {large}, false, typed(1, Dtype::f16), [](In x) { return gelu(x[0]); }},
      {"gelu bf16", {large}, false, typed(1, Dtype::bf16), [](In x) { return gelu(x[0]); }},
      {"atan2", {large}, false, alike(2), [](In x) { return atan2(x[0], x[1]); }},
      {"hypot", {large}, false, alike(2), [](In x) { return hypot(x[0], x[1]); }},
      {"fmod", {large}, false, positive(2), [](In x) { return fmod(x[0], x[1]); }},
      {"remainder", {large}, false, positive(2), [](In x) { return remainder(x[0], x[1]); }},
      {"round", {large}, false, alike(1), [](In x) { return round(x[0]); }},
      {"pow", {large}, false, positive(2), [](In x) { return pow(x[0], x[1]); }},
      {"pow 2.5", {large}, false, positive(1), [](In x) { return pow(x[0], 2.5); }},
      {"logaddexp", {large}, false, alike(2), [](In x) { return logaddexp(x[0], x[1]); }},
      {"less", {large}, false, alike(2), [](In x) { return less(x[0], x[1]); }},
      {"where", {large}, true, chosen, [](In x) { return where(x[0], x[1], x[2]); }},
      {"clamp", {large}, true, alike(1), [](In x) { return clamp(x[0], -0.5, 0.5); }},
      {"relu", {large}, true, alike(1), [](In x) { return relu(x[0]); }},
      {"leaky_relu", {large}, true, alike(1), [](In x) { return leaky_relu(x[0]); }},
      {"elu", {large}, true, alike(1), [](In x) { return elu(x[0]); }},
      {"softplus", {large}, true, alike(1), [](In x) { return softplus(x[0]); }},
      {"mish", {large}, true, alike(1), [](In x) { return mish(x[0]); }},
      {"hard_swish", {large}, true, alike(1), [](In x) { return hard_swish(x[0]); }},
      {"quick_gelu", {large}, true, alike(1), [](In x) { return quick_gelu(x[0]); }},
      {"relu_squared", {large}, true, alike(1), [](In x) { return relu_squared(x[0]); }},
      {"log_sigmoid", {large}, true, alike(1), [](In x) { return log_sigmoid(x[0]); }},
      {"geglu", {large}, true, alike(2), [](In x) { return geglu(x[0], x[1]); }},
      {"reglu", {large}, true, alike(2), [](In x) { return reglu(x[0], x[1]); }},
      {"mse_loss", {large}, true, alike(2), [](In x) { return mse_loss(x[0], x[1]); }},
      {"smooth_l1_loss", {large}, true, alike(2), [](In x) { return smooth_l1_loss(x[0], x[1]); }},
      {"bce_with_logits",
       {large},
       true,
       probabilities,
       [](In x) { return binary_cross_entropy_with_logits(x[0], x[1].detach()); }},
      {"ctc_loss",
       {{150, 16, 40, 30}},
       true,
       speech,
       [](In x) { return ctc_loss(x[0], x[1], x[2], x[3], {.reduction = LossReduction::sum}); }},
  };
}

}  // namespace gradus::cli
