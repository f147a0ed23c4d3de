#include "base/parallel.h"

#include <doctest/doctest.h>

#include <atomic>
#include <limits>
#include <stdexcept>
#include <vector>

using namespace gradus;

TEST_CASE("every item is visited once, in pieces that depend on the size only") {
  for (int64_t n : {0, 1, 7, 64, 1000}) {
    std::vector<std::atomic<int>> seen(static_cast<size_t>(n));
    parallel_for(n, 7, [&](int64_t begin, int64_t end) {
      CHECK(begin % 7 == 0);
      CHECK((end - begin == 7 || end == n));
      for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
    });
    for (const auto& count : seen) CHECK(count == 1);
  }
}

TEST_CASE("an exception comes out of the pieces") {
  const auto fail = [](int64_t begin, int64_t) {
    if (begin >= 50) throw std::runtime_error("piece");
  };
  CHECK_THROWS_WITH_AS(parallel_for(100, 10, fail), "piece", std::runtime_error);
}

#if defined(__SSE2__)
TEST_CASE("denormal numbers count as zero inside, and only there") {
  volatile float small = std::numeric_limits<float>::min(), half = 0.5f;
  for (int64_t pieces : {1, 4}) {
    std::vector<float> products(static_cast<size_t>(pieces), 1.0f);
    parallel_for(pieces, 1, [&](int64_t begin, int64_t) { products[static_cast<size_t>(begin)] = small * half; });
    for (float p : products) CHECK(p == 0.0f);
    CHECK(small * half > 0.0f);
  }
}
#endif
