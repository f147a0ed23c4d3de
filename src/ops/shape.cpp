#include "ops/shape.h"

#include <string>
#include <utility>

#include "autograd/record.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/reduce.h"

namespace gradus {

namespace {

Shape resolved(const Tensor& x, const Shape& wanted) {
  Shape shape = wanted;
  int unknown = -1;
  int64_t known = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] == -1 && unknown < 0)
      unknown = i;
    else
      known *= shape[i];
  }
  if (unknown >= 0 && known > 0) shape[unknown] = x.count() / known;
  for (int64_t size : shape)
    if (size < 0) throw ShapeError("reshape", "cannot make " + wanted.str() + " of " + x.describe() + ".");
  if (shape.count() != x.count())
    throw ShapeError("reshape", x.describe() + " has " + std::to_string(x.count()) + " elements, " + shape.str() +
                                    " would have " + std::to_string(shape.count()) + ".");
  return shape;
}

// Strides under which x's storage shows the new sizes; false when there are none.
bool view_strides(const Tensor& x, const Shape& shape, Strides& strides) {
  strides = contiguous_strides(shape);
  if (x.contiguous() || x.count() == 0) return true;
  Shape sizes, steps;  // x without its axes of size 1
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (x.shape()[axis] == 1) continue;
    sizes.push_back(x.shape()[axis]);
    steps.push_back(x.strides()[axis]);
  }
  int to = shape.rank() - 1;
  for (int from = sizes.rank() - 1; from >= 0; --from) {
    // A run of x's axes that lie one inside the other must be filled exactly by a run of new axes.
    int64_t run = sizes[from];
    const int64_t step = steps[from];
    while (from > 0 && steps[from - 1] == run * step) run *= sizes[--from];
    int64_t filled = 1;
    for (; to >= 0 && (filled < run || shape[to] == 1); --to) {
      strides[to] = step * filled;
      filled *= shape[to];
    }
    if (filled != run) return false;
  }
  return true;
}

// x placed into zeros of `shape`, starting at `start` along `axis`: the reverse of narrow().
Tensor embed_into_zeros(const Tensor& x, const Shape& shape, int axis, int64_t start) {
  Tensor y = zeros(shape, x.dtype(), x.device());
  const Tensor part = y.strided(x.shape(), y.strides(), start * y.strides()[axis]);
  kernels(x.device()).copy({.x = x, .y = part});
  record("narrow_backward", {x}, y,
         [axis, start, length = x.shape()[axis]](const Tensor& dy) { return narrow(dy, axis, start, length); });
  return y;
}

}  // namespace

Tensor reshape(const Tensor& x, const Shape& wanted) {
  require_defined("reshape", x);
  const Shape shape = resolved(x, wanted);
  if (shape == x.shape()) return x;
  Strides strides;
  if (!view_strides(x, shape, strides)) return reshape(contiguous(x), shape);
  Tensor y = x.strided(shape, strides);
  record("reshape", {x}, y, [from = x.shape()](const Tensor& dy) { return reshape(dy, from); });
  return y;
}

Tensor flatten(const Tensor& x, int first, int last) {
  require_rank("flatten", "x", x, 1);
  first = wrap_axis("flatten", first, x.rank());
  last = wrap_axis("flatten", last, x.rank());
  Shape shape;
  int64_t merged = 1;
  for (int axis = 0; axis < x.rank(); ++axis) {
    if (axis >= first && axis <= last) merged *= x.shape()[axis];
    if (axis == last) shape.push_back(merged);
    if (axis < first || axis > last) shape.push_back(x.shape()[axis]);
  }
  return reshape(x, shape);
}

Tensor transpose(const Tensor& x, int axis_a, int axis_b) {
  require_defined("transpose", x);
  const int a = wrap_axis("transpose", axis_a, x.rank()), b = wrap_axis("transpose", axis_b, x.rank());
  Shape shape = x.shape();
  Strides strides = x.strides();
  std::swap(shape[a], shape[b]);
  std::swap(strides[a], strides[b]);
  Tensor y = x.strided(shape, strides);
  record("transpose", {x}, y, [a, b](const Tensor& dy) { return transpose(dy, a, b); });
  return y;
}

static Tensor permute_axes(const Tensor& x, const Shape& order) {
  Shape shape = x.shape();
  Strides strides = x.strides();
  Shape inverse = order;
  for (int i = 0; i < x.rank(); ++i) {
    const int from = static_cast<int>(order[i]);
    shape[i] = x.shape()[from];
    strides[i] = x.strides()[from];
    inverse[from] = i;
  }
  Tensor y = x.strided(shape, strides);
  record("permute", {x}, y, [inverse](const Tensor& dy) { return permute_axes(dy, inverse); });
  return y;
}

Tensor permute(const Tensor& x, std::initializer_list<int> order) {
  require_defined("permute", x);
  Shape axes;
  unsigned seen = 0;
  for (int axis : order) {
    axes.push_back(wrap_axis("permute", axis, x.rank()));
    seen |= 1u << axes.back();
  }
  if (axes.rank() != x.rank() || seen != (1u << x.rank()) - 1)
    throw IndexError("permute", axes.str() + " is not an order of the axes of " + x.describe() + ".");
  return permute_axes(x, axes);
}

