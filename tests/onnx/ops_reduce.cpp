#include "onnx/ops.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/shape.h"
#include "ops/softmax.h"
#include "ops/statistics.h"

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
  return r;
}

// In x's type, which sums of integers are not.
template <Tensor (*F)(const Tensor&, const Axes&, KeepAxis)>
Tensor over(const Tensor& x, const Reduction& r) {
  return cast(F(x, r.axes, r.keep ? keep_axis : drop_axis), x.dtype());
}

template <Tensor (*F)(const Tensor&, const Axes&, KeepAxis)>
Tensors reduce(const Node& n) {
  return {over<F>(n.in[0], reduction(n))};
}

// x itself where integers have no such function.
Tensor magnitude(const Tensor& x) { return maximum(x, neg(x)); }

Tensors l1(const Node& n) { return {over<sum>(magnitude(n.in[0]), reduction(n))}; }
Tensors l2(const Node& n) { return {sqrt(over<sum>(mul(n.in[0], n.in[0]), reduction(n)))}; }
Tensors sum_square(const Node& n) { return {over<sum>(mul(n.in[0], n.in[0]), reduction(n))}; }
Tensors log_sum(const Node& n) { return {log(over<sum>(n.in[0], reduction(n)))}; }

template <Tensor (*F)(const Tensor&, int, KeepAxis)>
Tensors arg(const Node& n) {
  const Tensor& x = n.in[0];
  const int axis = axis_of(n.integer("axis", 0), x.rank());
  const KeepAxis keep = n.integer("keepdims", 1) ? keep_axis : drop_axis;
  if (!n.integer("select_last_index", 0)) return {F(x, axis, keep)};
  const Tensor backwards = arange(x.size(axis), Dtype::i64, static_cast<double>(x.size(axis) - 1), -1);
  return {
      sub(scalar(static_cast<double>(x.size(axis) - 1), Dtype::i64), F(index_select(x, backwards, axis), axis, keep))};
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
      {"ReduceLogSumExp", reduce<logsumexp>},
      {"ReduceProd", reduce<prod>},
      {"ArgMax", arg<argmax>},
      {"ArgMin", arg<argmin>},
      {"Softmax", along<softmax>},
      {"LogSoftmax", along<log_softmax>},
  };
}

}  // namespace gradus::testing::onnx
