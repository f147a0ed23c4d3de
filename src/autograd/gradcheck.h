#pragma once
#include <functional>
#include <string>

#include "tensor/tensor.h"

namespace gradus {

struct GradCheckOptions {
  double step = 1e-6;         ///< relative to max(1, |x|)
  double tolerance = 1e-6;    ///< relative to max(1, largest gradient of that input)
  int max_entries = 64;       ///< entries of each input that are tried, spread evenly
  bool second_order = false;  ///< check the gradient of the gradient too
};

struct GradCheckResult {
  bool ok = true;
  double worst = 0;   ///< largest error met, as a share of the tolerance
  std::string where;  ///< "input 1, entry 7: rule 0.5, finite difference 0.25"
};

/// Compares the gradient rules of `f` at `inputs` with central finite differences. Inputs must be f64 (DtypeError
/// otherwise); those that do not require a gradient are left alone. `f` returns one tensor of any shape; the check
/// weighs its elements with fixed pseudo-random numbers.
GradCheckResult check_gradients(const std::function<Tensor(const Tensors&)>& f, const Tensors& inputs,
                                GradCheckOptions options = {});

}  // namespace gradus
