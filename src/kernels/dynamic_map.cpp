#include "kernels/dynamic_map.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace gradus {

DynamicMap::DynamicMap(bool sign) {
  constexpr int kDecades = 7;
  std::vector<double> all = {0, 1};
  for (int decade = 0; decade < kDecades; ++decade) {
    const int parts = sign ? 1 << decade : 2 << decade;
    const double scale = std::pow(10.0, decade - (kDecades - 1));
    for (int i = 0; i < parts; ++i) {
      const double middle = 0.1 + 0.9 * (i + 0.5) / parts;
      all.push_back(scale * middle);
      if (sign) all.push_back(-scale * middle);
    }
  }
  std::sort(all.begin(), all.end());
  for (size_t i = 0; i < value.size(); ++i) value[i] = static_cast<float>(all[i]);
  for (size_t i = 0; i < middle_.size(); ++i) middle_[i] = (value[i] + value[i + 1]) / 2;
  for (uint32_t upper = 0; upper < start_.size(); ++upper) {
    // Negative numbers grow towards zero: the least one has all lower bits set.
    const float least = std::bit_cast<float>(upper << 16 | (upper & 0x8000u ? 0xffffu : 0u));
    const auto below = std::isnan(least) ? middle_.begin() : std::lower_bound(middle_.begin(), middle_.end(), least);
    start_[upper] = static_cast<uint8_t>(below - middle_.begin());
  }
}

const DynamicMap& DynamicMap::with_sign() {
  static const DynamicMap map(true);
  return map;
}
const DynamicMap& DynamicMap::without_sign() {
  static const DynamicMap map(false);
  return map;
}

}  // namespace gradus
