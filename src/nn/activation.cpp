#include "nn/activation.h"

#include <cmath>

#include "base/error.h"
#include "ops/activation.h"
#include "ops/clamp.h"
#include "ops/elementwise.h"

namespace gradus {

namespace {

Tensor leaky_relu_001(const Tensor& x) { return leaky_relu(x, 0.01); }
Tensor linear(const Tensor& x) { return x; }
Tensor gelu_10(const Tensor& x) { return clamp(gelu(x), -10, 10); }
// Mega's: the distribution function of a normal number with mean sqrt(1/2) and deviation 1 / sqrt(4 pi), both as
// transformers rounds them
Tensor laplace(const Tensor& x) {
  return mul(add(erf(mul(sub(x, 0.707107), 1 / (0.282095 * std::sqrt(2.0)))), 1), 0.5);
}
Tensor sqrt_softplus(const Tensor& x) { return sqrt(softplus(x)); }

struct Named {
  const char* name;
  Activation f;
};
constexpr Named kActivations[] = {
    {"gelu", gelu},
    {"gelu_new", gelu_tanh},
    {"gelu_pytorch_tanh", gelu_tanh},
    {"gelu_fast", gelu_tanh},
    {"gelu_accurate", gelu_tanh},
    {"gelu_python", gelu},
    {"gelu_python_tanh", gelu_tanh},
    {"relu", relu},
    {"relu2", relu_squared},
    {"silu", silu},
    {"swish", silu},
    {"tanh", tanh},
    {"sigmoid", sigmoid},
    {"quick_gelu", quick_gelu},
    {"relu6", relu6},
    {"leaky_relu", leaky_relu_001},
    {"mish", mish},
    {"hardswish", hard_swish},
    {"linear", linear},
    {"gelu_10", gelu_10},
    {"laplace", laplace},
    {"sqrtsoftplus", sqrt_softplus},
};

}  // namespace

Activation activation_named(const std::string& name) {
  std::string names;
  for (const Named& a : kActivations) {
    if (name == a.name) return a.f;
    names += (names.empty() ? "" : ", ") + std::string(a.name);
  }
  throw ValueError("activation", "unknown activation \"" + name + "\".", "one of " + names + ".");
}

}  // namespace gradus
