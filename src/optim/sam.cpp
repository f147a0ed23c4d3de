#include "optim/sam.h"

#include <cmath>

#include "autograd/autograd.h"
#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/shape.h"
#include "optim/optimizer.h"

namespace gradus {

bool Sam::climb(double rho) {
  const double norm = gradient_norm(parameters_);
  if (!std::isfinite(norm)) return false;
  const NoGrad no_grad;
  for (const Parameter& p : parameters_.all()) {
    const Tensor grad = grad_of(p.value), value = p.value.detach();
    before_.push_back(grad.defined() ? clone(value) : Tensor());
    if (!grad.defined()) continue;
    kernels(value.device()).copy({.x = add(value, mul(grad.detach(), rho / (norm + 1e-12))), .y = value});
    p.value.bump_version();
  }
  return true;
}

Sam::~Sam() {
  for (size_t i = 0; i < before_.size(); ++i) {
    if (!before_[i].defined()) continue;
    const Tensor& value = parameters_.all()[i].value;
    kernels(value.device()).copy({.x = before_[i], .y = value.detach()});
    value.bump_version();
  }
}

}  // namespace gradus
