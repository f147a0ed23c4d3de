#include "base/shape.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace gradus;

TEST_CASE("shape: an axis that is not there is refused") {
  Shape s{2, 3};
  CHECK(s[1] == 3);
  CHECK(s.back(1) == 2);
  CHECK_THROWS_AS(s[2], IndexError);
  CHECK_THROWS_AS(s[-1], IndexError);
  CHECK_THROWS_AS(s[8] = 1, IndexError);
  CHECK_THROWS_AS(s.back(2), IndexError);
  CHECK_THROWS_AS(Shape().back(), IndexError);
  CHECK_THROWS_AS(s.erase(2), IndexError);
  CHECK_THROWS_AS(s.insert(3, 1), IndexError);
  CHECK_THROWS_AS(Shape::filled(-1, 1), ShapeError);
  s.insert(2, 4);
  CHECK(s == Shape{2, 3, 4});
}

TEST_CASE("shape: a product of sizes that does not fit is refused") {
  CHECK(Shape{int64_t{1} << 40, 0, int64_t{1} << 40}.count() == 0);
  CHECK_THROWS_AS((Shape{int64_t{1} << 40, int64_t{1} << 40}.count()), ShapeError);
}
