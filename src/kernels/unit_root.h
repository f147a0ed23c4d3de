#pragma once
#include <cmath>
#include <cstdint>

namespace gradus {

struct UnitRoot {
  double re, im;
};

/// exp(-2πi k/n), right to the last bits: the angle is first brought into [0, π/4].
inline UnitRoot unit_root(int64_t k, int64_t n) {
  k %= n;
  // In eighths of a turn: k/n = (octant + rest/n')/8 without rounding.
  const int64_t eighths = 8 * k, octant = eighths / n, rest = eighths % n;
  const bool odd = octant & 1;
  const double angle = 0.78539816339744830962 * (static_cast<double>(odd ? n - rest : rest) / static_cast<double>(n));
  double c = std::cos(angle), s = std::sin(angle);
  if (((octant + 1) >> 1) & 1) {
    const double t = c;
    c = s, s = t;
  }
  if (octant >= 2 && octant < 6) c = -c;
  if (octant >= 4) s = -s;
  return {c, -s};
}

}  // namespace gradus