Tensor expand(const Tensor& x, const Shape& shape) {
  require_defined("expand", x);
  if (x.shape() == shape) return x;
  Strides strides = Strides::filled(shape.rank(), 0);
  bool fits = x.rank() <= shape.rank();
  for (int i = 0; fits && i < x.rank(); ++i) {
    const int64_t have = x.shape().back(i), want = shape.back(i);
    fits = have == want || have == 1;
    if (have == want) strides[shape.rank() - 1 - i] = x.strides().back(i);
  }
  if (!fits) throw ShapeError("expand", "cannot stretch " + x.describe() + " to " + shape.str() + ".");
  Tensor y = x.strided(shape, strides);
  record("expand", {x}, y, [from = x.shape()](const Tensor& dy) { return sum_to(dy, from); });
  return y;
}

Tensor unsqueeze(const Tensor& x, int axis) {
  require_defined("unsqueeze", x);
  axis = wrap_axis("unsqueeze", axis, x.rank() + 1);
  Shape shape = x.shape();
  shape.insert(axis, 1);
  return reshape(x, shape);
}

Tensor squeeze(const Tensor& x, int axis) {
  require_defined("squeeze", x);
  axis = wrap_axis("squeeze", axis, x.rank());
  if (x.shape()[axis] != 1)
    throw ShapeError("squeeze", "axis " + std::to_string(axis) + " of " + x.describe() + " has not size 1.");
  Shape shape = x.shape();
  shape.erase(axis);
  return reshape(x, shape);
}

Tensor narrow(const Tensor& x, int axis, int64_t start, int64_t length) {
  require_defined("narrow", x);
  axis = wrap_axis("narrow", axis, x.rank());
  const int64_t size = x.shape()[axis];
  if (start < 0 || length < 0 || start > size || length > size - start)
    throw IndexError("narrow", "entries " + std::to_string(start) + " to " + std::to_string(start + length) +
                                   " leave axis " + std::to_string(axis) + " of " + x.describe() + ".");
  if (length == size) return x;
  Shape shape = x.shape();
  shape[axis] = length;
  Tensor y = x.strided(shape, x.strides(), length == 0 ? 0 : start * x.strides()[axis]);
  record("narrow", {x}, y,
         [from = x.shape(), axis, start](const Tensor& dy) { return embed_into_zeros(dy, from, axis, start); });
  return y;
}

Tensor select(const Tensor& x, int axis, int64_t index) {
  require_rank("select", "x", x, 1);
  const int64_t size = x.size(axis);
  return squeeze(narrow(x, axis, index < 0 ? index + size : index, 1), axis);
}

Tensors split(const Tensor& x, std::initializer_list<int64_t> sizes, int axis) {
  require_defined("split", x);
  axis = wrap_axis("split", axis, x.rank());
  int64_t total = 0;
  for (int64_t size : sizes) total += size;
  if (total != x.shape()[axis])
    throw ShapeError("split", "pieces of " + std::to_string(total) + " entries for axis " + std::to_string(axis) +
                                  " of " + x.describe() + ".");
  Tensors pieces;
  int64_t start = 0;
  for (int64_t size : sizes) {
    pieces.push_back(narrow(x, axis, start, size));
    start += size;
  }
  return pieces;
}

Tensor concat(const Tensors& xs, int axis) {
  if (xs.empty()) throw ValueError("concat", "got no tensors.");
  for (const Tensor& x : xs) require_same("concat", {xs[0], x});
  axis = wrap_axis("concat", axis, xs[0].rank());
  Shape shape = xs[0].shape();
  shape[axis] = 0;
  for (const Tensor& x : xs) {
    Shape other = x.shape();
    if (other.rank() == shape.rank()) {
      shape[axis] += std::exchange(other[axis], xs[0].shape()[axis]);
      if (other == xs[0].shape()) continue;
    }
    throw ShapeError("concat", "cannot join " + x.describe() + " to " + xs[0].describe() + " along axis " +
                                   std::to_string(axis) + ".");
  }
  Tensor y = empty(shape, xs[0].dtype(), xs[0].device());
  std::vector<int64_t> lengths;
  int64_t start = 0;
  for (const Tensor& x : xs) {
    const Tensor part = y.strided(x.shape(), y.strides(), x.count() == 0 ? 0 : start * y.strides()[axis]);
    kernels(y.device()).copy({.x = x, .y = part});
    lengths.push_back(x.shape()[axis]);
    start += lengths.back();
  }
  record("concat", xs, Tensors{y}, [lengths, axis](const Tensor& dy) {
    Tensors dx;
    int64_t at = 0;
    for (int64_t length : lengths) {
      dx.push_back(narrow(dy, axis, at, length));
      at += length;
    }
    return Grads(std::move(dx));
  });
  return y;
}

Tensor contiguous(const Tensor& x) { return x.contiguous() ? x : clone(x); }

Tensor clone(const Tensor& x) {
  require_defined("clone", x);
  Tensor y = empty_like(x);
  kernels(x.device()).copy({.x = x, .y = y});
  record("clone", {x}, y, [](const Tensor& dy) { return dy; });
  return y;
}

}  // namespace gradus
