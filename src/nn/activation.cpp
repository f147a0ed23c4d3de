#include "nn/activation.h"

#include "base/error.h"
#include "ops/activation.h"
#include "ops/elementwise.h"

namespace gradus {

namespace {

// x sigmoid(1.702 x)
Tensor quick_gelu(const Tensor& x) { return mul(x, sigmoid(mul(x, 1.702))); }
Tensor relu_squared(const Tensor& x) { return square(relu(x)); }

struct Named {
  const char* name;
  Activation f;
};
constexpr Named kActivations[] = {
    {"gelu", gelu},
    {"gelu_new", gelu_tanh},
    {"gelu_pytorch_tanh", gelu_tanh},
    {"gelu_fast", gelu_tanh},
    {"relu", relu},
    {"relu2", relu_squared},
    {"silu", silu},
    {"swish", silu},
    {"tanh", tanh},
    {"sigmoid", sigmoid},
    {"quick_gelu", quick_gelu},
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
