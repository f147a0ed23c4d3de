#include <algorithm>

#include "onnx/ops.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/shape.h"

namespace gradus::testing::onnx {

namespace {

Tensor whole_numbers(const std::vector<int64_t>& values) { return from_vector(values); }

Tensors constant(const Node& n) {
  if (n.has("value")) return {n.attributes.at("value").t};
  if (n.has("value_float")) return {scalar(n.number("value_float", 0))};
  if (n.has("value_int")) return {scalar(static_cast<double>(n.integer("value_int", 0)), Dtype::i64)};
  if (n.has("value_ints")) return {whole_numbers(n.integers("value_ints"))};
  if (n.has("value_floats")) return {cast(from_vector(n.attributes.at("value_floats").floats), Dtype::f32)};
  throw NotCovered("Constant of another kind");
}

Tensors constant_of_shape(const Node& n) {
  const Tensor value = n.has("value") ? reshape(n.attributes.at("value").t, {}) : scalar(0);
  return {clone(expand(value, shape_of(n.whole(0))))};
}

Tensors shape(const Node& n) {
  std::vector<int64_t> sizes(n.in[0].shape().begin(), n.in[0].shape().end());
  const int rank = n.in[0].rank();
  const auto place = [&](const char* name, int64_t otherwise) {
    const int64_t at = n.integer(name, otherwise);
    return std::clamp<int64_t>(at < 0 ? at + rank : at, 0, rank);
  };
  const int64_t start = place("start", 0), end = place("end", rank);
  if (start >= end) return {empty({0}, Dtype::i64)};
  return {whole_numbers({sizes.begin() + start, sizes.begin() + end})};
}

// 0 keeps a size unless allowzero is set.
Tensors reshape_op(const Node& n) {
  std::vector<int64_t> sizes = n.input(1).defined() ? n.whole(1) : n.integers("shape");
  if (!n.integer("allowzero", 0))
    for (size_t i = 0; i < sizes.size(); ++i)
      if (sizes[i] == 0) sizes[i] = n.in[0].shape()[static_cast<int>(i)];
  return {reshape(n.in[0], shape_of(sizes))};
}

// The axes of Squeeze and Unsqueeze: an attribute, since opset 13 an input.
std::vector<int> named_axes(const Node& n, int rank) {
  std::vector<int> axes;
  for (int64_t a : n.input(1).defined() ? n.whole(1) : n.integers("axes")) axes.push_back(axis_of(a, rank));
  std::sort(axes.begin(), axes.end());
  return axes;
}
Tensors squeeze_op(const Node& n) {
  std::vector<int> axes = named_axes(n, n.in[0].rank());
  if (axes.empty())
    for (int i = 0; i < n.in[0].rank(); ++i)
      if (n.in[0].shape()[i] == 1) axes.push_back(i);
  Tensor y = n.in[0];
  for (size_t i = axes.size(); i-- > 0;) y = squeeze(y, axes[i]);
  return {y};
}
Tensors unsqueeze_op(const Node& n) {
  const size_t more = n.input(1).defined() ? static_cast<size_t>(n.in[1].count()) : n.integers("axes").size();
  Tensor y = n.in[0];
  for (int axis : named_axes(n, y.rank() + static_cast<int>(more))) y = unsqueeze(y, axis);
  return {y};
}

Tensors flatten_op(const Node& n) {
  const int axis = axis_of(n.integer("axis", 1), n.in[0].rank());
  int64_t rows = 1;
  for (int i = 0; i < axis; ++i) rows *= n.in[0].shape()[i];
  return {reshape(n.in[0], {rows, rows ? n.in[0].count() / rows : 0})};
}

// By exchanging neighbours, as permute() wants the order in the program's text.
Tensors transpose_op(const Node& n) {
  const int rank = n.in[0].rank();
  std::vector<int64_t> order = n.integers("perm");
  if (order.empty())
    for (int i = rank; i-- > 0;) order.push_back(i);
  Shape shape, strides;
  Tensor y = n.in[0];
  std::vector<int64_t> at;
  for (int i = 0; i < rank; ++i) at.push_back(i);
  for (int i = 0; i < rank; ++i) {
    const auto found = std::find(at.begin() + i, at.end(), order[static_cast<size_t>(i)]) - at.begin();
    std::swap(at[static_cast<size_t>(i)], at[static_cast<size_t>(found)]);
    y = transpose(y, i, static_cast<int>(found));
  }
  return {y};
}

// Both ways: the input's axes of size 1 and those of the shape.
Tensors expand_op(const Node& n) {
  return {expand(n.in[0], broadcast_shapes("expand", n.in[0].shape(), shape_of(n.whole(1))))};
}

Tensors split_op(const Node& n) {
  const int axis = axis_of(n.integer("axis", 0), n.in[0].rank());
  std::vector<int64_t> sizes = n.input(1).defined() ? n.whole(1) : n.integers("split");
  const int64_t length = n.in[0].shape()[axis], pieces = static_cast<int64_t>(n.outputs());
  if (sizes.empty()) sizes.assign(n.outputs(), length / pieces);
  Tensors parts;
  int64_t at = 0;
  for (int64_t size : sizes) parts.push_back(narrow(n.in[0], axis, at, size)), at += size;
  return parts;
}

// Python's slices along any axes; a step other than 1 picks rows by number.
Tensors slice_op(const Node& n) {
  const std::vector<int64_t> starts = n.input(1).defined() ? n.whole(1) : n.integers("starts");
  const std::vector<int64_t> ends = n.input(2).defined() ? n.whole(2) : n.integers("ends");
  std::vector<int64_t> axes = n.whole(3, n.integers("axes")), steps = n.whole(4);
  Tensor y = n.in[0];
  for (size_t i = 0; i < starts.size(); ++i) {
    const int axis = axis_of(axes.empty() ? static_cast<int64_t>(i) : axes[i], y.rank());
    const int64_t size = y.shape()[axis], step = steps.empty() ? 1 : steps[i];
    const auto place = [&](int64_t at) {
      return std::clamp<int64_t>(at < 0 ? at + size : at, step > 0 ? 0 : -1, step > 0 ? size : size - 1);
    };
    const int64_t from = place(starts[i]), to = ends[i] < -size ? (step > 0 ? 0 : -1) : place(ends[i]);
    Tensors entries;
    for (int64_t at = from; step > 0 ? at < to : at > to; at += step) entries.push_back(narrow(y, axis, at, 1));
    y = entries.empty() ? narrow(y, axis, 0, 0) : concat(entries, axis);
  }
  return {y};
}

Tensor from_front(const Tensor& index, int64_t size) {
  return where(less(index, scalar(0, index.dtype())), add(index, static_cast<double>(size)), index);
}

Tensors gather_elements(const Node& n) {
  const int axis = axis_of(n.integer("axis", 0), n.in[0].rank());
  return {gather(n.in[0], from_front(n.in[1], n.in[0].shape()[axis]), axis)};
}

Tensors gather_op(const Node& n) {
  const Tensor& x = n.in[0];
  const int axis = axis_of(n.integer("axis", 0), x.rank());
  Tensors entries;
  for (int64_t i : n.whole(1)) entries.push_back(narrow(x, axis, i < 0 ? i + x.shape()[axis] : i, 1));
  Shape result;
  for (int i = 0; i < axis; ++i) result.push_back(x.shape()[i]);
  for (int64_t size : n.in[1].shape()) result.push_back(size);
  for (int i = axis + 1; i < x.rank(); ++i) result.push_back(x.shape()[i]);
  return {reshape(entries.empty() ? narrow(x, axis, 0, 0) : concat(entries, axis), result)};
}

// 1 on a diagonal, by comparing row and column numbers.
Tensor column_minus_row(int64_t rows, int64_t columns) {
  return sub(unsqueeze(arange(columns), 0), unsqueeze(arange(rows), 1));
}
Tensors trilu(const Node& n) {
  const Tensor& x = n.in[0];
  const double k = static_cast<double>(n.whole(1, {0})[0]);
  const Tensor distance = column_minus_row(x.size(-2), x.size(-1)), edge = scalar(k, Dtype::i64);
  return {where(n.integer("upper", 1) ? greater_equal(distance, edge) : less_equal(distance, edge), x,
                scalar(0, x.dtype()))};
}
Tensors eye_like(const Node& n) {
  const Tensor on = equal(column_minus_row(n.in[0].size(0), n.in[0].size(1)),
                          scalar(static_cast<double>(n.integer("k", 0)), Dtype::i64));
  const int64_t type = n.integer("dtype", 0);
  covered_if(type == 0 || type == 1 || type == 11 || type == 6, "EyeLike of another type");
  return {cast(on, type == 0 ? n.in[0].dtype() : type == 1 ? Dtype::f32 : type == 6 ? Dtype::i32 : Dtype::f64)};
}

Tensors range(const Node& n) {
  const double start = n.in[0].item(), limit = n.in[1].item(), step = n.in[2].item();
  int64_t count = 0;
  while (step > 0 ? start + static_cast<double>(count) * step < limit
                  : start + static_cast<double>(count) * step > limit)
    ++count;
  return {arange(count, n.in[0].dtype(), start, step)};
}

// depth entries along a new axis, `on` where the index names the entry.
Tensors one_hot_op(const Node& n) {
  const int64_t depth = n.whole(1)[0];
  const int axis = axis_of(n.integer("axis", -1), n.in[0].rank() + 1);
  const Tensor index = unsqueeze(cast(n.in[0], Dtype::i64), axis);
  Shape numbers = Shape::filled(index.rank(), 1);
  numbers[axis] = depth;
  const Tensor hit = equal(from_front(index, depth), reshape(arange(depth), numbers));
  return {where(hit, narrow(n.in[2], 0, 1, 1), narrow(n.in[2], 0, 0, 1))};
}

// The whole tensor counts[i] times along axis i.
Tensors tile_op(const Node& n) {
  const std::vector<int64_t> counts = n.whole(1);
  Tensor y = n.in[0];
  for (size_t i = 0; i < counts.size(); ++i)
    y = concat(Tensors(static_cast<size_t>(counts[i]), y), static_cast<int>(i));
  return {y};
}

// (N, C, H, W) cut into squares of b by b entries, and back: reshapes around one transposition of six axes.
Tensor six(const Tensor& x, const Shape& split, std::initializer_list<int> order) {
  return permute(reshape(x, split), order);
}
Tensors depth_to_space(const Node& n) {
  const Tensor& x = n.in[0];
  const int64_t b = n.integer("blocksize", 1), batch = x.size(0), c = x.size(1) / (b * b), h = x.size(2), w = x.size(3);
  const Tensor y = n.text("mode", "DCR") == "DCR" ? six(x, {batch, b, b, c, h, w}, {0, 3, 4, 1, 5, 2})
                                                  : six(x, {batch, c, b, b, h, w}, {0, 1, 4, 2, 5, 3});
  return {reshape(y, {batch, c, h * b, w * b})};
}
Tensors space_to_depth(const Node& n) {
  const Tensor& x = n.in[0];
  const int64_t b = n.integer("blocksize", 1), batch = x.size(0), c = x.size(1), h = x.size(2) / b, w = x.size(3) / b;
  return {reshape(six(x, {batch, c, h, b, w, b}, {0, 3, 5, 1, 2, 4}), {batch, c * b * b, h, w})};
}

}  // namespace

std::vector<Entry> shape_ops() {
  return {
      {"Constant", constant},
      {"ConstantOfShape", constant_of_shape},
      {"Identity", [](const Node& n) -> Tensors { return {n.in[0]}; }},
      {"Shape", shape},
      {"Size", [](const Node& n) -> Tensors { return {scalar(static_cast<double>(n.in[0].count()), Dtype::i64)}; }},
      {"Reshape", reshape_op},
      {"Squeeze", squeeze_op},
      {"Unsqueeze", unsqueeze_op},
      {"Flatten", flatten_op},
      {"Transpose", transpose_op},
      {"Expand", expand_op},
      {"Concat", [](const Node& n) -> Tensors { return {concat(n.in, static_cast<int>(n.integer("axis", 0)))}; }},
      {"Split", split_op},
      {"Slice", slice_op},
      {"Gather", gather_op},
      {"GatherElements", gather_elements},
      {"Trilu", trilu},
      {"EyeLike", eye_like},
      {"Range", range},
      {"OneHot", one_hot_op},
      {"Tile", tile_op},
      {"DepthToSpace", depth_to_space},
      {"SpaceToDepth", space_to_depth},
  };
}

}  // namespace gradus::testing::onnx
