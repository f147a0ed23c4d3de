// Reductions, scans, sorting, reading and writing by index, masks and diagonals.
#include "fuzz/op/calls.h"
#include "ops/create.h"
#include "ops/diagonal.h"
#include "ops/histogram.h"
#include "ops/index.h"
#include "ops/mask.h"
#include "ops/scan.h"
#include "ops/scatter.h"
#include "ops/segment.h"
#include "ops/shape.h"
#include "ops/sort.h"
#include "ops/statistics.h"

namespace gradus::fuzz {

namespace {

KeepAxis keep(Dice& d) { return d.coin() ? keep_axis : drop_axis; }
Tensor mostly_floats(Dice& d) { return d.chance(0.7) ? d.floats() : d.any(); }
int axis_of(Dice& d, const Tensor& x) { return d.axis(rank_of(x)); }
Tensors both(const ValuesIndices& r) { return {r.values, r.indices}; }

template <Tensor (*All)(const Tensor&), Tensor (*Some)(const Tensor&, const Axes&, KeepAxis)>
Tensors reduce(Dice& d) {
  const Tensor x = mostly_floats(d);
  if (d.chance(0.2)) return {All(x)};
  return {Some(x, d.axes(rank_of(x)), keep(d))};
}

template <Tensor (*F)(const Tensor&, int, KeepAxis)>
Tensors arg_extreme(Dice& d) {
  const Tensor x = mostly_floats(d);
  return {F(x, axis_of(d, x), keep(d))};
}

template <ValuesIndices (*F)(const Tensor&, int, KeepAxis)>
Tensors choose(Dice& d) {
  const Tensor x = mostly_floats(d);
  return both(F(x, axis_of(d, x), keep(d)));
}

template <Tensor (*F)(const Tensor&, int, ScanOptions)>
Tensors scan(Dice& d) {
  const Tensor x = mostly_floats(d);
  return {F(x, axis_of(d, x), {.exclusive = d.coin(), .reverse = d.coin()})};
}

template <ValuesIndices (*F)(const Tensor&, int)>
Tensors extreme_scan(Dice& d) {
  const Tensor x = mostly_floats(d);
  return both(F(x, axis_of(d, x)));
}

VarOptions var_options(Dice& d) { return {.correction = d.odd() ? d.number() : 1, .keep = keep(d)}; }

template <Tensor (*All)(const Tensor&, VarOptions), Tensor (*Some)(const Tensor&, const Axes&, VarOptions)>
Tensors variance(Dice& d) {
  const Tensor x = d.floats();
  if (d.chance(0.2)) return {All(x, var_options(d))};
  return {Some(x, d.axes(rank_of(x)), var_options(d))};
}

Tensors call_var_mean(Dice& d) {
  const Tensor x = d.floats();
  const VarMean r = d.chance(0.2) ? var_mean(x, var_options(d)) : var_mean(x, d.axes(rank_of(x)), var_options(d));
  return {r.var, r.mean};
}

Tensors call_vector_norm(Dice& d) {
  const Tensor x = d.floats();
  const double p = d.chance(0.3) ? d.number() : d.one_of({0.0, 0.5, 1.0, 2.0, 3.0, -1.0});
  if (d.chance(0.2)) return {vector_norm(x, p)};
  return {vector_norm(x, d.axes(rank_of(x)), p, keep(d))};
}

Tensors call_linear_scan(Dice& d) {
  const Tensor a = d.floats(), b = d.floats(d.coin() ? shape_of(a) : d.broadcastable(shape_of(a)));
  return {linear_scan(a, b, axis_of(d, a), d.coin())};
}

Tensors call_sort(Dice& d) {
  const Tensor x = mostly_floats(d);
  return both(sort(x, axis_of(d, x), {.descending = d.coin()}));
}

Tensors call_topk(Dice& d) {
  const Tensor x = mostly_floats(d);
  const int axis = axis_of(d, x);
  return both(topk(x, d.odd() ? d.size() : d.between(0, size_of_axis(x, axis)), axis, {.largest = d.coin()}));
}

Tensors call_kthvalue(Dice& d) {
  const Tensor x = mostly_floats(d);
  const int axis = axis_of(d, x);
  return both(kthvalue(x, d.odd() ? d.size() : d.between(0, size_of_axis(x, axis)), axis, keep(d)));
}

Tensors call_median(Dice& d) {
  const Tensor x = mostly_floats(d);
  if (d.chance(0.3)) return {median(x)};
  return both(median(x, axis_of(d, x), keep(d)));
}

Tensors call_quantile(Dice& d) {
  const Tensor x = d.floats();
  const auto q = [&] { return d.odd() ? d.number() : static_cast<double>(d.below(11)) / 10; };
  const QuantileOptions options{
      .interpolation = d.one_of({QuantileMethod::linear, QuantileMethod::lower, QuantileMethod::higher,
                                 QuantileMethod::nearest, QuantileMethod::midpoint}),
      .keep = keep(d)};
  switch (d.below(4)) {
    case 0: return {quantile(x, q(), options)};
    case 1: return {quantile(x, std::vector<double>{q(), q()}, options)};
    case 2: return {quantile(x, q(), axis_of(d, x), options)};
    default: return {quantile(x, std::vector<double>{q(), q(), q()}, axis_of(d, x), options)};
  }
}

Tensors call_unique(Dice& d) {
  const UniqueResult r = unique(d.any());
  return {r.values, r.inverse, r.counts};
}

Tensors call_searchsorted(Dice& d) {
  const Tensor values = d.any();
  Shape shape = shape_of(values);
  if (d.coin() || shape.rank() == 0)
    shape = {d.size()};
  else
    shape[shape.rank() - 1] = d.size();
  const Tensor edges = d.tensor(shape, values.defined() ? values.dtype() : Dtype::f32);
  return {d.coin() ? searchsorted(edges, values, d.coin()) : bucketize(values, edges, d.coin())};
}

Tensors call_histogram(Dice& d) {
  const Histogram h =
      histogram(d.any(), {.bins = d.small(1, 6), .low = d.coin() ? 0 : d.number(), .high = d.coin() ? 0 : d.number()});
  return {h.counts, h.edges};
}

Tensors call_bincount(Dice& d) {
  const Shape shape = d.odd() ? d.shape() : Shape{d.between(0, 6)};
  return {bincount(d.indices(shape, 7), d.small(0, 9), d.maybe(d.tensor(shape, d.dtype())))};
}

// x, and an index of its rank that fits it along an axis.
struct Reading {
  Tensor x;
  int axis;
  Shape shape;
  Tensor index;

