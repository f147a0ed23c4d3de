#pragma once
#include "kernels/args/shape.h"

namespace gradus {

/// The entry of x (n of them) that stands at place i of the padded axis; -1 where the constant stands.
inline int64_t padded_source(int64_t i, int64_t before, int64_t n, PadMode mode) {
  const int64_t at = i - before;
  if (at >= 0 && at < n) return at;
  switch (mode) {
    case PadMode::reflect: return at < 0 ? -at : 2 * (n - 1) - at;
    case PadMode::replicate: return at < 0 ? 0 : n - 1;
    case PadMode::circular: return at < 0 ? at + n : at - n;
    default: return -1;
  }
}

}  // namespace gradus
