#include "io/word_map.h"

#include <algorithm>
#include <cmath>

#include "io/plot.h"

namespace gradus {

namespace {

bool overlap(const Rect& a, const Rect& b) {
  return a.x < b.right() && b.x < a.right() && a.y < b.bottom() && b.y < a.bottom();
}

}  // namespace

Image render_word_map(const std::vector<LabelledPoint>& points, const std::string& title, const std::string& subtitle,
                      double width, double height, double scale) {
  Canvas canvas(width, height, scale);
  const Rect area{28, 64, width - 56, height - 92};
  canvas.text({area.x, 30}, title, {.size = 17, .color = Color::hex(0x212529), .bold = true});
  canvas.text({area.x, 49}, subtitle, {.size = 12, .color = Color::hex(0x868e96)});
  double low_x = INFINITY, high_x = -INFINITY, low_y = INFINITY, high_y = -INFINITY;
  std::vector<const LabelledPoint*> finite;
  for (const LabelledPoint& p : points) {
    if (!std::isfinite(p.x) || !std::isfinite(p.y)) continue;
    finite.push_back(&p);
    low_x = std::min(low_x, p.x), high_x = std::max(high_x, p.x);
    low_y = std::min(low_y, p.y), high_y = std::max(high_y, p.y);
  }
  if (finite.empty()) return canvas.image();
  const double unit =
      std::min(area.width / std::max(high_x - low_x, 1e-12), area.height / std::max(high_y - low_y, 1e-12)) * 0.94;
  const Point middle{area.x + area.width / 2, area.y + area.height / 2};
  const auto place = [&](const LabelledPoint& p) {
    return Point{middle.x + (p.x - (low_x + high_x) / 2) * unit, middle.y - (p.y - (low_y + high_y) / 2) * unit};
  };
  const Color faint = Color::hex(0xdee2e6);
  if (low_x < 0 && high_x > 0) {
    const double x = place({0, 0, ""}).x;
    canvas.stroke({{x, area.y}, {x, area.bottom()}}, 1, faint, {3, 3});
  }
  if (low_y < 0 && high_y > 0) {
    const double y = place({0, 0, ""}).y;
    canvas.stroke({{area.x, y}, {area.right(), y}}, 1, faint, {3, 3});
  }
  for (const LabelledPoint* p : finite) canvas.fill_disk(place(*p), 2.2, series_color(0).with_alpha(0.75f));
  const TextStyle style{.size = 11.5, .color = Color::hex(0x343a40)};
  std::vector<Rect> taken;
  for (const LabelledPoint* p : finite) {
    const Point at = place(*p);
    const double w = Canvas::text_width(p->label, style);
    // Right of the point, or left of it where the picture ends.
    const double x = at.x + 5 + w < width - 6 ? at.x + 5 : at.x - 5 - w;
    const Rect box{x - 1, at.y - 6, w + 2, 12};
    if (std::any_of(taken.begin(), taken.end(), [&](const Rect& r) { return overlap(r, box); })) continue;
    taken.push_back(box);
    canvas.text({x, at.y + 4}, p->label, style);
  }
  return canvas.image();
}

}  // namespace gradus
