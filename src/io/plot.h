#pragma once
#include <optional>
#include <string>
#include <vector>

#include "io/canvas.h"

namespace gradus {

/// One curve. Points with a non-finite coordinate (or, on a log axis, one that is not positive) break it.
struct Series {
  std::string label;  ///< empty: not in the legend
  std::vector<double> x, y;
  Color color;
  double width = 1.8;
  std::vector<double> dash;
  bool markers = false;  ///< a dot at every point
  /// In [0, 1), see smooth(): above 0 the smoothed curve is drawn, and the points themselves as a pale one behind it.
  double smoothing = 0;
};

struct AxisStyle {
  std::string label;
  bool log = false;
  std::optional<double> low, high;  ///< default: what the data need
};

struct Panel {
  AxisStyle x, y;
  std::vector<Series> series;
  double share = 1;  ///< of the figure's height, against the other panels'
};

/// Panels one above the other with a common title and legend (every label once).
struct Figure {
  std::string title, subtitle;
  std::vector<Panel> panels;
};

/// Colour-blind-safe, in the order to use them; wraps around.
Color series_color(size_t index);

/// Local linear regression with weights w^|i - j|, w in [0, 1): unlike a moving average it neither lags behind a
/// falling curve nor bends at its ends. Non-finite values stay as they are and do not count.
std::vector<double> smooth(const std::vector<double>& values, double weight);

struct Tick {
  double value;
  std::string label;
};
/// At most about `wanted` round values (1, 2, 2.5 or 5 times a power of ten) inside [low, high]; on a log axis the
/// decades, filled with 2 and 5 (or plain round values) where there are too few. Labels as "2.5", "10k", "1.5M",
/// "10⁻⁴".
std::vector<Tick> nice_ticks(double low, double high, bool log, int wanted);

/// Draws the figure over the whole canvas. Throws ValueError when x and y of a series differ in length.
void draw_figure(Canvas& canvas, const Figure& figure);

/// `width` x `height` logical pixels, `scale` pixels each.
Image render_figure(const Figure& figure, double width = 860, double height = 520, double scale = 2);

}  // namespace gradus
