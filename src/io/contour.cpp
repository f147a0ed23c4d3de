#include "io/contour.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "io/plot.h"

namespace gradus {

namespace {

void check_grid(const Grid& grid) {
  if (grid.columns < 2 || grid.rows < 2 || grid.values.size() != static_cast<size_t>(grid.columns) * grid.rows)
    throw ValueError("contour",
                     "a grid of " + std::to_string(grid.columns) + " x " + std::to_string(grid.rows) + " has " +
                         std::to_string(grid.values.size()) + " values.",
                     "it needs at least 2 x 2, and one value a place.");
}

// Where on the edge from a to b the value is `level`.
Point crossing(Point a, double value_a, Point b, double value_b, double level) {
  const double t = std::clamp((level - value_a) / (value_b - value_a), 0.0, 1.0);
  return {a.x + (b.x - a.x) * t, a.y + (b.y - a.y) * t};
}

}  // namespace

std::vector<Path> contour_line(const Grid& grid, double level) {
  check_grid(grid);
  std::vector<Path> pieces;
  for (int row = 0; row + 1 < grid.rows; ++row)
    for (int column = 0; column + 1 < grid.columns; ++column) {
      // The corners in turn, and the crossings of the edges between neighbours.
      const int dx[] = {0, 1, 1, 0}, dy[] = {0, 0, 1, 1};
      Point corner[4];
      double value[4], mean = 0;
      for (int k = 0; k < 4; ++k) {
        corner[k] = {grid.x(column + dx[k]), grid.y(row + dy[k])};
        value[k] = grid.at(column + dx[k], row + dy[k]);
        mean += value[k] / 4;
      }
      if (!std::isfinite(mean)) continue;
      Path crossings;
      for (int k = 0; k < 4; ++k) {
        const int next = (k + 1) % 4;
        if ((value[k] < level) != (value[next] < level))
          crossings.push_back(crossing(corner[k], value[k], corner[next], value[next], level));
      }
      if (crossings.size() == 2) pieces.push_back(crossings);
      if (crossings.size() == 4) {  // the corners 0 and 2 lie on one side, 1 and 3 on the other
        const bool joined = (mean < level) == (value[0] < level);
        pieces.push_back({crossings[0], crossings[joined ? 1 : 3]});
        pieces.push_back({crossings[2], crossings[joined ? 3 : 1]});
      }
    }
  return pieces;
}

std::vector<double> contour_levels(const Grid& grid, int wanted) {
  check_grid(grid);
  std::vector<double> sorted;
  for (const double v : grid.values)
    if (std::isfinite(v)) sorted.push_back(v);
  if (sorted.empty()) return {};
  std::sort(sorted.begin(), sorted.end());
  const double low = sorted[sorted.size() / 50], high = sorted[sorted.size() - 1 - sorted.size() / 50];
  std::vector<double> levels;
  for (const Tick& tick : nice_ticks(low, high, false, wanted)) levels.push_back(tick.value);
  return levels;
}

Image contour_bands(const Grid& grid, const std::vector<double>& levels, const std::vector<Color>& colors, int width,
                    int height, Color missing) {
  check_grid(grid);
  if (colors.size() != levels.size() + 1)
    throw ValueError("contour", std::to_string(levels.size()) + " levels need one colour more, got " +
                                    std::to_string(colors.size()) + ".");
  Image image{width, height, 3, std::vector<uint8_t>(static_cast<size_t>(width) * height * 3)};
  for (int py = 0; py < height; ++py)
    for (int px = 0; px < width; ++px) {
      const double gx = (px + 0.5) / width * (grid.columns - 1), gy = (1 - (py + 0.5) / height) * (grid.rows - 1);
      const int column = std::min(static_cast<int>(gx), grid.columns - 2),
                row = std::min(static_cast<int>(gy), grid.rows - 2);
      const double tx = gx - column, ty = gy - row;
      const double v = (grid.at(column, row) * (1 - tx) + grid.at(column + 1, row) * tx) * (1 - ty) +
                       (grid.at(column, row + 1) * (1 - tx) + grid.at(column + 1, row + 1) * tx) * ty;
      const auto band = std::upper_bound(levels.begin(), levels.end(), v) - levels.begin();
      const Color c = std::isfinite(v) ? colors[static_cast<size_t>(band)] : missing;
      uint8_t* p = &image.pixels[(static_cast<size_t>(py) * width + px) * 3];
      for (int k = 0; k < 3; ++k) p[k] = static_cast<uint8_t>(std::lround(255 * (k == 0 ? c.r : k == 1 ? c.g : c.b)));
    }
  return image;
}

std::vector<Color> band_colors(size_t n) {
  static constexpr Color kStops[] = {Color::hex(0xfdf8e6), Color::hex(0xdfeed6), Color::hex(0xb1d9cd),
                                     Color::hex(0x7fbccb), Color::hex(0x5597bf), Color::hex(0x3d6ea8)};
  constexpr size_t kLast = std::size(kStops) - 1;
  std::vector<Color> colors;
  for (size_t i = 0; i < n; ++i) {
    const double at = n > 1 ? static_cast<double>(i) / static_cast<double>(n - 1) * kLast : 0;
    const size_t k = std::min(static_cast<size_t>(at), kLast - 1);
    const auto t = static_cast<float>(at - static_cast<double>(k));
    const Color a = kStops[k], b = kStops[k + 1];
    colors.push_back({a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t, 1});
  }
  return colors;
}

}  // namespace gradus
