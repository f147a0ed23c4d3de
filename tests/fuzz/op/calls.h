#pragma once
// What the lists of calls share.
#include "fuzz/op/dice.h"

namespace gradus::fuzz {

inline int rank_of(const Tensor& x) { return x.defined() ? x.rank() : 0; }
inline Shape shape_of(const Tensor& x) { return x.defined() ? x.shape() : Shape(); }
/// The size of an axis that may be wrong or not there.
inline int64_t size_of_axis(const Tensor& x, int axis) {
  const int rank = rank_of(x);
  return axis >= -rank && axis < rank ? x.size(axis) : 1;
}

std::vector<Call> core_calls();
std::vector<Call> pointwise_calls();
std::vector<Call> image_calls();
std::vector<Call> linalg_calls();
std::vector<Call> shapes_calls();
std::vector<Call> scan_calls();
std::vector<Call> surrogate_calls();

}  // namespace gradus::fuzz
