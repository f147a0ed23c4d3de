#include "ops/dropout.h"

#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"

namespace gradus {

Tensor dropout(const Tensor& x, double p, RandomKey key) {
  require_floating("dropout", x);
  if (!(p >= 0 && p <= 1))
    throw ValueError("dropout", "the probability must lie in [0, 1], got " + std::to_string(p) + ".");
  if (p == 0) return x;
  Tensor y = empty_like(x);
  kernels(x.device()).dropout({.x = x, .y = y, .p = p, .key = key});
  record("dropout", {x}, y, [p, key](const Tensor& dy) { return dropout(dy, p, key); });
  return y;
}

}  // namespace gradus
