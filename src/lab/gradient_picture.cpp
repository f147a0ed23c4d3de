#include "lab/gradient_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "lab/plane.h"

namespace gradus {

namespace {

constexpr Color kGradient = Color::hex(0xd9531e), kDirection = Color::hex(0x7b2d8b);

PlaneRange axis_range(const GradientReport& r, const GradientPictureOptions& options, size_t i, double radius) {
  PlaneRange range{r.point[i] - radius, r.point[i] + radius};
  if (i < options.ranges.size() && options.ranges[i]) range = *options.ranges[i];
  if (!(range.first < range.second) || !std::isfinite(range.second - range.first))
    throw ValueError("gradient",
                     fmt::format("the range {} to {} of {} is empty.", range.first, range.second, r.variables[i]));
  return range;
}

double default_radius(const GradientReport& r) {
  double largest = 0;
  for (const double p : r.point) largest = std::max(largest, std::abs(p));
  return std::max(2.0, 0.75 * largest);
}

std::string point_in_words(const std::vector<std::string>& names, const std::vector<double>& values) {
  std::string text;
  for (size_t i = 0; i < names.size(); ++i) text += fmt::format("{}{} = {:.4g}", i ? ", " : "", names[i], values[i]);
  return text;
}

std::string vector_text(const std::vector<double>& v) {
  std::string text;
  for (const double x : v) text += fmt::format("{}{:.4g}", text.empty() ? "" : ", ", x);
  return "(" + text + ")";
}

std::string subtitle_of(const GradientReport& r) {
  std::string text = fmt::format("at {}: value {:.4g}, gradient {}", point_in_words(r.variables, r.point), r.value,
                                 vector_text(r.gradient));
  if (!r.direction.empty()) text += fmt::format(", slope {:.4g} along {}", r.along, vector_text(r.direction));
  if (!r.kind.empty()) text += ", a " + r.kind;
  return text;
}

void draw_arrow(Canvas& canvas, Point from, Point to, double width, Color color) {
  const double dx = to.x - from.x, dy = to.y - from.y, length = std::hypot(dx, dy);
  if (!(length > 0.5)) return;
  const double ux = dx / length, uy = dy / length, head = std::min(length, 3.2 + 3.0 * width);
  const Point base{to.x - ux * head, to.y - uy * head};
  canvas.stroke({from, base}, width, color);
  const double half = head * 0.42;
  canvas.fill_polygon({to, {base.x - uy * half, base.y + ux * half}, {base.x + uy * half, base.y - ux * half}}, color);
}

Grid sample(const Formula& f, const Plane& frame) {
  Grid grid{201, 201, frame.x.first, frame.x.second, frame.y.first, frame.y.second, {}};
  std::vector<std::vector<double>> places(2);
  for (int row = 0; row < grid.rows; ++row)
    for (int column = 0; column < grid.columns; ++column) {
      places[0].push_back(grid.x(column));
      places[1].push_back(grid.y(row));
    }
  grid.values = gradient_field(f, places).value;
  return grid;
}

// Gradients on a coarse grid: the direction as the axes show it, the length as the root of the steepness.
void draw_field(Canvas& canvas, const Formula& f, const Plane& frame) {
  constexpr double kStep = 44;
  const int columns = std::max(2, static_cast<int>(frame.area.width / kStep));
  const int rows = std::max(2, static_cast<int>(frame.area.height / kStep));
  std::vector<std::vector<double>> places(2);
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < columns; ++column) {
      places[0].push_back(frame.x.first + (frame.x.second - frame.x.first) * (column + 0.5) / columns);
      places[1].push_back(frame.y.first + (frame.y.second - frame.y.first) * (row + 0.5) / rows);
    }
  const GradientField field = gradient_field(f, places);
  const double sx = frame.area.width / (frame.x.second - frame.x.first);
  const double sy = frame.area.height / (frame.y.second - frame.y.first);
  std::vector<double> steepness;
  for (size_t i = 0; i < places[0].size(); ++i) {
    const double s = std::hypot(field.gradients[0][i], field.gradients[1][i]);
    if (std::isfinite(s)) steepness.push_back(s);
  }
  if (steepness.empty()) return;
  std::sort(steepness.begin(), steepness.end());
  const double reference = steepness[(steepness.size() - 1) * 95 / 100];
  if (!(reference > 0)) return;
  for (size_t i = 0; i < places[0].size(); ++i) {
    const double gx = field.gradients[0][i], gy = field.gradients[1][i], s = std::hypot(gx, gy);
    const double px = gx * sx, py = -gy * sy, length = std::hypot(px, py);
    if (!(s > 0) || !std::isfinite(s) || !(length > 0)) continue;
    const double reach = std::min(1.0, std::sqrt(s / reference)) * kStep * 0.36;
    const Point c = frame.at(places[0][i], places[1][i]);
    draw_arrow(canvas, {c.x - px / length * reach, c.y - py / length * reach},
               {c.x + px / length * reach, c.y + py / length * reach}, 1.1, kPictureInk.with_alpha(0.45f));
  }
}

void draw_legend(Canvas& canvas, double y, const GradientReport& r, bool asked) {
  double x = kPictureMargin;
  const auto entry = [&](const std::string& label, auto&& mark) {
    mark(x);
    canvas.text({x + 28, y + 4}, label, {.size = 12, .color = kPictureLabel});
    x += 28 + Canvas::text_width(label, {.size = 12}) + 18;
  };
  if (r.gradient_norm > 0)
    entry("gradient", [&](double at) { draw_arrow(canvas, {at, y}, {at + 22, y}, 2.4, kGradient); });
  if (asked) entry("direction", [&](double at) { draw_arrow(canvas, {at, y}, {at + 22, y}, 2.4, kDirection); });
  entry("level set through the point", [&](double at) { canvas.stroke({{at, y}, {at + 22, y}}, 2, kPictureInk); });
  if (r.gradient_norm > 0)
    entry("its tangent", [&](double at) { canvas.stroke({{at, y}, {at + 22, y}}, 1.4, kPictureInk, {4, 3}); });
}

// How far along the axes' picture an arrow for the vector v goes: `pixels` for a vector as long as `unit`.
Point arrow_end(const Plane& frame, const GradientReport& r, const std::vector<double>& v, double pixels) {
  const Point from = frame.at(r.point[0], r.point[1]);
  const Point to = frame.at(r.point[0] + v[0], r.point[1] + v[1]);
  const double length = std::hypot(to.x - from.x, to.y - from.y);
  return {from.x + (to.x - from.x) / length * pixels, from.y + (to.y - from.y) / length * pixels};
}

Image draw_plane(const Formula& f, const GradientReport& r, const GradientPictureOptions& options) {
  Canvas canvas(options.width, options.height, options.scale);
  canvas.text({kPictureMargin - 1, kPictureMargin + 13}, f.text(), {.size = 17, .color = kPictureInk, .bold = true});
  canvas.text({kPictureMargin, kPictureMargin + 32}, subtitle_of(r), {.size = 12, .color = kPictureFaint});
  // A direction of its own is drawn only when it is not the gradient's.
  const bool asked =
      !r.direction.empty() && std::abs(r.along - r.gradient_norm) > 1e-9 * std::max(1.0, r.gradient_norm);
  draw_legend(canvas, kPictureMargin + 50, r, asked);

  Plane frame;
  frame.area = {kPictureMargin + 54, kPictureMargin + 68, options.width - 2 * kPictureMargin - 54 - 88,
                options.height - kPictureMargin - 68 - 46};
  const double radius = default_radius(r);
  frame.y = axis_range(r, options, 1, radius);
  // One unit is as long on both axes, unless ranges are given: right angles look right.
  frame.x = axis_range(r, options, 0, radius * frame.area.width / frame.area.height);

  const Grid grid = sample(f, frame);
  const std::vector<double> levels = contour_levels(grid, 13);
  const std::vector<Color> colors = band_colors(levels.size() + 1);
  canvas.set_clip(frame.area);
  draw_levels(canvas, frame, grid, levels, colors);
  draw_field(canvas, f, frame);
  canvas.stroke_all(level_lines(frame, grid, r.value), 2, kPictureInk.with_alpha(0.85f));
  const Point p = frame.at(r.point[0], r.point[1]);
  if (r.gradient_norm > 0) {
    const Point t = arrow_end(frame, r, {-r.gradient[1], r.gradient[0]}, 130);
    canvas.stroke({{2 * p.x - t.x, 2 * p.y - t.y}, t}, 1.4, kPictureInk, {5, 4});
    draw_arrow(canvas, p, arrow_end(frame, r, r.gradient, 84), 5.4, kPictureWhite.with_alpha(0.9f));
    draw_arrow(canvas, p, arrow_end(frame, r, r.gradient, 82), 3, kGradient);
  }
  if (asked) {
    draw_arrow(canvas, p, arrow_end(frame, r, r.direction, 84), 5.4, kPictureWhite.with_alpha(0.9f));
    draw_arrow(canvas, p, arrow_end(frame, r, r.direction, 82), 3, kDirection);
  }
  canvas.fill_disk(p, 6, kPictureWhite);
  canvas.fill_disk(p, 4.2, kPictureInk);
  canvas.clear_clip();
  draw_axes(canvas, frame, r.variables);
  draw_color_bar(canvas, {frame.area.right() + 20, frame.area.y, 16, frame.area.height}, levels, colors);
  return canvas.image();
}

Image draw_curve(const Formula& f, const GradientReport& r, const GradientPictureOptions& options) {
  const bool single = r.variables.size() == 1;
  if (!single && r.direction.empty())
    throw ValueError("gradient", "the gradient is 0 here: there is no direction to draw the curve along.",
                     "give --direction.");
  // t: the variable itself, or the way along the direction.
  const double origin = single ? r.point[0] : 0;
  PlaneRange range{origin - default_radius(r), origin + default_radius(r)};
  if (single) range = axis_range(r, options, 0, default_radius(r));
  constexpr int kPoints = 601;
  std::vector<double> t;
  std::vector<std::vector<double>> places(r.variables.size());
  for (int i = 0; i < kPoints; ++i) {
    t.push_back(range.first + (range.second - range.first) * i / (kPoints - 1));
    for (size_t k = 0; k < places.size(); ++k)
      places[k].push_back(single ? t.back() : r.point[k] + t.back() * r.direction[k]);
  }
  const double slope = single ? r.gradient[0] : r.along;
  const double reach = 0.28 * (range.second - range.first);
  const auto tangent_at = [&](double d) { return r.value + slope * d; };
  Panel panel;
  panel.x.label = single ? r.variables[0] : "along " + vector_text(r.direction);
  panel.x.low = range.first, panel.x.high = range.second;
  panel.series.push_back({.label = f.text(), .x = t, .y = gradient_field(f, places).value, .color = series_color(0)});
  if (std::isfinite(slope))
    panel.series.push_back({.label = fmt::format("tangent, slope {:.4g}", slope),
                            .x = {origin - reach, origin + reach},
                            .y = {tangent_at(-reach), tangent_at(reach)},
                            .color = kGradient,
                            .dash = {6, 4}});
  panel.series.push_back(
      {.label = "", .x = {origin}, .y = {r.value}, .color = kPictureInk, .width = 3, .markers = true});
  Figure figure{f.text(), subtitle_of(r), {panel}};
  return render_figure(figure, options.width, options.height * 0.75, options.scale);
}

}  // namespace

Image draw_gradient(const Formula& f, const GradientReport& report, const GradientPictureOptions& options) {
  return report.variables.size() == 2 ? draw_plane(f, report, options) : draw_curve(f, report, options);
}

}  // namespace gradus
