#include <algorithm>

#include "onnx/ops.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"

namespace gradus::testing::onnx {

namespace {

// The axes of a Reduce op: an attribute, or since opset 13 (ReduceSum) an input; none means all, or nothing.
struct Reduction {
  std::vector<int> axes;
  bool keep;
};
Reduction reduction(const Node& n) {
  const int rank = n.in[0].rank();
  Reduction r{{}, n.integer("keepdims", 1) != 0};
  for (int64_t a : n.input(1).defined() ? n.whole(1) : n.integers("axes")) r.axes.push_back(axis_of(a, rank));
  if (r.axes.empty() && !n.integer("noop_with_empty_axes", 0))
    for (int i = 0; i < rank; ++i) r.axes.push_back(i);
  std::sort(r.axes.rbegin(), r.axes.rend());
  return r;
}

// Axis by axis, the last one first.
template <Tensor (*F)(const Tensor&, int, KeepAxis)>
Tensor over(const Tensor& x, const Reduction& r) {
  Tensor y = x;
  for (int axis : r.axes) y = F(y, axis, r.keep ? keep_axis : drop_axis);
  return y;
}

template <Tensor (*F)(const Tensor&, int, KeepAxis)>
Tensors reduce(const Node& n) {
  return {over<F>(n.in[0], reduction(n))};
}

// x itself where integers have no such function.
Tensor magnitude(const Tensor& x) { return maximum(x, neg(x)); }

Tensors l1(const Node& n) { return {over<sum>(magnitude(n.in[0]), reduction(n))}; }
Tensors l2(const Node& n) { return {sqrt(over<sum>(mul(n.in[0], n.in[0]), reduction(n)))}; }
Tensors sum_square(const Node& n) { return {over<sum>(mul(n.in[0], n.in[0]), reduction(n))}; }
Tensors log_sum(const Node& n) { return {log(over<sum>(n.in[0], reduction(n)))}; }
Tensors log_sum_exp(const Node& n) {
  const Reduction r = reduction(n);
  const Tensor top = over<max>(n.in[0], {r.axes, true});
  return {add(log(over<sum>(exp(sub(n.in[0], top)), r)), over<max>(n.in[0], r))};
}

// Of the largest (or smallest) the first, or the last: then counted from the end.
template <bool largest>
Tensors arg(const Node& n) {
  const int axis = axis_of(n.integer("axis", 0), n.in[0].rank());
  covered_if(!n.integer("select_last_index", 0), n.op + " with select_last_index");
  const Tensor y = argmax(largest ? n.in[0] : neg(n.in[0]), axis);
  return {n.integer("keepdims", 1) ? unsqueeze(y, axis) : y};
}

// Before opset 13 these saw a matrix: the axes from `axis` (1) on as one.
template <Tensor (*F)(const Tensor&, int)>
Tensors along(const Node& n) {
  const Tensor& x = n.in[0];
  if (n.opset >= 13) return {F(x, static_cast<int>(n.integer("axis", -1)))};
  const int axis = axis_of(n.integer("axis", 1), x.rank());
  int64_t columns = 1;
  for (int i = axis; i < x.rank(); ++i) columns *= x.shape()[i];
  return {reshape(F(reshape(x, {columns ? x.count() / columns : 0, columns}), -1), x.shape())};
}

}  // namespace

std::vector<Entry> reduce_ops() {
  return {
      {"ReduceSum", reduce<sum>},
      {"ReduceMean", reduce<mean>},
      {"ReduceMax", reduce<max>},
      {"ReduceMin", reduce<min>},
      {"ReduceL1", l1},
      {"ReduceL2", l2},
      {"ReduceSumSquare", sum_square},
      {"ReduceLogSum", log_sum},
      {"ReduceLogSumExp", log_sum_exp},
      {"ArgMax", arg<true>},
      {"ArgMin", arg<false>},
      {"Softmax", along<softmax>},
      {"LogSoftmax", along<log_softmax>},
  };
}

}  // namespace gradus::testing::onnx
