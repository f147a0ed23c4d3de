#pragma once
#include <vector>

#include "io/canvas.h"

namespace gradus {

/// Values on a regular grid over a rectangle: row 0 lies at y_low, column 0 at x_low; the last ones at the other ends.
struct Grid {
  int columns = 0, rows = 0;
  double x_low = 0, x_high = 1, y_low = 0, y_high = 1;
  std::vector<double> values;  ///< row by row

  double at(int column, int row) const { return values[static_cast<size_t>(row) * columns + column]; }
  double x(int column) const { return x_low + (x_high - x_low) * column / (columns - 1); }
  double y(int row) const { return y_low + (y_high - y_low) * row / (rows - 1); }
};

/// The line where the grid, linear along the edges of its cells, has this value: pieces of two points, in the grid's
/// coordinates (marching squares; a saddle is decided by the mean of its corners). Cells with a corner that is not
/// finite are left out. Throws ValueError when the grid has under 2 x 2 values or another number than it says.
std::vector<Path> contour_line(const Grid& grid, double level);

/// Round values that cut the grid's into about `wanted` bands; extreme ones (a pole) do not count.
std::vector<double> contour_levels(const Grid& grid, int wanted);

/// `width` x `height` pixels, row 0 above at y_high: the colour of the band between two levels that each place lies in;
/// colors has one entry more than levels. Places without a finite value get `missing`.
Image contour_bands(const Grid& grid, const std::vector<double>& levels, const std::vector<Color>& colors, int width,
                    int height, Color missing = Color::hex(0xced4da));

/// n colours from a pale yellow to a deep blue, light enough to draw on.
std::vector<Color> band_colors(size_t n);

}  // namespace gradus
