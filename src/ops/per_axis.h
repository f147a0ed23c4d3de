#pragma once
#include <cstdint>
#include <initializer_list>

#include "base/shape.h"

namespace gradus {

/// An option of a convolution, a pooling or an interpolation: one number for all spatial axes, or one an axis
/// (`.stride = 2`, `.stride = {2, 1}`), or nothing.
class PerAxis {
 public:
  PerAxis() = default;
  PerAxis(int64_t all) : values_{all} {}                           // NOLINT: a number is one
  PerAxis(std::initializer_list<int64_t> each) : values_(each) {}  // NOLINT
  explicit PerAxis(const Shape& each) : values_(each) {}

  bool given() const { return values_.rank() > 0; }
  /// One number an axis; throws ShapeError unless one number or `axes` of them were given, ValueError when one is
  /// outside [least, 2^31).
  Shape resolve(const char* op, const char* name, int axes, int64_t least) const;

 private:
  Shape values_;
};

}  // namespace gradus
