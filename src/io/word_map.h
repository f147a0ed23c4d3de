#pragma once
#include <string>
#include <vector>

#include "io/canvas.h"

namespace gradus {

struct LabelledPoint {
  double x, y;
  std::string label;
};

/// Points with their names on a plane whose axes are equally long; a name that would cover an earlier one is left out,
/// so the most important points come first. Non-finite points are not drawn.
Image render_word_map(const std::vector<LabelledPoint>& points, const std::string& title, const std::string& subtitle,
                      double width = 900, double height = 760, double scale = 2);

}  // namespace gradus
