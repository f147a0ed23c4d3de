#include "nn/activation.h"

#include "base/error.h"
#include "ops/activation.h"
#include "ops/elementwise.h"

namespace gradus {

namespace {

Tensor leaky_relu_001(const Tensor& x) { return leaky_relu(x, 0.01); }
Tensor linear(const Tensor& x) { return x; }

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
