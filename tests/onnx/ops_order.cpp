#include "onnx/ops.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/mask.h"
#include "ops/scan.h"
#include "ops/scatter.h"
#include "ops/segment.h"
#include "ops/shape.h"
#include "ops/sort.h"

namespace gradus::testing::onnx {

namespace {

Tensors cum_sum(const Node& n) {
  const auto axis = static_cast<int>(n.whole(1)[0]);
  const Tensor y =
      cumsum(n.in[0], axis, {.exclusive = n.integer("exclusive", 0) != 0, .reverse = n.integer("reverse", 0) != 0});
  return {cast(y, n.in[0].dtype())};
}

Tensors top_k(const Node& n) {
  const ValuesIndices r = topk(n.in[0], n.input(1).defined() ? n.whole(1)[0] : n.integer("k", 0),
                               static_cast<int>(n.integer("axis", -1)), {.largest = n.integer("largest", 1) != 0});
  return {r.values, r.indices};
}

Tensors scatter_elements(const Node& n) {
  const Tensor &x = n.in[0], &index = n.in[1];
  const int axis = axis_of(n.integer("axis", 0), x.rank());
  const Tensor zero = scalar(0, index.dtype()), size = scalar(static_cast<double>(x.size(axis)), index.dtype());
  const Tensor place = add(index, where(less(index, zero), size, zero));
  const std::string how = n.text("reduction", "none");
  covered_if(how == "none" || how == "add", "ScatterElements by " + how);
  return {how == "add" ? scatter_add(x, place, n.in[2], axis) : scatter(x, place, n.in[2], axis)};
}

Tensors scatter_nd_op(const Node& n) {
  const std::string how = n.text("reduction", "none");
  const WriteMode mode = how == "add" ? WriteMode::sum : how == "mul" ? WriteMode::prod : WriteMode::assign;
  return {scatter_nd(n.in[0], n.in[1], n.in[2], mode)};
}

Tensors gather_nd_op(const Node& n) {
  return {gather_nd(n.in[0], n.in[1], static_cast<int>(n.integer("batch_dims", 0)))};
}

Tensors non_zero(const Node& n) { return {clone(transpose(nonzero(n.in[0])))}; }

// Entries of an axis, or of x as one row, by a mask that may be shorter.
Tensors compress(const Node& n) {
  const Tensor x = n.has("axis") ? n.in[0] : flatten(n.in[0]);
  return {index_select(x, flatten(nonzero(n.in[1])), static_cast<int>(n.integer("axis", 0)))};
}

Tensors unique_op(const Node& n) {
  covered_if(!n.has("axis") && n.integer("sorted", 1), "Unique of slices, or in the order of their coming");
  const UniqueResult r = unique(n.in[0]);
  const Tensor inverse = flatten(r.inverse);
  return {r.values, segment_min(arange(inverse.count()), inverse, r.values.count()), inverse, r.counts};
}

}  // namespace

std::vector<Entry> order_ops() {
  return {
      {"CumSum", cum_sum},           {"TopK", top_k},
      {"Scatter", scatter_elements}, {"ScatterElements", scatter_elements},
      {"ScatterND", scatter_nd_op},  {"GatherND", gather_nd_op},
      {"NonZero", non_zero},         {"Compress", compress},
      {"Unique", unique_op},
  };
}

}  // namespace gradus::testing::onnx
