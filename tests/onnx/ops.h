#pragma once
// The tables of ONNX operators, and what they share.
#include <string>
#include <vector>

#include "onnx/onnx_data.h"

namespace gradus::testing::onnx {

struct Entry {
  const char* name;
  Op op;
};
// One list a family.
std::vector<Entry> math_ops();
std::vector<Entry> pointwise_ops();
std::vector<Entry> shape_ops();
std::vector<Entry> reduce_ops();
std::vector<Entry> network_ops();
std::vector<Entry> loss_ops();
std::vector<Entry> signal_ops();
std::vector<Entry> order_ops();

inline Shape shape_of(const std::vector<int64_t>& sizes) {
  Shape s;
  for (int64_t n : sizes) s.push_back(n);
  return s;
}
/// A setting that only some value of is covered.
inline void covered_if(bool yes, const std::string& what) {
  if (!yes) throw NotCovered(what);
}
/// Counted from the front.
inline int axis_of(int64_t axis, int rank) { return static_cast<int>(axis < 0 ? axis + rank : axis); }

template <Tensor (*F)(const Tensor&)>
Tensors unary(const Node& n) {
  return {F(n.in[0])};
}
template <Tensor (*F)(const Tensor&, const Tensor&)>
Tensors binary(const Node& n) {
  return {F(n.in[0], n.in[1])};
}
/// f of all inputs, from left to right.
template <Tensor (*F)(const Tensor&, const Tensor&)>
Tensors variadic(const Node& n) {
  Tensor y = n.in[0];
  for (size_t i = 1; i < n.in.size(); ++i) y = F(y, n.in[i]);
  return {y};
}

}  // namespace gradus::testing::onnx
