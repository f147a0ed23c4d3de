// Linear algebra, and the norms over channels.
#include "fuzz/op/calls.h"
#include "ops/linalg.h"
#include "ops/norm.h"
#include "ops/shape.h"

namespace gradus::fuzz {

namespace {

Shape batch(Dice& d) { return d.coin() ? Shape() : d.shape_of_rank(static_cast<int>(d.between(1, 2))); }

Tensor matrix_of(Dice& d, Shape batch, int64_t m, int64_t n) {
  if (d.odd()) return d.any();
  batch.push_back(m);
  batch.push_back(n);
  return d.floats(batch);
}
Tensor matrix(Dice& d) { return matrix_of(d, batch(d), d.size(), d.size()); }
Tensor square(Dice& d) {
  const int64_t n = d.size();
  return matrix_of(d, batch(d), n, d.odd() ? d.size() : n);
}
// Something that a product with it would take: rows as many as a has columns.
Tensor right_side(Dice& d, const Tensor& a) {
  Shape leading = shape_of(a);
  const int64_t n = leading.rank() > 0 ? leading.back() : 1;
  if (d.chance(0.2)) return d.floats({n});
  for (int i = 0; i < 2 && leading.rank() > 0; ++i) leading.erase(leading.rank() - 1);
  return matrix_of(d, d.broadcastable(leading), d.odd() ? d.size() : n, d.size());
}

template <Tensor (*F)(const Tensor&)>
Tensors of_square(Dice& d) {
  return {F(square(d))};
}

RankTolerance tolerance(Dice& d) {
  return d.coin() ? RankTolerance{} : RankTolerance{.absolute = d.number(), .relative = d.number()};
}
double order(Dice& d) { return d.odd() ? d.number() : d.one_of({1., -1., 2., -2., 1 / 0., -1 / 0.}); }

Tensors call_solve_triangular(Dice& d) {
  const Tensor a = square(d), b = right_side(d, a);
  const TriangularOptions o{.upper = d.coin(), .left = d.coin(), .transposed = d.coin(), .unit_diagonal = d.coin()};
  return {solve_triangular(a, o.left ? b : b.defined() && b.rank() > 1 ? transpose(b) : b, o)};
}

Tensors call_lu_solve(Dice& d) {
  const Tensor a = square(d);
  LuFactors f = lu_factor(a);
  if (d.odd()) f.pivots = d.indices(f.pivots.shape(), 6, Dtype::i32);
  return {lu_solve(f, right_side(d, a))};
}

Tensors call_lstsq(Dice& d) {
  const Tensor a = matrix(d);
  Shape leading = shape_of(a);
  const int64_t m = leading.rank() > 1 ? leading.back(1) : 1;
  for (int i = 0; i < 2 && leading.rank() > 0; ++i) leading.erase(leading.rank() - 1);
  const LeastSquares x = lstsq(a, matrix_of(d, leading, m, d.size()), tolerance(d));
  return {x.solution, x.residuals, x.rank, x.singular_values};
}

Tensors call_vectors(Dice& d, Tensor (*f)(const Tensor&, const Tensor&)) {
  const int64_t n = d.size();
  return {f(d.odd() ? d.any() : d.floats({n}), d.odd() ? d.any() : d.floats({n}))};
}

Tensors call_cross(Dice& d) {
  Shape shape = d.shape(4);
  if (shape.rank() > 0 && !d.odd()) shape[shape.rank() - 1] = 3;
  const Tensor a = d.floats(shape);
  return {cross(a, d.floats(d.broadcastable(shape)), d.coin() ? -1 : d.axis(shape.rank()))};
}

Tensors call_multi_dot(Dice& d) {
  Tensors xs;
  int64_t n = d.size();
  for (int64_t i = 0, count = d.between(1, 5); i < count; ++i) {
    const int64_t next = d.size();
    xs.push_back(d.odd() ? d.any() : d.floats({n, next}));
    n = next;
  }
  return {multi_dot(xs)};
}

// x (B, C, …), weight and bias (C).
struct Channels {
  Tensor x, weight, bias;
  int64_t count;
  explicit Channels(Dice& d) : x(d.odd() ? d.any() : d.floats(d.shape_of_rank(static_cast<int>(d.between(2, 5))))) {
    count = x.defined() && x.rank() > 1 ? x.shape()[1] : 1;
    weight = d.maybe(d.floats({d.odd() ? d.size() : count}));
    bias = d.maybe(d.floats({count}));
  }
};

// What is updated in place belongs to the call.
Tensor own(const Tensor& x) { return x.defined() ? clone(x.detach()) : x; }

Tensors call_batch_norm(Dice& d) {
  const Channels c(d);
  const Tensor mean = own(d.floats({c.count})), var = own(d.floats({c.count}));
  return {
      batch_norm(c.x, mean, var, c.weight, c.bias,
                 {.training = d.coin(), .momentum = d.odd() ? d.number() : 0.1, .eps = d.odd() ? d.number() : 1e-5})};
}

Tensors call_group_norm(Dice& d) {
  const Channels c(d);
  const int64_t groups = d.odd() ? d.size() : d.one_of<int64_t>({1, c.count});
  return {group_norm(c.x, groups, c.weight, c.bias)};
}

Tensors call_weight_norm(Dice& d) {
  const Tensor v = d.floats();
  const int axis = d.axis(rank_of(v));
  return {weight_norm(v, d.odd() ? d.floats() : norm_except(v, axis), axis)};
}

Tensors call_spectral_norm(Dice& d) {
  const Tensor w = matrix_of(d, {}, d.size(), d.size());
  const Shape s = shape_of(w);
  return {spectral_norm(w, own(d.floats({s.rank() > 0 ? s[0] : 1})), own(d.floats({s.rank() > 1 ? s[1] : 1})),
                        {.axis = d.odd() ? d.axis(s.rank()) : 0,
                         .iterations = static_cast<int>(d.between(-1, 3)),
                         .eps = d.odd() ? d.number() : 1e-12})};
}

}  // namespace

std::vector<Call> linalg_calls() {
  return {
      {"solve",
       [](Dice& d) -> Tensors {
         const Tensor a = square(d);
         return {solve(a, right_side(d, a), d.chance(0.8))};
       }},
      {"solve_triangular", call_solve_triangular},
      {"inverse", of_square<inverse>},
      {"det", of_square<det>},
      {"slogdet",
       [](Dice& d) -> Tensors {
         const SignLogDet y = slogdet(square(d));
         return {y.sign, y.logabsdet};
       }},
      {"lu_factor",
       [](Dice& d) -> Tensors {
         const LuFactors f = lu_factor(matrix(d));
         return {f.lu, f.pivots};
       }},
      {"lu",
       [](Dice& d) -> Tensors {
         const Lu f = lu(matrix(d));
         return {f.p, f.l, f.u};
       }},
      {"lu_solve", call_lu_solve},
      {"cholesky", [](Dice& d) -> Tensors { return {cholesky(square(d), d.coin())}; }},
      {"qr",
       [](Dice& d) -> Tensors {
         const Qr f = qr(matrix(d), d.one_of({QrMode::reduced, QrMode::complete, QrMode::r}));
         return f.q.defined() ? Tensors{f.q, f.r} : Tensors{f.r};
       }},
      {"eigh",
       [](Dice& d) -> Tensors {
         const Eigen e = eigh(square(d), d.coin());
         return {e.values, e.vectors};
       }},
      {"eigvalsh", [](Dice& d) -> Tensors { return {eigvalsh(square(d), d.coin())}; }},
      {"svd",
       [](Dice& d) -> Tensors {
         const Svd f = svd(matrix(d), d.coin());
         return {f.u, f.s, f.vh};
       }},
      {"svdvals", [](Dice& d) -> Tensors { return {svdvals(matrix(d))}; }},
      {"pinv", [](Dice& d) -> Tensors { return {pinv(matrix(d), tolerance(d))}; }},
      {"matrix_rank", [](Dice& d) -> Tensors { return {matrix_rank(matrix(d), tolerance(d))}; }},
      {"lstsq", call_lstsq},
      {"matrix_norm",
       [](Dice& d) -> Tensors {
         if (d.coin()) return {matrix_norm(matrix(d), order(d))};
         return {matrix_norm(matrix(d), d.one_of({"fro", "nuc", "max"}))};
       }},
      {"cond", [](Dice& d) -> Tensors { return {cond(square(d), order(d))}; }},
      {"matrix_exp", of_square<matrix_exp>},
      {"matrix_power", [](Dice& d) -> Tensors { return {matrix_power(square(d), d.small(-3, 5))}; }},
      {"dot", [](Dice& d) -> Tensors { return call_vectors(d, dot); }},
      {"vdot", [](Dice& d) -> Tensors { return call_vectors(d, vdot); }},
      {"outer", [](Dice& d) -> Tensors { return call_vectors(d, outer); }},
      {"vecdot",
       [](Dice& d) -> Tensors {
         const Tensor a = d.floats();
         return {vecdot(a, d.floats(d.broadcastable(shape_of(a))), d.axis(rank_of(a)))};
       }},
      {"cross", call_cross},
      {"kron",
       [](Dice& d) -> Tensors {
         const Tensor a = d.floats(d.shape(4));
         return {kron(a, d.floats(d.shape(4)))};
       }},
      {"multi_dot", call_multi_dot},
      {"batch_norm", call_batch_norm},
      {"group_norm", call_group_norm},
      {"instance_norm",
       [](Dice& d) -> Tensors {
         const Channels c(d);
         return {instance_norm(c.x, c.weight, c.bias)};
       }},
      {"channel_layer_norm",
       [](Dice& d) -> Tensors {
         const Channels c(d);
         return {channel_layer_norm(c.x, c.weight, c.bias)};
       }},
      {"local_response_norm",
       [](Dice& d) -> Tensors { return {local_response_norm(Channels(d).x, d.size(), {.alpha = d.number()})}; }},
      {"weight_norm", call_weight_norm},
      {"spectral_norm", call_spectral_norm},
  };
}

}  // namespace gradus::fuzz
