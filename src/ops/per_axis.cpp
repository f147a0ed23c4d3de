#include "ops/per_axis.h"

#include <limits>
#include <string>

#include "base/error.h"

namespace gradus {

Shape PerAxis::resolve(const char* op, const char* name, int axes, int64_t least) const {
  const int given = values_.rank();
  if (given != 1 && given != axes)
    throw ShapeError(
        op,
        std::string(name) + " has " + std::to_string(given) + " numbers for " + std::to_string(axes) + " spatial axes.",
        "give one number, or one an axis.");
  Shape all = Shape::filled(axes, 0);
  for (int i = 0; i < axes; ++i) {
    all[i] = values_[given == 1 ? 0 : i];
    if (all[i] < least || all[i] > std::numeric_limits<int32_t>::max())
      throw ValueError(
          op, std::string(name) + " must lie in [" + std::to_string(least) + ", 2^31), got " + values_.str() + ".");
  }
  return all;
}

}  // namespace gradus
