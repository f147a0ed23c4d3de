#pragma once
#include "nn/parameters.h"

namespace gradus {

/// Sharpness-aware minimisation (Foret et al. 2021): the gradient is taken where the loss is worst nearby. climb() goes
/// there, w + rho g / |g|; gradients are computed anew; the destructor puts the parameters back, bit for bit.
class Sam {
 public:
  explicit Sam(const Parameters& parameters) : parameters_(parameters) {}
  ~Sam();
  Sam(const Sam&) = delete;
  Sam& operator=(const Sam&) = delete;

  /// False, and nothing moved, when the gradients are not finite. Takes a copy of the parameters.
  bool climb(double rho);

 private:
  const Parameters& parameters_;
  Tensors before_;  // undefined where a parameter has no gradient
};

}  // namespace gradus
