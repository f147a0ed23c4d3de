#include "ops/index.h"

#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

OP_CASE("embedding") {
  for (int64_t width : {1, 8, 33}) {
    const Tensor ids = indices({4, 5}, 6);
    check({.call = [](const Tensors& in) { return embedding(in[0], in[1]); }, .inputs = {normal({6, width}), ids}});
  }
  CHECK_THROWS_WITH_AS(embedding(zeros({3, 2}), from_vector<int64_t>({0, 3})),
                       doctest::Contains("index 3 at position 1"), IndexError);
  CHECK_THROWS_AS(embedding(zeros({3, 2}), zeros({2})), DtypeError);
}

OP_CASE("gather") {
  check({.call = [](const Tensors& in) { return gather(in[0], in[1], 1); },
         .inputs = {normal({3, 5, 4}), indices({3, 2, 4}, 5)}});
  CHECK_THROWS_AS(gather(zeros({3, 2}), from_vector<int64_t>({2}, {1, 1}), 1), ShapeError);
}

OP_CASE("scatter_add") {
  check({.call = [](const Tensors& in) { return scatter_add(in[0], in[1], 5, 0); },
         .inputs = {normal({9, 3}), indices({9, 3}, 5)}});
}
