#pragma once
#include <optional>
#include <vector>

#include "io/png.h"
#include "lab/gradient.h"

namespace gradus {

struct GradientPictureOptions {
  /// Low and high end of each variable; missing ones lie around the point.
  std::vector<std::optional<std::pair<double, double>>> ranges;
  double width = 860, height = 640, scale = 2;
};

/// Two variables: level sets as bands and lines, the field of gradients, the point with its gradient, the direction,
/// and the level set and its tangent through the point. Any other number: the curve along the variable or along the
/// direction, with its tangent. Throws ValueError for an empty range, and when a curve has no direction to follow.
Image draw_gradient(const Formula& f, const GradientReport& report, const GradientPictureOptions& options = {});

}  // namespace gradus
