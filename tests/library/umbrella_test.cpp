// The installed headers, all of them in one file: no two may disagree.
#include <doctest/doctest.h>
#include <gradus/core.h>
#include <gradus/gradus.h>

using namespace gradus;

TEST_CASE("the umbrella header compiles and what it names is there") {
  CHECK(std::string(version()) == GRADUS_VERSION);
  Tensor x = from_vector(std::vector<float>{1, 2, 3});
  require_grad(x);
  backward(sum(square(x)));
  CHECK(grad_of(x).to_vector<float>() == std::vector<float>{2, 4, 6});
}

TEST_CASE("an undefined tensor throws, whatever it is asked") {
  const Tensor none;
  CHECK_FALSE(none.defined());
  CHECK(none.describe() == "(undefined tensor)");
  CHECK_THROWS_AS(none.shape(), ValueError);
  CHECK_THROWS_AS(none.dtype(), ValueError);
  CHECK_THROWS_AS(none.item(), ValueError);
  CHECK_THROWS_AS(none.detach(), ValueError);
  CHECK_THROWS_AS(add(none, 1.0), ValueError);
  CHECK_THROWS_AS(affine(none, none), ValueError);
  CHECK_THROWS_AS(concat({zeros({2}), none}), ValueError);
}

TEST_CASE("views that leave their storage are refused, also by overflow") {
  const Tensor x = zeros({4});
  CHECK_THROWS_AS(x.strided({3}, {2}), ShapeError);
  CHECK_THROWS_AS(x.strided({3}, {INT64_MAX}), ShapeError);
  CHECK_THROWS_AS(x.strided({2, 2}, {1}), ShapeError);
  CHECK_THROWS_AS(x.strided({1}, {1}, INT64_MAX), ShapeError);
}
