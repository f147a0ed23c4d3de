#pragma once
// A rectangle of the plane on a canvas, with axes, level sets and their colours: what pictures of two variables share.
#include <string>
#include <utility>
#include <vector>

#include "io/canvas.h"
#include "io/contour.h"
#include "io/plot.h"

namespace gradus {

constexpr Color kPictureInk = Color::hex(0x212529), kPictureLabel = Color::hex(0x495057),
                kPictureFaint = Color::hex(0x868e96);
constexpr Color kPictureAxis = Color::hex(0xadb5bd), kPictureWhite = Color::hex(0xffffff);
constexpr double kPictureMargin = 18;

using PlaneRange = std::pair<double, double>;

/// From data to the canvas.
struct Plane {
  Rect area;
  PlaneRange x, y;
  Point at(double vx, double vy) const {
    return {area.x + area.width * (vx - x.first) / (x.second - x.first),
            area.bottom() - area.height * (vy - y.first) / (y.second - y.first)};
  }
  Path at(const Path& path) const;
};

/// The frame, ticks and names of both axes.
void draw_axes(Canvas& canvas, const Plane& plane, const std::vector<std::string>& names);
/// The line of one value, in pieces.
std::vector<Path> level_lines(const Plane& plane, const Grid& grid, double level);
/// Bands between the levels, and white lines along them.
void draw_levels(Canvas& canvas, const Plane& plane, const Grid& grid, const std::vector<double>& levels,
                 const std::vector<Color>& colors);
void draw_color_bar(Canvas& canvas, const Rect& area, const std::vector<double>& levels,
                    const std::vector<Color>& colors);

}  // namespace gradus