  explicit Reading(Dice& d) : x(mostly_floats(d)), axis(axis_of(d, x)), shape(shape_of(x)) {
    const int rank = shape.rank();
    if (axis >= -rank && axis < rank) shape[axis < 0 ? axis + rank : axis] = d.between(0, 6);
    for (int i = 0; i < rank; ++i)
      if (d.odd()) shape[i] = d.between(0, 3);
    index = d.indices(shape, std::max<int64_t>(size_of_axis(x, axis), 1));
  }
  Tensor source(Dice& d) const { return d.tensor(shape, x.defined() && !d.odd() ? x.dtype() : d.dtype()); }
};

Tensors call_take_along_axis(Dice& d) {
  const Reading r(d);
  return {take_along_axis(r.x, r.index, r.axis)};
}

Tensors call_index_select(Dice& d) {
  const Tensor x = mostly_floats(d);
  const int axis = axis_of(d, x);
  return {index_select(x, d.indices({d.between(0, 6)}, std::max<int64_t>(size_of_axis(x, axis), 1)), axis)};
}

Tensors call_take(Dice& d) {
  const Tensor x = mostly_floats(d);
  return {take(x, d.indices(d.shape(3), x.defined() ? std::max<int64_t>(x.count(), 1) : 1))};
}

Tensors call_gather_nd(Dice& d) {
  const Tensor x = mostly_floats(d);
  const Shape from = shape_of(x);
  const int batch = d.odd() ? static_cast<int>(d.between(-1, 3)) : static_cast<int>(d.below(std::max(from.rank(), 1)));
  Shape shape;
  for (int i = 0; i < std::min(batch, from.rank()); ++i) shape.push_back(from[i]);
  if (d.coin() && shape.rank() < 6) shape.push_back(d.between(0, 4));
  shape.push_back(d.odd() ? d.size() : d.between(0, std::max(from.rank() - batch, 0)));
  int64_t bound = 5;
  for (int64_t n : from) bound = std::min(bound, n);
  return {gather_nd(x, d.indices(shape, std::max<int64_t>(bound, 1)), batch)};
}

Tensors call_embedding_bag(Dice& d) {
  const Shape size{d.between(1, 5), d.between(0, 4)};
  const int64_t n = d.between(0, 6), middle = d.between(0, n);
  const Tensor table = d.floats(size), ids = d.indices({n}, size[0]);
  const Tensor offsets =
      d.chance(0.2) ? d.indices({d.between(0, 3)}, n + 1) : from_vector<int64_t>({0, middle, d.odd() ? d.size() : n});
  return {embedding_bag(table, ids, offsets,
                        {.mode = d.one_of({BagMode::sum, BagMode::mean, BagMode::max}),
                         .weights = d.chance(0.2) ? d.floats({n}) : Tensor()})};
}

Tensors call_scatter(Dice& d) {
  const Reading r(d);
  if (d.chance(0.2)) return {scatter(r.x, r.index, d.number(), r.axis)};
  if (d.chance(0.3)) return {scatter_add(r.x, r.index, r.source(d), r.axis)};
  return {scatter(r.x, r.index, r.source(d), r.axis)};
}

Tensors call_scatter_reduce(Dice& d) {
  const Reading r(d);
  const ScatterMode mode =
      d.one_of({ScatterMode::sum, ScatterMode::prod, ScatterMode::mean, ScatterMode::max, ScatterMode::min});
  return {scatter_reduce(r.x, r.index, r.source(d), r.axis, {.mode = mode, .include_self = d.coin()})};
}

Tensors call_index_add(Dice& d) {
  const Tensor x = mostly_floats(d);
  const int axis = axis_of(d, x), rank = rank_of(x);
  const int64_t n = d.between(0, 5);
  Shape shape = shape_of(x);
  if (axis >= -rank && axis < rank) shape[axis < 0 ? axis + rank : axis] = n;
  const Tensor index = d.indices({n}, std::max<int64_t>(size_of_axis(x, axis), 1));
  return {index_add(x, index, d.tensor(shape, x.defined() ? x.dtype() : Dtype::f32), axis)};
}

Tensors call_put(Dice& d) {
  const Tensor x = mostly_floats(d);
  const Shape shape = d.shape(3);
  const Tensor index = d.indices(shape, x.defined() ? std::max<int64_t>(x.count(), 1) : 1);
  return {put(x, index, d.tensor(shape, x.defined() ? x.dtype() : Dtype::f32), d.coin())};
}

Tensors call_scatter_nd(Dice& d) {
  const Tensor x = mostly_floats(d);
  const Shape from = shape_of(x);
  const int k = static_cast<int>(d.below(from.rank() + 1));
  const int64_t n = d.between(0, 5);
  Shape updates{n};
  int64_t bound = 5;
  for (int i = 0; i < from.rank(); ++i) {
    bound = std::min(bound, from[i]);
    if (i >= k && updates.rank() < Shape::kMaxRank) updates.push_back(from[i]);
  }
  const Tensor src = d.tensor(updates, x.defined() ? x.dtype() : Dtype::f32);
  const WriteMode mode = d.one_of({WriteMode::assign, WriteMode::sum, WriteMode::prod, WriteMode::max, WriteMode::min});
  return {scatter_nd(x, d.indices({n, d.odd() ? d.size() : k}, std::max<int64_t>(bound, 1)), src, mode)};
}

template <Tensor (*F)(const Tensor&, const Tensor&, int64_t)>
Tensors segment(Dice& d) {
  const Tensor x = mostly_floats(d);
  const int64_t n = size_of_axis(x, 0), segments = d.small(1, 5);
  return {F(x, d.indices({d.odd() ? d.size() : n}, std::max<int64_t>(std::min<int64_t>(segments, 5), 1)), segments)};
}

Tensors call_mask(Dice& d) {
  const Tensor x = mostly_floats(d);
  Shape shape = shape_of(x);
  switch (d.below(4)) {
    case 0: return {masked_fill(x, d.mask(d.broadcastable(shape)), d.number())};
    case 1: return {masked_fill(x, d.mask(shape), d.floats(d.odd() ? d.shape() : Shape{}))};
    case 2: return {masked_select(x, d.mask(d.broadcastable(shape)))};
    default:
      while (shape.rank() > 0 && d.coin()) shape.erase(shape.rank() - 1);
      return {select_by_mask(x, d.mask(shape))};
  }
}

Tensors call_one_hot(Dice& d) {
  const int64_t classes = d.small(1, 6);
  return {one_hot(d.indices(d.shape(4), std::max<int64_t>(std::min<int64_t>(classes, 6), 1)), classes, d.dtype())};
}

int64_t offset(Dice& d) { return d.odd() ? d.size() : d.between(-4, 4); }

Tensors call_diagonal(Dice& d) {
  const Tensor x = mostly_floats(d);
  switch (d.below(4)) {
    case 0: return {d.coin() ? tril(x, offset(d)) : triu(x, offset(d))};
    case 1: return {diag_embed(x, d.between(-4, 4), d.axis(rank_of(x) + 1), d.axis(rank_of(x) + 1))};
    case 2: return {diag(x, d.between(-4, 4))};
    default: return {trace(x)};
  }
}

Tensors more_creation(Dice& d) {
  if (d.coin()) return {eye(d.small(0, 5), d.coin() ? -1 : d.small(0, 5), d.dtype())};
  return {linspace(d.number(), d.number(), d.small(0, 6), d.dtype())};
}

}  // namespace

std::vector<Call> scan_calls() {
  return {
      {"prod", reduce<prod, prod>},
      {"argmax", arg_extreme<argmax>},
      {"argmin", arg_extreme<argmin>},
      {"max_with_index", choose<max_with_index>},
      {"min_with_index", choose<min_with_index>},
      {"any", reduce<any, any>},
      {"all", reduce<all, all>},
      {"count_nonzero", reduce<count_nonzero, count_nonzero>},
      {"var", variance<var, var>},
      {"stddev", variance<stddev, stddev>},
      {"var_mean", call_var_mean},
      {"logsumexp", reduce<logsumexp, logsumexp>},
      {"vector_norm", call_vector_norm},
      {"cumsum", scan<cumsum>},
      {"cumprod", scan<cumprod>},
      {"logcumsumexp",
       [](Dice& d) -> Tensors {
         const Tensor x = d.floats();
         return {logcumsumexp(x, axis_of(d, x))};
       }},
      {"cummax", extreme_scan<cummax>},
      {"cummin", extreme_scan<cummin>},
      {"linear_scan", call_linear_scan},
      {"sort", call_sort},
      {"argsort",
       [](Dice& d) -> Tensors {
         const Tensor x = d.any();
         return {argsort(x, axis_of(d, x), {.descending = d.coin()})};
       }},
      {"topk", call_topk},
      {"kthvalue", call_kthvalue},
      {"median", call_median},
      {"quantile", call_quantile},
      {"unique", call_unique},
      {"searchsorted", call_searchsorted},
      {"bucketize", call_searchsorted},
      {"histogram", call_histogram},
      {"bincount", call_bincount},
      {"take_along_axis", call_take_along_axis},
      {"index_select", call_index_select},
      {"take", call_take},
      {"gather_nd", call_gather_nd},
      {"embedding_bag", call_embedding_bag},
      {"scatter", call_scatter},
      {"scatter_reduce", call_scatter_reduce},
      {"index_add", call_index_add},
      {"put", call_put},
      {"scatter_nd", call_scatter_nd},
      {"segment_sum", segment<segment_sum>},
      {"segment_mean", segment<segment_mean>},
      {"segment_prod", segment<segment_prod>},
      {"segment_max", segment<segment_max>},
      {"segment_min", segment<segment_min>},
      {"masked_fill", call_mask},
      {"masked_select", call_mask},
      {"select_by_mask", call_mask},
      {"nonzero", [](Dice& d) -> Tensors { return {nonzero(d.any())}; }},
      {"one_hot", call_one_hot},
      {"tril", call_diagonal},
      {"triu", call_diagonal},
      {"diag_embed", call_diagonal},
      {"diag", call_diagonal},
      {"trace", call_diagonal},
      {"eye and linspace", more_creation},
  };
}

}  // namespace gradus::fuzz
