#include "ops/grouped_matmul.h"

#include "ops/elementwise.h"
#include "ops/matmul.h"
#include "ops/shape.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

using List = std::vector<int64_t>;

Tensor one_by_one(const Tensor& x, const Tensor& w, const List& sizes) {
  Tensors pieces;
  const Tensors rows = split(x, sizes, 0);
  for (size_t g = 0; g < sizes.size(); ++g) pieces.push_back(matmul(rows[g], select(w, 0, static_cast<int64_t>(g))));
  return concat(pieces, 0);
}

}  // namespace

OP_CASE("grouped_matmul") {
  for (const List& sizes : {List{3, 0, 5, 1}, {9}, {0, 0, 4}, {300, 7}}) {
    int64_t rows = 0;
    for (int64_t n : sizes) rows += n;
    const int64_t groups = static_cast<int64_t>(sizes.size());
    const bool large = rows > 100;
    check({.call = [](const Tensors& in) { return grouped_matmul(in[0], in[1], in[2]); },
           .composed = [sizes](const Tensors& in) { return one_by_one(in[0], in[1], sizes); },
           .inputs = {normal({rows, 5}, 1), normal({groups, 5, 3}, 2), from_vector(sizes)},
           .gradient = !large});
    check({.call = [](const Tensors& in) { return grouped_matmul(in[0], transpose(in[1]), cast(in[2], Dtype::i32)); },
           .composed = [sizes](const Tensors& in) { return one_by_one(in[0], transpose(in[1]), sizes); },
           .inputs = {normal({rows, 5}, 1), normal({groups, 3, 5}, 2), from_vector(sizes)},
           .gradient = !large});
  }
  const Tensor x = zeros({4, 3}), w = zeros({2, 3, 5});
  CHECK(grouped_matmul(zeros({0, 3}), w, from_vector(List{0, 0})).count() == 0);
  CHECK(grouped_matmul(zeros({4, 0}), zeros({2, 0, 5}), from_vector(List{1, 3})).to_vector<double>() ==
        std::vector<double>(20, 0));
  CHECK_THROWS_AS(grouped_matmul(x, w, from_vector(List{1, 2})), ValueError);
  CHECK_THROWS_AS(grouped_matmul(x, w, from_vector(List{5, -1})), ValueError);
  CHECK_THROWS_AS(grouped_matmul(x, w, from_vector(List{INT64_MAX, INT64_MAX})), ValueError);
  CHECK_THROWS_AS(grouped_matmul(x, w, from_vector(List{1, 2, 1})), ShapeError);
  CHECK_THROWS_AS(grouped_matmul(x, zeros({2, 4, 5}), from_vector(List{1, 3})), ShapeError);
  CHECK_THROWS_AS(grouped_matmul(x, w, ones({2})), DtypeError);
}

OP_CASE("grouped_outer") {
  for (const List& sizes : {List{3, 0, 5}, {2, 1}}) {
    int64_t rows = 0;
    for (int64_t n : sizes) rows += n;
    check({.call = [](const Tensors& in) { return grouped_outer(in[0], in[1], in[2]); },
           .composed =
               [sizes](const Tensors& in) {
                 const Tensors x = split(in[0], sizes, 0), dy = split(in[1], sizes, 0);
                 Tensors dw;
                 for (size_t g = 0; g < sizes.size(); ++g) dw.push_back(matmul(transpose(x[g]), dy[g]));
                 return stack(dw);
               },
           .inputs = {normal({rows, 4}, 1), normal({rows, 3}, 2), from_vector(sizes)}});
  }
  CHECK_THROWS_AS(grouped_outer(zeros({4, 3}), zeros({3, 3}), from_vector(List{1, 3})), ShapeError);
  const Tensor x = cast(normal({1000, 40}), Dtype::f32), dy = cast(normal({1000, 24}, 1), Dtype::f32);
  const Tensor sizes = from_vector(List{300, 0, 690, 10});
  check_threads(
      [&] {
        return Tensors{grouped_outer(x, dy, sizes), grouped_matmul(x, cast(normal({4, 40, 8}), Dtype::f32), sizes)};
      },
      "grouped_matmul threads");
}
