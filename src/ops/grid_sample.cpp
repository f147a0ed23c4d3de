#include "ops/grid_sample.h"

#include <array>
#include <cmath>
#include <string>
#include <vector>

#include "autograd/record.h"
#include "kernels/grid_place.h"
#include "kernels/table.h"
#include "ops/check.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"

namespace gradus {

namespace {

// One tap along one axis for every point, (B, 1, P) each: which entry, its weight and the weight's slope by the
// coordinate, both of them functions of the coordinate again.
struct Tap {
  Tensor entry;  // i64, 0 where the tap is outside
  Tensor weight, slope;
};

// The numbers behind the taps that are constant between two entries.
struct Pieces {
  std::vector<Tensor> entry, inside;  // of each tap
  Tensor fraction, slope;             // of the place beyond the entry below, and of the place by the coordinate
};

Pieces pieces_of(const Tensor& c, int64_t size, const SamplingRule& rule, int taps) {
  Pieces p;
  for (int t = 0; t < taps; ++t) {
    p.entry.push_back(zeros(c.shape(), Dtype::i64, c.device()));
    p.inside.push_back(zeros(c.shape(), Dtype::f64, c.device()));
  }
  p.fraction = zeros(c.shape(), Dtype::f64, c.device());
  p.slope = zeros_like(p.fraction);
  if (c.device() == Device::meta) return p;
  const auto values = c.detach().to_vector<double>();
  const auto fill = [&](auto tag) {
    using A = decltype(tag);
    for (size_t i = 0; i < values.size(); ++i) {
      const A value = static_cast<A>(values[i]);
      const AxisTaps<A> taps_here = axis_taps(value, size, rule);
      GridPlace<A> place = grid_place(value, size, rule.coordinates);
      if (rule.sampling != Sampling::bicubic) place = folded(place, size, rule);
      p.fraction.data<double>()[i] = static_cast<double>(place.at - std::floor(place.at));
      p.slope.data<double>()[i] = static_cast<double>(place.slope);
      for (size_t t = 0; t < p.entry.size(); ++t) {
        const int64_t at = taps_here.at[t];
        p.entry[t].data<int64_t>()[i] = at < 0 ? 0 : at;
        p.inside[t].data<double>()[i] = at < 0 ? 0 : 1;
      }
    }
  };
  if (c.dtype() == Dtype::f64)
    fill(double{});
  else
    fill(float{});
  return p;
}

// a polynomial's value, highest power first
Tensor polynomial(const Tensor& x, std::initializer_list<double> coefficients) {
  Tensor y;
  for (double k : coefficients) y = y.defined() ? add(mul(y, x), k) : full(x.shape(), k, x.dtype(), x.device());
  return y;
}

std::vector<Tap> sampling_taps(const Tensor& c, int64_t size, const SamplingRule& rule) {
  const int n = rule.sampling == Sampling::nearest ? 1 : rule.sampling == Sampling::bilinear ? 2 : 4;
  const Pieces p = pieces_of(c, size, rule, n);
  const Tensor slope = cast(p.slope, c.dtype());
  const Tensor t = add(cast(p.fraction, c.dtype()), mul(slope, sub(c, c.detach())));
  Tensors weight, change;
  if (n == 1) {
    weight = {ones_like(t)};
    change = {zeros_like(t)};
  } else if (n == 2) {
    weight = {add(neg(t), 1), t};
    change = {neg(ones_like(t)), ones_like(t)};
  } else {  // cubic_weights, in powers of t
    constexpr double a = -0.75;
    weight = {polynomial(t, {a, -2 * a, a, 0}), polynomial(t, {a + 2, -a - 3, 0, 1}),
              polynomial(t, {-a - 2, 2 * a + 3, -a, 0}), polynomial(t, {-a, a, 0, 0})};
    change = {polynomial(t, {3 * a, -4 * a, a}), polynomial(t, {3 * a + 6, -2 * a - 6, 0}),
              polynomial(t, {-3 * a - 6, 4 * a + 6, -a}), polynomial(t, {-3 * a, 2 * a, 0})};
  }
  std::vector<Tap> taps;
  for (int i = 0; i < n; ++i) {
    const auto k = static_cast<size_t>(i);
    const Tensor inside = cast(p.inside[k], c.dtype());
    taps.push_back({p.entry[k], mul(weight[k], inside), mul(mul(change[k], slope), inside)});
  }
  return taps;
}

// Calls f(entry in the volume, the taps of all axes) for every combination; axes are W, H, D.
template <class F>
void for_each_tap(const Tensor& x, const Tensor& grid, const SamplingRule& rule, F&& f) {
  const int axes = static_cast<int>(grid.shape()[2]);
  std::vector<std::vector<Tap>> taps;
  for (int i = 0; i < axes; ++i)
    taps.push_back(sampling_taps(unsqueeze(select(grid, 2, i), 1), x.shape()[4 - i], rule));
  size_t count = 1;
  for (const auto& t : taps) count *= t.size();
  for (size_t k = 0; k < count; ++k) {
    std::vector<const Tap*> here;
    Tensor entry;
    size_t rest = k;
    for (const auto& t : taps) here.push_back(&t[rest % t.size()]), rest /= t.size();
    for (int i = axes - 1; i >= 0; --i) {
      const Tensor& at = here[static_cast<size_t>(i)]->entry;
      entry = entry.defined() ? add(mul(entry, static_cast<double>(x.shape()[4 - i])), at) : at;
    }
    f(entry, here);
  }
}

// The product of the taps' weights, with the slope of axis `of` in place of its weight.
Tensor weight_product(const std::vector<const Tap*>& taps, int of = -1) {
  Tensor w;
  for (size_t i = 0; i < taps.size(); ++i) {
    const Tensor& factor = static_cast<int>(i) == of ? taps[i]->slope : taps[i]->weight;
    w = w.defined() ? mul(w, factor) : factor;
  }
  return w;
}

// dx = sum over taps of weight dy, added at the tap; dgrid = sum over taps of the weight's slope (x at the tap . dy).
Grads sampling_gradients(const Tensor& x, const Tensor& grid, const SamplingRule& rule, const Tensor& dy) {
  const Shape& s = x.shape();
  const int64_t volume = s[2] * s[3] * s[4], axes = grid.shape()[2];
  const Tensor flat = reshape(x, {s[0], s[1], volume});
  Tensor dx;
  Tensors dgrid(static_cast<size_t>(axes));
  for_each_tap(x, grid, rule, [&](const Tensor& entry, const std::vector<const Tap*>& taps) {
    const Tensor at = expand(entry, dy.shape());
    const Tensor part = scatter_add(mul(dy, weight_product(taps)), at, volume, 2);
    dx = dx.defined() ? add(dx, part) : part;
    const Tensor value = sum(mul(gather(flat, at, 2), dy), 1, keep_axis);
    for (int i = 0; i < axes; ++i) {
      Tensor& to = dgrid[static_cast<size_t>(i)];
      const Tensor moved = mul(value, weight_product(taps, i));
      to = to.defined() ? add(to, moved) : moved;
    }
  });
  for (Tensor& d : dgrid) d = reshape(d, {s[0], grid.shape()[1], 1});
  return {reshape(dx, s), concat(dgrid, 2)};
}

// x (B, C, D, H, W), grid (B, P, 2 or 3) -> (B, C, P).
Tensor sampled(const Tensor& x, const Tensor& grid, const SamplingRule& rule) {
  const Tensor xs = contiguous(x), places = contiguous(grid);
  Tensor y = empty({x.shape()[0], x.shape()[1], grid.shape()[1]}, x.dtype(), x.device());
  kernels(x.device()).grid_sample({.x = xs, .grid = places, .rule = rule, .y = y});
  record("grid_sample", {xs, places}, y, [x = save(xs), grid = save(places), rule](const Tensor& dy, Needs needs) {
    const Tensor a = x.get(), b = grid.get();
    if (recording()) return sampling_gradients(a, b, rule, dy);
    Grads d{needs[0] ? empty_like(a) : Tensor(), needs[1] ? empty_like(b) : Tensor()};
    kernels(a.device())
        .grid_sample_backward({.x = a, .grid = b, .rule = rule, .dy = contiguous(dy), .dx = d[0], .dgrid = d[1]});
    return d;
  });
  return y;
}

void require_axes_fit(const char* op, const Tensor& x) {
  for (int i = 2; i < x.rank(); ++i)
    if (x.shape()[i] < 1 || x.shape()[i] > int64_t{1} << 30)
      throw ShapeError(op, "spatial axes must have 1 to 2^30 entries, got " + x.describe() + ".");
}

}  // namespace

Tensor grid_sample(const Tensor& x, const Tensor& grid, const GridSampleOptions& options) {
  const char* op = "grid_sample";
  require_floating(op, x);
  require_floating(op, grid);
  require_same(op, {x, grid});
  const int axes = x.rank() - 2;
  if ((axes != 2 && axes != 3) || grid.rank() != x.rank() || grid.shape().back() != axes ||
      grid.shape()[0] != x.shape()[0])
    throw ShapeError(
        op,
        "needs x (B, C, H, W) with grid (B, H', W', 2), or x (B, C, D, H, W) with grid (B, D', H', W', 3), "
        "got x " +
            x.describe() + ", grid " + grid.describe() + ".");
  require_axes_fit(op, x);
  if (options.mode == Sampling::bicubic && axes != 2)
    throw ValueError(op, "bicubic sampling is for two spatial axes, got " + x.describe() + ".");
  const SamplingRule rule{options.mode, options.padding,
                          options.align_corners ? Coordinates::centres : Coordinates::edges};
  Shape five = x.shape(), out{x.shape()[0], x.shape()[1]};
  if (axes == 2) five.insert(2, 1);
  int64_t points = 1;
  for (int i = 1; i <= axes; ++i) out.push_back(grid.shape()[i]), points *= grid.shape()[i];
  return reshape(sampled(reshape(x, five), reshape(grid, {grid.shape()[0], points, axes}), rule), out);
}

Tensor affine_grid(const Tensor& theta, const Shape& size, bool align_corners) {
  const char* op = "affine_grid";
  require_floating(op, theta);
  const int axes = size.rank();
  if ((axes != 2 && axes != 3) || theta.rank() != 3 || theta.shape()[1] != axes || theta.shape()[2] != axes + 1)
    throw ShapeError(op, "needs theta (B, 2, 3) with two sizes or (B, 3, 4) with three, got " + theta.describe() +
                             " and " + size.str() + ".");
  for (int64_t n : size)
    if (n < 1) throw ShapeError(op, "the size must be positive, got " + size.str() + ".");
  Shape grid = size;
  grid.push_back(1);
  const int64_t points = empty(grid, theta.dtype(), Device::meta).count();  // refuses sizes whose product overflows
  Tensors columns;
  for (int i = 0; i < axes; ++i) {  // x is the last axis
    const int axis = axes - 1 - i;
    const auto n = static_cast<double>(size[axis]);
    const double step = align_corners ? (n > 1 ? 2 / (n - 1) : 0) : 2 / n;
    const double start = align_corners ? (n > 1 ? -1 : 0) : 1 / n - 1;
    Shape line = Shape::filled(axes, 1);
    line[axis] = size[axis];
    const Tensor places = arange(size[axis], theta.dtype(), start, step, theta.device());
    columns.push_back(reshape(expand(reshape(places, line), size), {points, 1}));
  }
  columns.push_back(ones({points, 1}, theta.dtype(), theta.device()));
  Shape out = size;
  out.insert(0, theta.shape()[0]);
  out.push_back(axes);
  const Tensor homogeneous = unsqueeze(concat(columns, 1), 0);
  return reshape(matmul(homogeneous, transpose(theta)), out);
}

Tensor bilinear_gather(const Tensor& x, const Tensor& points) {
  const char* op = "bilinear_gather";
  require_floating(op, x);
  require_floating(op, points);
  require_same(op, {x, points});
  if (x.rank() != 4 || points.rank() != 3 || points.shape()[2] != 2 || points.shape()[0] != x.shape()[0])
    throw ShapeError(
        op, "needs x (B, C, H, W) and points (B, N, 2), got x " + x.describe() + ", points " + points.describe() + ".");
  require_axes_fit(op, x);
  const SamplingRule rule{Sampling::bilinear, Outside::zeros, Coordinates::entries};
  Shape five = x.shape();
  five.insert(2, 1);
  return sampled(reshape(x, five), concat({narrow(points, 2, 1, 1), narrow(points, 2, 0, 1)}, 2), rule);
}

}  // namespace gradus
