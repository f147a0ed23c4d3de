#include "ops/einsum.h"

#include "autograd/autograd.h"
#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "support/op_case.h"

using namespace gradus;
using namespace gradus::testing;

namespace {

// The definition: every operand stretched over all letters, multiplied, and summed over those not in the result.
Tensor by_definition(const std::string& letters, const std::vector<std::string>& terms, const std::string& output,
                     const Tensors& in) {
  Tensor y;
  for (size_t i = 0; i < terms.size(); ++i) {
    std::vector<int> order, added;
    for (size_t k = 0; k < letters.size(); ++k) {
      const size_t axis = terms[i].find(letters[k]);
      if (axis == std::string::npos)
        added.push_back(static_cast<int>(k));
      else
        order.push_back(static_cast<int>(axis));
    }
    const Tensor x = unsqueeze(permute(in[i], order), added);
    y = i == 0 ? x : mul(y, x);
  }
  for (size_t k = letters.size(); k-- > 0;)
    if (output.find(letters[k]) == std::string::npos) y = sum(y, static_cast<int>(k));
  std::string left;
  for (char c : letters)
    if (output.find(c) != std::string::npos) left += c;
  std::vector<int> order;
  for (char c : output) order.push_back(static_cast<int>(left.find(c)));
  return permute(y, order);
}

}  // namespace

OP_CASE("einsum") {
  struct Case {
    std::string equation, letters;
    std::vector<std::string> terms;
    std::string output;
    std::vector<Shape> shapes;
  };
  const std::vector<Case> cases{
      {"ij,jk->ik", "ijk", {"ij", "jk"}, "ik", {{3, 4}, {4, 5}}},
      {"ij , kj -> ki", "ijk", {"ij", "kj"}, "ki", {{3, 4}, {5, 4}}},
      {"bqhd,bkhd->bhqk", "bqhkd", {"bqhd", "bkhd"}, "bhqk", {{2, 3, 2, 4}, {2, 5, 2, 4}}},
      {"bhqk,bkhd->bqhd", "bhqkd", {"bhqk", "bkhd"}, "bqhd", {{2, 2, 3, 5}, {2, 5, 2, 4}}},
      {"abcd,cdef->abef", "abcdef", {"abcd", "cdef"}, "abef", {{2, 3, 2, 3}, {2, 3, 3, 2}}},
      {"abcd,dcef->feba", "abcdef", {"abcd", "dcef"}, "feba", {{2, 3, 2, 3}, {3, 2, 3, 2}}},
      {"i,j->ij", "ij", {"i", "j"}, "ij", {{3}, {4}}},
      {"i,i->", "i", {"i", "i"}, "", {{7}, {7}}},
      {"bi,bi->b", "bi", {"bi", "bi"}, "b", {{3, 4}, {3, 4}}},
      {"ij,j->i", "ij", {"ij", "j"}, "i", {{3, 4}, {4}}},
      {"ij->j", "ij", {"ij"}, "j", {{3, 4}}},
      {"ij,k->ik", "ijk", {"ij", "k"}, "ik", {{3, 4}, {2}}},
      {"ab,bc,cd->ad", "abcd", {"ab", "bc", "cd"}, "ad", {{2, 3}, {3, 4}, {4, 2}}},
      {"bn,anm,bm->ba", "abnm", {"bn", "anm", "bm"}, "ba", {{2, 3}, {4, 3, 2}, {2, 2}}},
      {"ij,jk,ki->", "ijk", {"ij", "jk", "ki"}, "", {{3, 4}, {4, 2}, {2, 3}}},
      {"ij,jk->ik", "ijk", {"ij", "jk"}, "ik", {{3, 0}, {0, 5}}},
  };
  for (const Case& c : cases) {
    Tensors inputs;
    for (size_t i = 0; i < c.shapes.size(); ++i) inputs.push_back(normal(c.shapes[i], i));
    check({.call = [&](const Tensors& in) { return einsum(c.equation, in); },
           .composed = [&](const Tensors& in) { return by_definition(c.letters, c.terms, c.output, in); },
           .inputs = inputs});
  }
  // Diagonals, the ellipsis, broadcast axes, implicit results.
  const auto against = [](const std::string& equation, const Tensors& inputs, const OpCall& composed) {
    check({.call = [&](const Tensors& in) { return einsum(equation, in); }, .composed = composed, .inputs = inputs});
  };
  const Tensor square = normal({4, 4}, 1), a = normal({2, 3, 4}, 2), b = normal({5, 4}, 3);
  against("ii->i", {square}, [](const Tensors& in) { return diagonal(in[0]); });
  against("ii", {square}, [](const Tensors& in) { return sum(diagonal(in[0])); });
  against("iij,j->i", {normal({3, 3, 4}), normal({4}, 1)},
          [](const Tensors& in) { return sum(mul(transpose(diagonal(in[0], 0, 0, 1)), in[1]), -1); });
  against("ba", {normal({3, 4})}, [](const Tensors& in) { return transpose(in[0]); });
  against("...ij,...kj->...ik", {a, b}, [](const Tensors& in) {
    return sum(mul(reshape(in[0], {2, 3, 1, 4}), in[1]), 3);
  });
  against("i...,i...->...", {normal({3, 2, 1}), normal({3, 4}, 1)}, [](const Tensors& in) {
    return sum(mul(in[0], reshape(in[1], {3, 1, 4})), 0);
  });
  against("ij,kj->ik", {normal({3, 1}), normal({2, 4}, 1)},
          [](const Tensors& in) { return sum(mul(unsqueeze(in[0], 1), in[1]), 2); });
}

