#pragma once
#include <string>
#include <vector>

#include "io/canvas.h"

namespace gradus {

/// A stretch of time and what it was spent in, from the outside to the inside: {"forward", "transformer", "0", "gelu"}.
struct FlameSpan {
  double begin = 0, end = 0;  ///< seconds
  std::vector<std::string> path;
  Color color;  ///< of the innermost box; the outer ones are grey
};

/// Neighbours that share the beginning of their paths, as one box a level.
struct FlameBox {
  int depth = 0;  ///< 0: outermost
  std::string name;
  double begin = 0, end = 0;
  size_t first = 0, last = 0;  ///< the spans it holds
  bool leaf = false;
};
/// In the order of time, outer boxes before inner ones. Spans must be in the order of time and not overlap.
std::vector<FlameBox> flame_boxes(const std::vector<FlameSpan>& spans);

/// A flame chart: time from left to right, boxes within boxes from above to below, and the memory in use beneath.
struct FlameChart {
  std::string title, subtitle;
  std::vector<FlameSpan> spans;
  struct LegendEntry {
    std::string label;
    Color color;
  };
  std::vector<LegendEntry> legend;
  std::vector<double> memory_time, memory_bytes;  ///< empty: no panel
};

/// `width` logical pixels, `scale` pixels each; as high as the boxes need.
Image render_flame(const FlameChart& chart, double width = 1600, double scale = 2);

}  // namespace gradus
