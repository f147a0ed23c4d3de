#include "io/canvas.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "io/font.h"

namespace gradus {

namespace {

constexpr float kWhite = 65535;

uint16_t shade(float part) { return static_cast<uint16_t>(std::lround(std::clamp(part, 0.0f, 1.0f) * kWhite)); }

}  // namespace

Canvas::Canvas(double width, double height, double scale, Color background) : scale_(scale) {
  const double columns = std::ceil(width * scale), rows = std::ceil(height * scale);
  if (!(columns >= 1 && rows >= 1 && columns * rows <= 0x1p26))
    throw ValueError("canvas",
                     "cannot make a picture of " + std::to_string(columns) + " x " + std::to_string(rows) + " pixels.",
                     "use sizes of at least one pixel and at most 67 million in all.");
  columns_ = static_cast<int>(columns), rows_ = static_cast<int>(rows);
  clip_ = {0, 0, columns_, rows_};
  rgb_.resize(static_cast<size_t>(columns_) * rows_ * 3);
  for (size_t i = 0; i < rgb_.size(); i += 3)
    rgb_[i] = shade(background.r), rgb_[i + 1] = shade(background.g), rgb_[i + 2] = shade(background.b);
}

// The pixels that a rectangle in device coordinates touches, cut to the clip rectangle; empty for NaN.
Canvas::Box Canvas::clipped(double x0, double y0, double x1, double y1) const {
  if (!(x0 <= x1 && y0 <= y1)) return {0, 0, 0, 0};
  const auto cut = [](double v, int lo, int hi) { return static_cast<int>(std::clamp<double>(v, lo, hi)); };
  return {cut(std::floor(x0), clip_.x0, clip_.x1), cut(std::floor(y0), clip_.y0, clip_.y1),
          cut(std::ceil(x1), clip_.x0, clip_.x1), cut(std::ceil(y1), clip_.y0, clip_.y1)};
}

void Canvas::set_clip(const Rect& area) {
  clear_clip();
  clip_ = clipped(std::round(area.x * scale_), std::round(area.y * scale_), std::round(area.right() * scale_),
                  std::round(area.bottom() * scale_));
}

void Canvas::clear_clip() { clip_ = {0, 0, columns_, rows_}; }

void Canvas::blend(int x, int y, Color color, float coverage) {
  const float a = color.a * coverage;
  uint16_t* p = &rgb_[(static_cast<size_t>(y) * columns_ + x) * 3];
  const auto mix = [a](uint16_t old, float to) { return shade(old / kWhite + (to - old / kWhite) * a); };
  p[0] = mix(p[0], color.r);
  p[1] = mix(p[1], color.g);
  p[2] = mix(p[2], color.b);
}

void Canvas::fill_rect(const Rect& area, Color color) {
  const double x0 = area.x * scale_, y0 = area.y * scale_, x1 = area.right() * scale_, y1 = area.bottom() * scale_;
  const Box box = clipped(x0, y0, x1, y1);
  for (int y = box.y0; y < box.y1; ++y) {
    const double rows = std::min(y1, y + 1.0) - std::max<double>(y0, y);
    for (int x = box.x0; x < box.x1; ++x) {
      const double columns = std::min(x1, x + 1.0) - std::max<double>(x0, x);
      blend(x, y, color, static_cast<float>(std::clamp(rows * columns, 0.0, 1.0)));
    }
  }
}

// Several scan lines a pixel, exact coverage along each of them.
void Canvas::fill_polygon(const Path& corners, Color color) {
  if (corners.size() < 3) return;
  double x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
  for (const Point& p : corners) {
    if (!std::isfinite(p.x) || !std::isfinite(p.y)) return;
    x0 = std::min(x0, p.x * scale_), x1 = std::max(x1, p.x * scale_);
    y0 = std::min(y0, p.y * scale_), y1 = std::max(y1, p.y * scale_);
  }
  const Box box = clipped(x0, y0, x1, y1);
  if (box.x0 >= box.x1) return;
  constexpr int kLines = 8;
  struct Crossing {
    double x;
    int winding;
  };
  std::vector<Crossing> crossings;
  std::vector<float> coverage(box.x1 - box.x0);
  for (int y = box.y0; y < box.y1; ++y) {
    std::fill(coverage.begin(), coverage.end(), 0.0f);
    for (int line = 0; line < kLines; ++line) {
      const double at = y + (line + 0.5) / kLines;
      crossings.clear();
      for (size_t i = 0; i < corners.size(); ++i) {
        const Point a = corners[i], b = corners[(i + 1) % corners.size()];
        const double ay = a.y * scale_, by = b.y * scale_;
        if ((ay <= at) == (by <= at)) continue;
        const double t = (at - ay) / (by - ay);
        crossings.push_back({(a.x + (b.x - a.x) * t) * scale_, by > ay ? 1 : -1});
      }
      std::sort(crossings.begin(), crossings.end(), [](const Crossing& a, const Crossing& b) { return a.x < b.x; });
      int winding = 0;
      for (size_t i = 0; i + 1 < crossings.size(); ++i) {
        winding += crossings[i].winding;
        if (winding == 0) continue;
        const double from = std::clamp<double>(crossings[i].x, box.x0, box.x1);
        const double to = std::clamp<double>(crossings[i + 1].x, box.x0, box.x1);
        for (int x = static_cast<int>(from); x < std::min<double>(std::ceil(to), box.x1); ++x)
          coverage[x - box.x0] += static_cast<float>(std::min(to, x + 1.0) - std::max<double>(from, x)) / kLines;
      }
    }
    for (int x = box.x0; x < box.x1; ++x)
      if (coverage[x - box.x0] > 0) blend(x, y, color, std::min(1.0f, coverage[x - box.x0]));
  }
}

void Canvas::fill_disk(Point center, double radius, Color color) { stroke({center, center}, 2 * radius, color); }

void Canvas::stroke(const Path& path, double width, Color color, const std::vector<double>& dash) {
  double period = 0;
  for (const double d : dash) period += d;
  if (!(period > 0)) return stroke_all({path}, width, color);
  std::vector<Path> pieces;
  size_t phase = 0;
  double left = dash[0];  // of the current dash or gap
  for (size_t i = 0; i + 1 < path.size(); ++i) {
    const Point a = path[i], b = path[i + 1];
    const double length = std::hypot(b.x - a.x, b.y - a.y);
    if (!(length < 1e6)) continue;
    if (phase % 2 == 0 && (i == 0 || pieces.empty())) pieces.push_back({a});
    for (double done = 0; done < length;) {
      const double step = std::min(left, length - done);
      done += step, left -= step;
      const Point at{a.x + (b.x - a.x) * done / length, a.y + (b.y - a.y) * done / length};
      if (phase % 2 == 0) pieces.back().push_back(at);
      while (left <= 0) {
        phase = (phase + 1) % (dash.size() % 2 ? 2 * dash.size() : dash.size());
        left = dash[phase % dash.size()];
        if (phase % 2 == 0) pieces.push_back({at});
      }
    }
  }
  stroke_all(pieces, width, color);
}

// Coverage of a pixel is read off its distance to the nearest segment; the largest over all segments counts, so joints
// and crossings are seamless.
void Canvas::stroke_all(const std::vector<Path>& paths, double width, Color color) {
  double radius = width * scale_ / 2;
  if (radius < 0.5) color.a *= static_cast<float>(2 * radius), radius = 0.5;  // thinner than a pixel: paler instead
  const double reach = radius + 0.5;
  double x0 = INFINITY, y0 = INFINITY, x1 = -INFINITY, y1 = -INFINITY;
  for (const Path& path : paths)
    for (const Point& p : path)
      if (std::isfinite(p.x) && std::isfinite(p.y)) {
        x0 = std::min(x0, p.x * scale_), x1 = std::max(x1, p.x * scale_);
        y0 = std::min(y0, p.y * scale_), y1 = std::max(y1, p.y * scale_);
      }
  const Box all = clipped(x0 - reach, y0 - reach, x1 + reach, y1 + reach);
  const int columns = all.x1 - all.x0;
  if (columns <= 0 || all.y1 <= all.y0) return;
  std::vector<float> mask(static_cast<size_t>(columns) * (all.y1 - all.y0));
  for (const Path& path : paths)
    for (size_t i = 0; i + 1 < path.size(); ++i) {
      const double ax = path[i].x * scale_, ay = path[i].y * scale_;
      const double dx = path[i + 1].x * scale_ - ax, dy = path[i + 1].y * scale_ - ay, length2 = dx * dx + dy * dy;
      const Box box = clipped(std::min(ax, ax + dx) - reach, std::min(ay, ay + dy) - reach,
                              std::max(ax, ax + dx) + reach, std::max(ay, ay + dy) + reach);
      for (int y = box.y0; y < box.y1; ++y)
        for (int x = box.x0; x < box.x1; ++x) {
          const double px = x + 0.5 - ax, py = y + 0.5 - ay;
          const double t = length2 > 0 ? std::clamp((px * dx + py * dy) / length2, 0.0, 1.0) : 0.0;
          const double distance = std::hypot(px - t * dx, py - t * dy);
          float& m = mask[static_cast<size_t>(y - all.y0) * columns + (x - all.x0)];
          m = std::max(m, static_cast<float>(std::clamp(reach - distance, 0.0, 1.0)));
        }
    }
  for (int y = all.y0; y < all.y1; ++y)
    for (int x = all.x0; x < all.x1; ++x)
      if (const float m = mask[static_cast<size_t>(y - all.y0) * columns + (x - all.x0)]; m > 0) blend(x, y, color, m);
}

void Canvas::text(Point at, std::string_view utf8, const TextStyle& style) {
  TextPaths text = layout_text(utf8, style.size);
  const double shift = style.align == Align::left ? 0 : style.align == Align::center ? text.width / 2 : text.width;
  for (Path& path : text.strokes)
    for (Point& p : path) {
      const double along = p.x - shift;
      p = style.upright ? Point{at.x + p.y, at.y - along} : Point{at.x + along, at.y + p.y};
    }
  stroke_all(text.strokes, style.size * (style.bold ? 0.125 : 0.082), style.color);
}

double Canvas::text_width(std::string_view utf8, const TextStyle& style) { return layout_text(utf8, style.size).width; }

void Canvas::picture(const Rect& area, const Image& image) {
  if (image.width <= 0 || image.height <= 0 || image.channels < 1 || image.channels > 4 ||
      image.pixels.size() != static_cast<size_t>(image.width) * image.height * image.channels)
    throw ValueError("canvas",
                     "the picture's sizes do not match its " + std::to_string(image.pixels.size()) + " bytes.");
  const double x0 = area.x * scale_, y0 = area.y * scale_, w = area.width * scale_, h = area.height * scale_;
  const Box box = clipped(x0, y0, x0 + w, y0 + h);
  const bool colored = image.channels >= 3, alpha = image.channels == 2 || image.channels == 4;
  for (int y = box.y0; y < box.y1; ++y)
    for (int x = box.x0; x < box.x1; ++x) {
      const int column = std::clamp(static_cast<int>((x + 0.5 - x0) / w * image.width), 0, image.width - 1);
      const int row = std::clamp(static_cast<int>((y + 0.5 - y0) / h * image.height), 0, image.height - 1);
      const uint8_t* p = &image.pixels[(static_cast<size_t>(row) * image.width + column) * image.channels];
      const Color color{p[0] / 255.0f, p[colored ? 1 : 0] / 255.0f, p[colored ? 2 : 0] / 255.0f,
                        alpha ? p[image.channels - 1] / 255.0f : 1.0f};
      blend(x, y, color, 1);
    }
}

Image Canvas::image() const {
  Image out{columns_, rows_, 3, std::vector<uint8_t>(rgb_.size())};
  for (size_t i = 0; i < rgb_.size(); ++i) out.pixels[i] = static_cast<uint8_t>(std::lround(rgb_[i] / kWhite * 255));
  return out;
}

}  // namespace gradus
