#include "ops/rearrange.h"

#include <algorithm>
#include <string>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/index.h"
#include "ops/shape.h"

namespace gradus {

Tensor flip(const Tensor& x, const Axes& axes) {
  require_defined("flip", x);
  const unsigned mask = axes.mask("flip", x.rank());
  Tensor y = empty_like(x);
  if (x.count() > 0) {
    Strides strides = x.strides();
    int64_t last = 0;
    for (int axis = 0; axis < x.rank(); ++axis) {
      if (!(mask >> axis & 1)) continue;
      last += (x.shape()[axis] - 1) * strides[axis];
      strides[axis] = -strides[axis];
    }
    kernels(x.device()).copy({.x = x.strided(x.shape(), strides, last), .y = y});
  }
  record("flip", {x}, y, [axes](const Tensor& dy) { return flip(dy, axes); });
  return y;
}

Tensor roll(const Tensor& x, int64_t shift, int axis) { return roll(x, std::vector<int64_t>{shift}, Axes(axis)); }

Tensor roll(const Tensor& x, const std::vector<int64_t>& shifts, const Axes& axes) {
  require_defined("roll", x);
  const Axes along = axes.wrapped("roll", x.rank());
  if (static_cast<int>(shifts.size()) != along.size())
    throw ValueError("roll", std::to_string(shifts.size()) + " shifts for " + std::to_string(along.size()) + " axes.");
  std::vector<int64_t> by(shifts.size()), back(shifts.size());
  for (size_t i = 0; i < shifts.size(); ++i) {
    const int64_t n = std::max<int64_t>(x.shape()[along[static_cast<int>(i)]], 1);
    by[i] = (shifts[i] % n + n) % n;
    back[i] = -by[i];
  }
  Tensor y = empty_like(x);
  // Each axis falls into two pieces that change places: 2^k blocks are copied, each once.
  for (unsigned block = 0; block < (1u << along.size()); ++block) {
    Tensor from = x.detach(), to = y;
    for (int i = 0; i < along.size(); ++i) {
      const int64_t n = x.shape()[along[i]], shift = by[static_cast<size_t>(i)];
      const bool wrapped = block >> i & 1;
      from = narrow(from, along[i], wrapped ? n - shift : 0, wrapped ? shift : n - shift);
      to = narrow(to, along[i], wrapped ? 0 : shift, wrapped ? shift : n - shift);
    }
    if (to.count() > 0) kernels(x.device()).copy({.x = from, .y = to});
  }
  record("roll", {x}, y, [back, along](const Tensor& dy) { return roll(dy, back, along); });
  return y;
}

Tensor rot90(const Tensor& x, int times, int axis_a, int axis_b) {
  require_rank("rot90", "x", x, 2);
  const int a = wrap_axis("rot90", axis_a, x.rank()), b = wrap_axis("rot90", axis_b, x.rank());
  if (a == b) throw IndexError("rot90", "axis " + std::to_string(a) + " is named twice.");
  switch ((times % 4 + 4) % 4) {
    case 1: return flip(transpose(x, a, b), a);
    case 2: return flip(x, {a, b});
    case 3: return flip(transpose(x, a, b), b);
    default: return x;
  }
}

Tensor tile(const Tensor& x, const std::vector<int64_t>& counts) {
  require_defined("tile", x);
  Tensor y = x;
  for (int i = x.rank(); i < static_cast<int>(counts.size()); ++i) y = unsqueeze(y, 0);
  // From the last axis on, so that each pass reads as little as possible.
  for (size_t i = 0; i < counts.size(); ++i) {
    const int64_t count = counts[counts.size() - 1 - i];
    const int axis = y.rank() - 1 - static_cast<int>(i);
    if (count < 0) throw ValueError("tile", "negative count " + std::to_string(count) + ".");
    if (count == 1) continue;
    Shape shape = y.shape();
    int64_t outer = 1, inner = 1, size;
    for (int k = 0; k < axis; ++k) outer *= shape[k];
    for (int k = axis; k < y.rank(); ++k) inner *= shape[k];
    if (__builtin_mul_overflow(shape[axis], count, &size))
      throw ShapeError("tile", x.describe() + " has too many elements " + std::to_string(count) + " times.");
    shape[axis] = size;
    y = reshape(expand(reshape(y, {outer, 1, inner}), {outer, count, inner}), shape);
  }
  return y;
}

Tensor repeat_interleave(const Tensor& x, int64_t count, int axis) {
  require_defined("repeat_interleave", x);
  axis = wrap_axis("repeat_interleave", axis, x.rank());
  if (count < 0) throw ValueError("repeat_interleave", "negative count " + std::to_string(count) + ".");
  Shape shape = x.shape();
  int64_t outer = 1, inner = 1;
  for (int k = 0; k <= axis; ++k) outer *= shape[k];
  for (int k = axis + 1; k < x.rank(); ++k) inner *= shape[k];
  if (__builtin_mul_overflow(shape[axis], count, &shape[axis]))
    throw ShapeError("repeat_interleave", x.describe() + " has too many elements " + std::to_string(count) + " times.");
  return reshape(expand(reshape(x, {outer, 1, inner}), {outer, count, inner}), shape);
}

Tensor repeat_interleave(const Tensor& x, const std::vector<int64_t>& counts, int axis) {
  require_defined("repeat_interleave", x);
  axis = wrap_axis("repeat_interleave", axis, x.rank());
  if (static_cast<int64_t>(counts.size()) != x.shape()[axis])
    throw ShapeError("repeat_interleave", std::to_string(counts.size()) + " counts for axis " + std::to_string(axis) +
                                              " of " + x.describe() + ".");
  int64_t total = 0;
  for (int64_t count : counts)
    if (count < 0 || __builtin_add_overflow(total, count, &total))
      throw ValueError("repeat_interleave", "impossible count " + std::to_string(count) + ".");
  const Tensor index = empty({total}, Dtype::i64, x.device());
  if (x.device() != Device::meta) {
    int64_t* at = index.data<int64_t>();
    for (size_t i = 0; i < counts.size(); ++i) at = std::fill_n(at, counts[i], static_cast<int64_t>(i));
  }
  const Tensor rows = movedim(x, axis, 0);
  Shape shape = rows.shape();
  int64_t width = 1;
  for (int k = 1; k < shape.rank(); ++k) width *= shape[k];
  shape[0] = index.count();
  return movedim(reshape(embedding(reshape(rows, {rows.shape()[0], width}), index), shape), 0, axis);
}

Tensors meshgrid(const Tensors& xs) {
  Shape shape;
  for (const Tensor& x : xs) {
    require_defined("meshgrid", x);
    if (x.rank() != 1) throw ShapeError("meshgrid", "needs vectors, got " + x.describe() + ".");
    shape.push_back(x.count());
  }
  Tensors grids;
  for (int i = 0; i < shape.rank(); ++i) {
    Shape own = Shape::filled(shape.rank(), 1);
    own[i] = shape[i];
    grids.push_back(expand(reshape(xs[static_cast<size_t>(i)], own), shape));
  }
  return grids;
}

Tensor cartesian_product(const Tensors& xs) {
  Tensors columns;
  for (const Tensor& grid : meshgrid(xs)) columns.push_back(flatten(grid));
  return stack(columns, 1);
}

namespace {

// Matrices in the stack x (*, H, W).
int64_t planes(const Tensor& x) {
  int64_t n = 1;
  for (int axis = 0; axis < x.rank() - 2; ++axis) n *= x.shape()[axis];
  return n;
}

void require_factor(const char* op, const Tensor& x, int64_t r) {
  require_rank(op, "x", x, 3);
  if (r < 1 || r > (1 << 20)) throw ValueError(op, "factor " + std::to_string(r) + ".");
}

}  // namespace

Tensor pixel_shuffle(const Tensor& x, int64_t r) {
  require_factor("pixel_shuffle", x, r);
  const int64_t channels = x.shape().back(2), height = x.shape().back(1), width = x.shape().back();
  if (channels % (r * r) != 0)
    throw ShapeError("pixel_shuffle",
                     "the channels of " + x.describe() + " are not a multiple of " + std::to_string(r) + " squared.");
  const Tensor squares = reshape(x, {planes(x) / (r * r), r, r, height, width});
  Shape shape = x.shape();
  const int rank = shape.rank();
  shape[rank - 3] = channels / (r * r), shape[rank - 2] = height * r, shape[rank - 1] = width * r;
  return reshape(permute(squares, {0, 3, 1, 4, 2}), shape);
}

Tensor pixel_unshuffle(const Tensor& x, int64_t r) {
  require_factor("pixel_unshuffle", x, r);
  const int64_t channels = x.shape().back(2), height = x.shape().back(1), width = x.shape().back();
  if (height % r != 0 || width % r != 0)
    throw ShapeError("pixel_unshuffle",
                     "the sides of " + x.describe() + " are not multiples of " + std::to_string(r) + ".");
  const Tensor squares = reshape(x, {planes(x), height / r, r, width / r, r});
  Shape shape = x.shape();
  const int rank = shape.rank();
  shape[rank - 3] = channels * r * r, shape[rank - 2] = height / r, shape[rank - 1] = width / r;
  return reshape(permute(squares, {0, 2, 4, 1, 3}), shape);
}

}  // namespace gradus
