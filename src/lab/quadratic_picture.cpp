#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "lab/plane.h"
#include "lab/quadratic.h"

namespace gradus {

namespace {

std::string words(std::string method) {
  std::replace(method.begin(), method.end(), '_', ' ');
  return method;
}

std::string subtitle_of(const QuadraticReport& r) {
  std::string text = r.kind;
  if (r.condition > 0) text += fmt::format(", condition number {:.4g}", r.condition);
  if (r.bounded && r.minimiser.size() == 2)
    text += fmt::format(", minimum {:.4g} at ({:.4g}, {:.4g})", r.minimum, r.minimiser[0], r.minimiser[1]);
  return text;
}

Image draw_errors(const Quadratic& q, const QuadraticReport& r, const std::vector<QuadraticPath>& paths,
                  const QuadraticPictureOptions& options) {
  Panel panel;
  panel.x = {"iterations", true};
  panel.y = {"error in the norm of the Hessian", true};
  for (size_t i = 0; i < paths.size(); ++i) {
    Series s{.label = words(paths[i].method), .color = series_color(i)};
    const double step = paths[i].errors.size() > 1
                            ? static_cast<double>(paths[i].iterations) / static_cast<double>(paths[i].errors.size() - 1)
                            : 1;
    for (size_t k = 1; k < paths[i].errors.size(); ++k)
      s.x.push_back(static_cast<double>(k) * step), s.y.push_back(paths[i].errors[k]);
    s.markers = s.x.size() == 1;
    panel.series.push_back(std::move(s));
  }
  return render_figure({q.text(), subtitle_of(r), {panel}}, options.width, options.height * 0.8, options.scale);
}

Grid grid_of(const Quadratic& q, const Plane& plane) {
  Grid grid{161, 161, plane.x.first, plane.x.second, plane.y.first, plane.y.second, {}};
  for (int row = 0; row < grid.rows; ++row)
    for (int column = 0; column < grid.columns; ++column) grid.values.push_back(q.value({grid.x(column), grid.y(row)}));
  return grid;
}

Image draw_plane(const Quadratic& q, const QuadraticReport& r, const std::vector<QuadraticPath>& paths,
                 const QuadraticPictureOptions& options) {
  Canvas canvas(options.width, options.height, options.scale);
  canvas.text({kPictureMargin - 1, kPictureMargin + 13}, q.text(), {.size = 17, .color = kPictureInk, .bold = true});
  canvas.text({kPictureMargin, kPictureMargin + 32}, subtitle_of(r), {.size = 12, .color = kPictureFaint});
  double at = kPictureMargin;
  for (size_t i = 0; i < paths.size(); ++i) {
    const std::string label = fmt::format("{} ({})", words(paths[i].method), paths[i].iterations);
    const double y = kPictureMargin + 50, width = Canvas::text_width(label, {.size = 12});
    if (at + 22 + width > options.width - kPictureMargin) break;
    canvas.stroke({{at, y}, {at + 14, y}}, 2.4, series_color(i));
    canvas.text({at + 19, y + 4}, label, {.size = 12, .color = kPictureLabel});
    at += 19 + width + 14;
  }

  Plane plane;
  plane.area = {kPictureMargin + 54, kPictureMargin + 68, options.width - 2 * kPictureMargin - 54 - 88,
                options.height - kPictureMargin - 68 - 46};
  // what the paths need, but no more than four times the way from the start to the minimum: some overshoot far
  std::vector<double> centre = r.bounded ? r.minimiser : std::vector<double>{0, 0};
  double reach_x = 0.05, reach_y = 0.05, way = 0;
  for (const QuadraticPath& path : paths)
    for (const auto& p : path.points) {
      if (&p == &path.points.front()) way = std::max(way, std::hypot(p[0] - centre[0], p[1] - centre[1]));
      const double most = 4 * std::max(way, 0.1);
      reach_x = std::max(reach_x, std::min(most, std::abs(p[0] - centre[0])));
      reach_y = std::max(reach_y, std::min(most, std::abs(p[1] - centre[1])));
    }
  if (paths.empty()) reach_x = reach_y = 2;
  reach_x *= 1.25, reach_y *= 1.25;
  // one unit is as long on both axes
  const double aspect = plane.area.width / plane.area.height;
  if (reach_x < reach_y * aspect) reach_x = reach_y * aspect;
  if (reach_y < reach_x / aspect) reach_y = reach_x / aspect;
  plane.x = {centre[0] - reach_x, centre[0] + reach_x};
  plane.y = {centre[1] - reach_y, centre[1] + reach_y};

  const Grid grid = grid_of(q, plane);
  const std::vector<double> levels = contour_levels(grid, 13);
  const std::vector<Color> colors = band_colors(levels.size() + 1);
  canvas.set_clip(plane.area);
  draw_levels(canvas, plane, grid, levels, colors);
  for (size_t i = 0; i < paths.size(); ++i) {
    Path line;
    for (const auto& p : paths[i].points) line.push_back(plane.at(p[0], p[1]));
    canvas.stroke(line, 3.6, kPictureWhite.with_alpha(0.75f));
    canvas.stroke(line, 1.8, series_color(i));
    for (size_t k = 0; k < line.size() && k < 60; ++k) canvas.fill_disk(line[k], 2.4, series_color(i));
  }
  if (r.bounded) {
    const Point m = plane.at(centre[0], centre[1]);
    canvas.fill_disk(m, 6, kPictureWhite);
    canvas.fill_disk(m, 4.2, kPictureInk);
  }
  canvas.clear_clip();
  draw_axes(canvas, plane, q.variables);
  draw_color_bar(canvas, {plane.area.right() + 20, plane.area.y, 16, plane.area.height}, levels, colors);
  return canvas.image();
}

}  // namespace

Image draw_quadratic(const Quadratic& q, const QuadraticReport& report, const std::vector<QuadraticPath>& paths,
                     const QuadraticPictureOptions& options) {
  return q.size() == 2 ? draw_plane(q, report, paths, options) : draw_errors(q, report, paths, options);
}

}  // namespace gradus
