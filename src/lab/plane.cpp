#include "lab/plane.h"

#include <fmt/format.h>

#include <cmath>

namespace gradus {

Path Plane::at(const Path& path) const {
  Path out;
  for (const Point& p : path) out.push_back(at(p.x, p.y));
  return out;
}

void draw_axes(Canvas& canvas, const Plane& frame, const std::vector<std::string>& names) {
  const Rect& a = frame.area;
  canvas.stroke({{a.x, a.y}, {a.right(), a.y}, {a.right(), a.bottom()}, {a.x, a.bottom()}, {a.x, a.y}}, 1,
                kPictureAxis);
  for (const Tick& t : nice_ticks(frame.x.first, frame.x.second, false, static_cast<int>(a.width / 70))) {
    const double x = frame.at(t.value, 0).x;
    canvas.stroke({{x, a.bottom()}, {x, a.bottom() + 4}}, 1, kPictureAxis);
    canvas.text({x, a.bottom() + 17}, t.label, {.size = 11, .color = kPictureFaint, .align = Align::center});
  }
  for (const Tick& t : nice_ticks(frame.y.first, frame.y.second, false, static_cast<int>(a.height / 50))) {
    const double y = frame.at(0, t.value).y;
    canvas.stroke({{a.x - 4, y}, {a.x, y}}, 1, kPictureAxis);
    canvas.text({a.x - 8, y + 4}, t.label, {.size = 11, .color = kPictureFaint, .align = Align::right});
  }
  canvas.text({a.x + a.width / 2, a.bottom() + 34}, names[0],
              {.size = 12, .color = kPictureLabel, .align = Align::center});
  canvas.text({kPictureMargin + 8, a.y + a.height / 2}, names[1],
              {.size = 12, .color = kPictureLabel, .align = Align::center, .upright = true});
}

void draw_color_bar(Canvas& canvas, const Rect& area, const std::vector<double>& levels,
                    const std::vector<Color>& colors) {
  const double step = area.height / static_cast<double>(colors.size());
  for (size_t i = 0; i < colors.size(); ++i)
    canvas.fill_rect({area.x, area.bottom() - step * static_cast<double>(i + 1), area.width, step}, colors[i]);
  std::vector<Tick> labels;
  if (levels.size() > 1) labels = nice_ticks(levels.front(), levels.back(), false, static_cast<int>(levels.size()));
  for (size_t i = 0; i < levels.size(); ++i) {
    const double y = area.bottom() - step * static_cast<double>(i + 1);
    std::string text = fmt::format("{:.4g}", levels[i]);
    for (const Tick& t : labels)
      if (std::abs(t.value - levels[i]) < 1e-9 * std::abs(levels.back() - levels.front())) text = t.label;
    canvas.stroke({{area.right(), y}, {area.right() + 3, y}}, 1, kPictureAxis);
    canvas.text({area.right() + 7, y + 4}, text, {.size = 11, .color = kPictureFaint});
  }
}

std::vector<Path> level_lines(const Plane& plane, const Grid& grid, double level) {
  std::vector<Path> lines;
  for (const Path& piece : contour_line(grid, level)) lines.push_back(plane.at(piece));
  return lines;
}

void draw_levels(Canvas& canvas, const Plane& plane, const Grid& grid, const std::vector<double>& levels,
                 const std::vector<Color>& colors) {
  // two pixels a logical one are fine enough for bands, whatever the canvas has
  const auto pixels = [](double length) { return static_cast<int>(std::lround(2 * length)); };
  canvas.picture(plane.area, contour_bands(grid, levels, colors, pixels(plane.area.width), pixels(plane.area.height)));
  for (const double level : levels)
    canvas.stroke_all(level_lines(plane, grid, level), 0.9, kPictureWhite.with_alpha(0.85f));
}

}  // namespace gradus
