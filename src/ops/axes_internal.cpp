#include "ops/axes_internal.h"

#include <vector>

#include "ops/shape.h"

namespace gradus {

Shape kept_shape(const Shape& shape, unsigned mask) {
  Shape kept = shape;
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (mask >> axis & 1) kept[axis] = 1;
  return kept;
}

Shape dropped_shape(const Shape& shape, unsigned mask) {
  Shape dropped;
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (!(mask >> axis & 1)) dropped.push_back(shape[axis]);
  return dropped;
}

double reduced_count(const Tensor& x, unsigned mask) {
  double n = 1;
  for (int axis = 0; axis < x.rank(); ++axis)
    if (mask >> axis & 1) n *= static_cast<double>(x.shape()[axis]);
  return n;
}

// Axes of the mask behind the others, or (`back`) from there to their old places.
static Tensor reorder(const Tensor& x, unsigned mask, bool back) {
  std::vector<int> order, reduced;
  for (int axis = 0; axis < x.rank(); ++axis) (mask >> axis & 1 ? reduced : order).push_back(axis);
  order.insert(order.end(), reduced.begin(), reduced.end());
  if (!back) return permute(x, order);
  std::vector<int> inverse(order.size());
  for (size_t i = 0; i < order.size(); ++i) inverse[static_cast<size_t>(order[i])] = static_cast<int>(i);
  return permute(x, inverse);
}

Tensor merge_to_last(const Tensor& x, unsigned mask) {
  Shape merged = dropped_shape(x.shape(), mask);
  int64_t n = 1;
  for (int axis = 0; axis < x.rank(); ++axis)
    if (mask >> axis & 1) n *= x.shape()[axis];
  merged.push_back(n);
  return reshape(reorder(x, mask, false), merged);
}

Tensor split_last(const Tensor& x, const Shape& shape, unsigned mask) {
  Shape sizes = dropped_shape(shape, mask);
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (mask >> axis & 1) sizes.push_back(shape[axis]);
  return reorder(reshape(x, sizes), mask, true);
}

}  // namespace gradus
