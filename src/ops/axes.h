#pragma once
#include <initializer_list>
#include <vector>

#include "base/shape.h"

namespace gradus {

/// A few axes as an argument: `sum(x, 0)`, `sum(x, {0, -1})` or a list that the program computed. Negative ones count
/// from the end. Held inline; throws IndexError above Shape::kMaxRank entries.
class Axes {
 public:
  Axes() = default;
  Axes(int axis) : Axes(&axis, 1) {}
  Axes(std::initializer_list<int> axes) : Axes(axes.begin(), axes.size()) {}
  Axes(const std::vector<int>& axes) : Axes(axes.data(), axes.size()) {}

  int size() const { return size_; }
  int operator[](int i) const { return axes_[i]; }
  const int* begin() const { return axes_; }
  const int* end() const { return axes_ + size_; }

  /// The same axes counted from the front. Throws IndexError naming `op` for one that a tensor of this rank has not, or
  /// that stands twice.
  Axes wrapped(const char* op, int rank) const;
  /// As wrapped(), as a set: bit i is axis i.
  unsigned mask(const char* op, int rank) const;

 private:
  Axes(const int* axes, size_t n);

  int axes_[Shape::kMaxRank] = {};
  int size_ = 0;
};

}  // namespace gradus
