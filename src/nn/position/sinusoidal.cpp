#include "nn/position/sinusoidal.h"

#include <cmath>

#include "base/error.h"
#include "ops/elementwise.h"

namespace gradus {

Tensor sinusoidal_positions(int64_t positions, int64_t width, Dtype dtype) {
  if (positions < 0 || width < 1)
    throw ShapeError("sinusoidal_positions", "needs at least 0 positions and a width of 1, got " +
                                                 std::to_string(positions) + " and " + std::to_string(width) + ".");
  std::vector<double> table(static_cast<size_t>(Shape{positions, width}.count()));
  for (int64_t p = 0; p < positions; ++p)
    for (int64_t j = 0; j < width; ++j) {
      const double angle =
          static_cast<double>(p) / std::pow(10000.0, static_cast<double>(j - j % 2) / static_cast<double>(width));
      table[static_cast<size_t>(p * width + j)] = j % 2 == 0 ? std::sin(angle) : std::cos(angle);
    }
  return cast(from_vector(table, {positions, width}), dtype);
}

}  // namespace gradus
