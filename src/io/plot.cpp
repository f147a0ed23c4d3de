#include "io/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.h"

namespace gradus {

namespace {

constexpr Color kInk = Color::hex(0x212529), kLabel = Color::hex(0x495057), kFaint = Color::hex(0x868e96);
constexpr Color kGrid = Color::hex(0xe9ecef), kAxis = Color::hex(0xadb5bd);
constexpr TextStyle kTitle{.size = 17, .color = kInk, .bold = true};
constexpr TextStyle kSubtitle{.size = 12, .color = kFaint};
constexpr TextStyle kLegend{.size = 12, .color = kLabel};
constexpr TextStyle kTick{.size = 11, .color = kFaint};
constexpr double kMargin = 18;

struct Span {
  double low = INFINITY, high = -INFINITY;
  void include(double v) { low = std::min(low, v), high = std::max(high, v); }
  bool empty() const { return !(low <= high); }
};

// One axis: data to position.
struct Scale {
  Span data;
  bool log = false;
  double from = 0, to = 0;  // positions of data.low and data.high
  double map(double v) const { return log ? std::log(v) : v; }
  double at(double v) const {
    if (log && !(v > 0)) return NAN;
    return from + (to - from) * (map(v) - map(data.low)) / (map(data.high) - map(data.low));
  }
};

Span range_of(const Panel& panel, bool horizontal) {
  const AxisStyle& axis = horizontal ? panel.x : panel.y;
  Span span;
  for (const Series& s : panel.series)
    for (size_t i = 0; i < s.x.size(); ++i) {
      const double v = horizontal ? s.x[i] : s.y[i];
      if (std::isfinite(s.x[i]) && std::isfinite(s.y[i]) && (!axis.log || v > 0)) span.include(v);
    }
  if (span.empty()) span = axis.log ? Span{1, 10} : Span{0, 1};
  if (horizontal && !axis.log && span.low > 0 && span.low < 0.05 * span.high) span.low = 0;  // counting from 1
  if (axis.low) span.low = *axis.low;
  if (axis.high) span.high = *axis.high;
  if (axis.log && !(span.low > 0)) span.low = span.high > 0 ? span.high * 1e-3 : 1;
  if (!(span.high > span.low)) {  // a single value: give it room
    const double room = span.low != 0 ? std::abs(span.low) * 0.1 : 1;
    span.high = span.low + room;
    if (!axis.log) span.low -= room;
  } else if (!horizontal) {  // some air above and below
    const double air = 0.04;
    if (axis.log) {
      const double factor = std::pow(span.high / span.low, air);
      if (!axis.low) span.low /= factor;
      if (!axis.high) span.high *= factor;
    } else {
      const double room = (span.high - span.low) * air;
      if (!axis.low) span.low -= span.low == 0 ? 0 : room;
      if (!axis.high) span.high += room;
    }
  }
  return span;
}

std::string superscript(int n) {
  static const char* const kDigits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = n < 0 ? "⁻" : "";
  for (const char c : std::to_string(std::abs(n))) text += kDigits[c - '0'];
  return text;
}

std::string power_label(double mantissa, int exponent) {
  if (mantissa == 1) return "10" + superscript(exponent);
  return fmt::format("{:g}×10{}", mantissa, superscript(exponent));
}

// Digits behind the point that multiples of `step` (1, 2, 2.5 or 5 times a power of ten) need.
int decimals_of(double step) {
  int decimals = 0;
  for (double s = step; decimals < 9 && std::abs(s - std::round(s)) > 1e-6 * s; s *= 10) ++decimals;
  return decimals;
}

// Labels of evenly spaced round values share one form.
std::string plain_label(double value, double largest, double step) {
  if (value == 0) return "0";
  if (largest < 1e-3) {
    const int exponent = static_cast<int>(std::floor(std::log10(std::abs(value)) + 1e-9));
    return power_label(std::round(value / std::pow(10, exponent) * 1e6) / 1e6, exponent);
  }
  for (const auto& [from, unit, suffix] :
       {std::tuple{1e12, 1e12, "T"}, {1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {5e3, 1e3, "k"}})
    if (largest >= from) return fmt::format("{:.{}f}{}", value / unit, decimals_of(step / unit), suffix);
  return fmt::format("{:.{}f}", value, decimals_of(step));
}

std::vector<Tick> linear_ticks(double low, double high, int wanted) {
  const double rough = (high - low) / std::max(1, wanted);
  const double decade = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * decade;
  for (const double m : {1.0, 2.0, 2.5, 5.0})
    if (m * decade >= rough * 0.8) {
      step = m * decade;
      break;
    }
  std::vector<Tick> ticks;
  const double largest = std::max(std::abs(low), std::abs(high));
  for (double i = std::ceil(low / step - 1e-9); i <= high / step + 1e-9 && ticks.size() < 1000; ++i)
    ticks.push_back({i * step, plain_label(i * step, largest, step)});
  return ticks;
}

std::vector<Tick> log_ticks(double low, double high, int wanted) {
  const int first = static_cast<int>(std::floor(std::log10(low) + 1e-9)),
            last = static_cast<int>(std::ceil(std::log10(high)));
  const double decades = std::log10(high / low);
  if (decades < 1) return linear_ticks(low, high, wanted);
  const auto label = [](double m, int e) {
    return e >= -2 && e <= 3 ? fmt::format("{:g}", m * std::pow(10, e)) : power_label(m, e);
  };
  const int skip = std::max(1, static_cast<int>(std::ceil(decades / std::max(1, wanted))));
  std::vector<Tick> ticks;
  for (int e = first; e <= last; ++e)
    for (const double m : {1.0, 2.0, 5.0}) {
      if (m != 1 && decades * 2 >= wanted) continue;
      const double value = m * std::pow(10, e);
      if (e % skip == 0 && value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9))
        ticks.push_back({value, label(m, e)});
    }
  return ticks;
}

// Connected runs of drawable points. Where many points share a pixel column, its first, lowest, highest and last
// remain: the picture is the same and a million points cost no more than a thousand.
std::vector<Path> visible_runs(const std::vector<double>& xs, const std::vector<double>& ys, const Scale& x,
                               const Scale& y) {
  std::vector<Path> runs;
  bool open = false;
  Path column;
  const auto flush = [&] {
    if (column.size() > 4) {
      auto [low, high] = std::minmax_element(column.begin(), column.end(), [](Point a, Point b) { return a.y < b.y; });
      if (low > high) std::swap(low, high);
      column = {column.front(), *low, *high, column.back()};
    }
    if (!column.empty()) runs.back().insert(runs.back().end(), column.begin(), column.end());
    column.clear();
  };
  for (size_t i = 0; i < xs.size(); ++i) {
    const Point p{x.at(xs[i]), y.at(ys[i])};
    if (!std::isfinite(p.x) || !std::isfinite(p.y)) {
      if (open) flush();
      open = false;
      continue;
    }
    if (!open) runs.emplace_back();
    if (open && !column.empty() && std::floor(2 * column.back().x) != std::floor(2 * p.x)) flush();
    open = true;
    column.push_back(p);
  }
  if (open) flush();
  return runs;
}

void draw_series(Canvas& canvas, const Series& s, const Scale& x, const Scale& y, bool behind) {
  const bool smoothed = s.smoothing > 0;
  if (behind && !smoothed) return;
  const std::vector<Path> runs = visible_runs(s.x, smoothed && !behind ? smooth(s.y, s.smoothing) : s.y, x, y);
  if (behind) return canvas.stroke_all(runs, 1, s.color.with_alpha(0.28f));
  for (const Path& run : runs) {
    canvas.stroke(run, s.width, s.color, s.dash);
    const bool dots = s.markers || run.size() == 1;  // a lone point would be invisible otherwise
    for (size_t i = 0; dots && i < run.size(); ++i) {
      canvas.fill_disk(run[i], s.width + 1.6, Color::hex(0xffffff));
      canvas.fill_disk(run[i], s.width + 0.7, s.color);
    }
  }
}

void draw_panel(Canvas& canvas, const Panel& panel, const Rect& area, bool lowest) {
  const Scale x{range_of(panel, true), panel.x.log, area.x, area.right()};
  const Scale y{range_of(panel, false), panel.y.log, area.bottom(), area.y};
  const auto crisp = [](double v) { return std::round(v) + 0.5; };
  for (const Tick& tick :
       nice_ticks(y.data.low, y.data.high, y.log, static_cast<int>(std::max(3.0, area.height / 36)))) {
    const double at = crisp(y.at(tick.value));
    canvas.fill_rect({area.x, at - 0.5, area.width, 1}, kGrid);
    TextStyle style = kTick;
    style.align = Align::right;
    canvas.text({area.x - 7, at + kTick.size * 0.35}, tick.label, style);
  }
  for (const Tick& tick :
       nice_ticks(x.data.low, x.data.high, x.log, static_cast<int>(std::max(2.0, area.width / 90)))) {
    const double at = crisp(x.at(tick.value));
    canvas.fill_rect({at - 0.5, area.y, 1, area.height}, kGrid);
    if (!lowest) continue;
    canvas.fill_rect({at - 0.5, area.bottom(), 1, 4}, kAxis);
    TextStyle style = kTick;
    style.align = Align::center;
    canvas.text({at, area.bottom() + 17}, tick.label, style);
  }
  canvas.fill_rect({area.x, std::round(area.bottom()), area.width, 1}, kAxis);

  canvas.set_clip({area.x - 1, area.y - 5, area.width + 6, area.height + 6});
  for (const bool behind : {true, false})
    for (const Series& s : panel.series) draw_series(canvas, s, x, y, behind);
  canvas.clear_clip();

  TextStyle label = kLegend;
  label.align = Align::center;
  if (lowest) canvas.text({area.x + area.width / 2, area.bottom() + 36}, panel.x.label, label);
  label.upright = true;
  canvas.text({kMargin + 8, area.y + area.height / 2}, panel.y.label, label);
}

// A row (or several) of swatch + label; returns the height it took.
double draw_legend(Canvas& canvas, const Figure& figure, double top) {
  std::vector<const Series*> entries;
  for (const Panel& panel : figure.panels)
    for (const Series& s : panel.series) {
      const auto same = [&](const Series* e) { return e->label == s.label; };
      if (!s.label.empty() && std::none_of(entries.begin(), entries.end(), same)) entries.push_back(&s);
    }
  if (entries.empty()) return 0;
  constexpr double kSwatch = 20, kRow = 18;
  double x = kMargin, y = top + 10;
  for (const Series* s : entries) {
    const double width = kSwatch + 6 + Canvas::text_width(s->label, kLegend) + 16;
    if (x > kMargin && x + width > canvas.width() - kMargin) x = kMargin, y += kRow;
    canvas.stroke({{x + 1, y}, {x + kSwatch - 1, y}}, std::max(2.0, s->width), s->color, s->dash);
    if (s->markers) canvas.fill_disk({x + kSwatch / 2, y}, s->width + 1.2, s->color);
    canvas.text({x + kSwatch + 6, y + kLegend.size * 0.35}, s->label, kLegend);
    x += width;
  }
  return y + kRow - top;
}

}  // namespace

Color series_color(size_t index) {
  static constexpr uint32_t kColors[] = {0x2b6cb0, 0xd9531e, 0x1a936f, 0x8e5cb8,
                                         0xe0a100, 0x3fa7d6, 0xb8336a, 0x5c6770};
  return Color::hex(kColors[index % std::size(kColors)]);
}

// With d_j = j - i and k_j = w^|d_j|, the weighted line a + b d through the neighbours has a = (S2 T0 - S1 T1) / (S0 S2
// - S1^2), S_n = sum k d^n, T_n = sum k d^n y. The sums over one side follow each other: all distances grow by one, all
// weights by w.
std::vector<double> smooth(const std::vector<double>& values, double weight) {
  struct Sums {
    double s0 = 0, s1 = 0, s2 = 0, t0 = 0, t1 = 0;
    void shift(double w) {
      s2 = w * (s2 + 2 * s1 + s0), s1 = w * (s1 + s0), s0 *= w;
      t1 = w * (t1 + t0), t0 *= w;
    }
    void add(double y) { s0 += 1, t0 += y; }
  };
  const size_t n = values.size();
  std::vector<Sums> before(n);
  Sums past, future;
  for (size_t i = 0; i < n; ++i) {
    past.shift(weight);
    before[i] = past;
    if (std::isfinite(values[i])) past.add(values[i]);
  }
  std::vector<double> out(values);
  for (size_t i = n; i-- > 0;) {
    future.shift(weight);
    if (!std::isfinite(values[i])) continue;
    const Sums& p = before[i];
    const double s0 = p.s0 + future.s0 + 1, s1 = future.s1 - p.s1, s2 = p.s2 + future.s2;
    const double t0 = p.t0 + future.t0 + values[i], t1 = future.t1 - p.t1, determinant = s0 * s2 - s1 * s1;
    out[i] = determinant > 1e-9 * s0 * s2 && s2 > 0 ? (s2 * t0 - s1 * t1) / determinant : t0 / s0;
    future.add(values[i]);
  }
  return out;
}

std::vector<Tick> nice_ticks(double low, double high, bool log, int wanted) {
  if (!(high > low) || !std::isfinite(high - low) || (log && !(low > 0))) return {};
  return log ? log_ticks(low, high, wanted) : linear_ticks(low, high, wanted);
}

void draw_figure(Canvas& canvas, const Figure& figure) {
  double total = 0, tick_width = 20;
  for (const Panel& panel : figure.panels) {
    for (const Series& s : panel.series)
      if (s.x.size() != s.y.size())
        throw ValueError("plot", "the series \"" + s.label + "\" has " + std::to_string(s.x.size()) + " x and " +
                                     std::to_string(s.y.size()) + " y values.");
    total += panel.share;
    const Span span = range_of(panel, false);
    for (const Tick& tick : nice_ticks(span.low, span.high, panel.y.log, 8))
      tick_width = std::max(tick_width, Canvas::text_width(tick.label, kTick));
  }
  double top = kMargin;
  if (!figure.title.empty()) canvas.text({kMargin - 1, top + 13}, figure.title, kTitle), top += 23;
  if (!figure.subtitle.empty()) canvas.text({kMargin, top + 9}, figure.subtitle, kSubtitle), top += 19;
  top += draw_legend(canvas, figure, top) + 4;

  constexpr double kBelow = 46, kBetween = 16;
  const double left = std::round(kMargin + 20 + tick_width + 7);
  const double room =
      canvas.height() - top - kBelow - kMargin / 2 - kBetween * (static_cast<double>(figure.panels.size()) - 1);
  for (size_t i = 0; i < figure.panels.size(); ++i) {
    const double height = std::round(room * figure.panels[i].share / total);
    draw_panel(canvas, figure.panels[i], {left, std::round(top), canvas.width() - left - kMargin - 4, height},
               i + 1 == figure.panels.size());
    top += height + kBetween;
  }
}

Image render_figure(const Figure& figure, double width, double height, double scale) {
  Canvas canvas(width, height, scale);
  draw_figure(canvas, figure);
  return canvas.image();
}

}  // namespace gradus
