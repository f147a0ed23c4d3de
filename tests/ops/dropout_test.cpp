#include "ops/dropout.h"

#include "ops/elementwise.h"
#include "ops/reduce.h"
#include "support/threads.h"

using namespace gradus;
using namespace gradus::testing;

OP_CASE("dropout") {
  const RandomKey key{3, 4};
  for (const Shape& shape : {Shape{7}, {3, 33}, {2, 0}})
    check({.call = [key](const Tensors& in) { return dropout(in[0], 0.3, key); }, .inputs = {normal(shape)}});
  CHECK_THROWS_AS(dropout(zeros({2}), 1.5, key), ValueError);

  const Tensor one = ones({100000});
  const auto y = dropout(one, 0.25, key).to_vector<double>();
  int64_t kept = 0;
  for (double v : y) {
    if (v != 0) CHECK(v == doctest::Approx(1 / 0.75));
    kept += v != 0;
  }
  CHECK(kept == doctest::Approx(75000).epsilon(0.01));
  CHECK(sum(dropout(one, 1, key)).item() == 0);
  check_threads([&] { return Tensors{dropout(one, 0.25, key)}; }, "dropout");
}
