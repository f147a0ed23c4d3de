#pragma once
#include <cstdint>

#include "tensor/tensor.h"

// Kernel arguments: optimisers. See kernels/table.h.
namespace gradus {

/// Decoupled AdamW (Loshchilov & Hutter 2019) on one parameter, in place, all dense. g is multiplied by grad_scale
/// first. step counts from 1. m and v are f32 (f64 for f64 parameters).
struct AdamWArgs {
  const Tensor& p;
  const Tensor& g;
  const Tensor& m;
  const Tensor& v;
  double lr, beta1, beta2, eps, weight_decay, grad_scale;
  int64_t step;
};

#define GRADUS_OPTIM_KERNELS(X) X(adamw, AdamWArgs)

}  // namespace gradus