TEST_CASE("einsum: integers, views, and what it refuses") {
  const Tensor i = reshape(arange(6), {2, 3});
  CHECK(einsum("ij,kj->ik", {i, i}).to_vector<int64_t>() == std::vector<int64_t>{5, 14, 14, 50});
  const Tensor x = zeros({3, 3});
  CHECK(einsum("ii->i", {x}).raw() == x.raw());
  CHECK(einsum("ij->ji", {x}).raw() == x.raw());
  CHECK_THROWS_AS(einsum("ij,jk->ik", {x}), ValueError);
  CHECK_THROWS_AS(einsum("", {}), ValueError);
  CHECK_THROWS_AS(einsum("ij->ik", {x}), ValueError);
  CHECK_THROWS_AS(einsum("ij->ii", {x}), ValueError);
  CHECK_THROWS_AS(einsum("i1->i", {x}), ValueError);
  CHECK_THROWS_AS(einsum("i.j->i", {x}), ValueError);
  CHECK_THROWS_AS(einsum("......->", {x}), ValueError);
  CHECK_THROWS_AS(einsum("ij->i->j", {x}), ValueError);
  CHECK_THROWS_AS(einsum("ijk->i", {x}), ShapeError);
  CHECK_THROWS_AS(einsum("ij,jk->ik", {x, zeros({4, 3})}), ShapeError);
  CHECK_THROWS_AS(einsum("ii", {zeros({1, 3})}), ShapeError);
  CHECK_THROWS_AS(einsum("ij,jk->ik", {x, zeros({3, 3}, Dtype::f64)}), DtypeError);
  CHECK_THROWS_AS(einsum("i", {Tensor()}), ValueError);
}

TEST_CASE("einsum: heads side by side in rows of 2 kB, as attention has them; more than 64 operands") {
  const auto run = [](const std::string& equation, const Shape& a, const Shape& b) {
    Tensors in{cast(normal(a), Dtype::f32), cast(normal(b, 1), Dtype::f32)};
    for (Tensor& x : in) require_grad(x);
    const Tensor y = einsum(equation, in);
    Tensors all = grad({y}, in, {cast(normal(y.shape(), 2), Dtype::f32)});
    all.push_back(y.detach());
    return all;
  };
  const auto compare = [&](const std::string& equation, const Shape& a, const Shape& b) {
    const Tensors fast = run(equation, a, b);
    const UseRefKernels use;
    const Tensors plain = run(equation, a, b);
    for (size_t i = 0; i < fast.size(); ++i) check_close(fast[i], plain[i], 0x1p-23, 4, equation);
  };
  compare("bqhd,bkhd->bhqk", {1, 70, 8, 64}, {1, 50, 8, 64});
  compare("bhqk,bkhd->bqhd", {1, 8, 300, 300}, {1, 300, 8, 64});

  Tensors factors;
  std::string equation = "a";
  for (int i = 0; i < 70; ++i) {
    factors.push_back(uniform({3}, 0.9, 1.1, static_cast<uint64_t>(i)));
    require_grad(factors.back());
    if (i > 0) equation += ",a";
  }
  const Tensor y = einsum(equation + "->a", factors);
  const Tensors d = grad({sum(y)}, factors);
  for (const size_t i : {0, 63, 64, 69}) check_close(mul(d[i], factors[i]).detach(), y.detach(), 0x1p-52, 16);
}
