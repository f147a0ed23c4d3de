#pragma once
#include <cstdint>
#include <vector>

namespace gradus {

/// Positions on a canvas: x to the right, y downwards, in logical pixels.
struct Point {
  double x = 0, y = 0;
};
using Path = std::vector<Point>;

struct Rect {
  double x = 0, y = 0, width = 0, height = 0;
  double right() const { return x + width; }
  double bottom() const { return y + height; }
};

/// sRGB, each in 0..1; alpha not premultiplied.
struct Color {
  float r = 0, g = 0, b = 0, a = 1;
  /// Color::hex(0x1f77b4)
  static constexpr Color hex(uint32_t rgb, float alpha = 1) {
    return {((rgb >> 16) & 255) / 255.0f, ((rgb >> 8) & 255) / 255.0f, (rgb & 255) / 255.0f, alpha};
  }
  constexpr Color with_alpha(float alpha) const { return {r, g, b, alpha}; }
};

}  // namespace gradus
