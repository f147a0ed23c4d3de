#include "ops/axes.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace gradus {

Axes::Axes(const int* axes, size_t n) {
  if (n > Shape::kMaxRank) throw IndexError("axes", std::to_string(n) + " axes for a tensor, which has at most 8.");
  std::copy_n(axes, n, axes_);
  size_ = static_cast<int>(n);
}

Axes Axes::wrapped(const char* op, int rank) const {
  Axes out = *this;
  unsigned seen = 0;
  for (int i = 0; i < size_; ++i) {
    const int axis = wrap_axis(op, axes_[i], rank);
    if (seen >> axis & 1) throw IndexError(op, "axis " + std::to_string(axes_[i]) + " is named twice.");
    seen |= 1u << axis;
    out.axes_[i] = axis;
  }
  return out;
}

unsigned Axes::mask(const char* op, int rank) const {
  unsigned bits = 0;
  for (int axis : wrapped(op, rank)) bits |= 1u << axis;
  return bits;
}

}  // namespace gradus
