#include "io/flame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/plot.h"

namespace gradus {

namespace {

constexpr Color kFlameInk = Color::hex(0x212529), kFlameFaint = Color::hex(0x868e96), kFlameGrid = Color::hex(0xe9ecef);
constexpr Color kFlameMemory = Color::hex(0x8e5cb8);
constexpr double kFlameMargin = 18, kFlameRow = 19, kFlameMemoryHeight = 90;

// Grey, lighter the further inside.
Color outer_color(int depth) {
  const float v = std::min(0.965f, 0.86f + 0.035f * static_cast<float>(depth));
  return {v, v + 0.008f, v + 0.016f, 1};
}

// As much of the text as fits, and an ellipsis; empty when that is less than two letters.
std::string fitting(const std::string& text, double width, const TextStyle& style) {
  if (Canvas::text_width(text, style) <= width) return text;
  for (size_t n = text.size(); n-- > 2;) {
    const std::string cut = text.substr(0, n) + "…";
    if (Canvas::text_width(cut, style) <= width) return cut;
  }
  return "";
}

bool dark(Color c) { return 0.299f * c.r + 0.587f * c.g + 0.114f * c.b < 0.55f; }

std::string megabytes(double bytes) {
  return bytes >= 1e9 ? fmt::format("{:.2f} GB", bytes / 1e9) : fmt::format("{:.0f} MB", bytes / 1e6);
}

struct TimeAxis {
  double left, right, begin, end;
  double at(double t) const { return left + (right - left) * (t - begin) / (end - begin); }
};

void draw_box(Canvas& canvas, const FlameBox& box, Color color, const TimeAxis& axis, double top) {
  const double x0 = axis.at(box.begin), x1 = axis.at(box.end), width = x1 - x0;
  const double gap = std::min(0.8, width * 0.15);  // so that neighbours can be told apart
  canvas.fill_rect({x0, top, std::max(width - gap, 0.15), kFlameRow - 1.2}, color);
  const TextStyle style{.size = 11, .color = dark(color) ? Color::hex(0xffffff) : kFlameInk};
  const std::string label = fitting(box.name, width - 7, style);
  if (!label.empty()) canvas.text({x0 + 3.5, top + kFlameRow - 6.4}, label, style);
}

void draw_memory(Canvas& canvas, const FlameChart& chart, const TimeAxis& axis, double top) {
  double highest = 0;
  size_t peak = 0;
  for (size_t i = 0; i < chart.memory_bytes.size(); ++i)
    if (chart.memory_bytes[i] > highest) highest = chart.memory_bytes[i], peak = i;
  if (highest <= 0) return;
  const double bottom = top + kFlameMemoryHeight;
  const auto y = [&](double bytes) { return bottom - (kFlameMemoryHeight - 16) * bytes / highest; };
  canvas.stroke({{axis.left, bottom}, {axis.right, bottom}}, 1, kFlameGrid);
  Path outline{{axis.at(chart.memory_time.front()), bottom}};
  double level = chart.memory_bytes.front();
  for (size_t i = 0; i < chart.memory_time.size(); ++i) {  // each figure holds until the next
    const double x = axis.at(chart.memory_time[i]);
    outline.push_back({x, y(level)});
    level = chart.memory_bytes[i];
    outline.push_back({x, y(level)});
  }
  Path line(outline.begin() + 1, outline.end());
  outline.push_back({outline.back().x, bottom});
  canvas.fill_polygon(outline, kFlameMemory.with_alpha(0.16f));
  canvas.stroke(line, 1.2, kFlameMemory);
  const double x = axis.at(chart.memory_time[peak]);
  canvas.fill_disk({x, y(highest)}, 2.4, kFlameMemory);
  const bool left = x > (axis.left + axis.right) / 2;
  canvas.text({x + (left ? -7 : 7), y(highest) - 4}, "memory in use: peak " + megabytes(highest),
              {.size = 11, .color = kFlameMemory, .align = left ? Align::right : Align::left});
}

}  // namespace

std::vector<FlameBox> flame_boxes(const std::vector<FlameSpan>& spans) {
  std::vector<FlameBox> boxes;
  std::vector<size_t> open;  // boxes that the span before lies in, by depth
  for (size_t s = 0; s < spans.size(); ++s) {
    const FlameSpan& span = spans[s];
    size_t shared = 0;  // a leaf is one op: it never grows
    while (shared < open.size() && shared < span.path.size() && boxes[open[shared]].name == span.path[shared] &&
           !boxes[open[shared]].leaf && shared + 1 < span.path.size())
      ++shared;
    open.resize(shared);
    for (const size_t box : open) boxes[box].end = span.end, boxes[box].last = s;
    for (size_t depth = shared; depth < span.path.size(); ++depth) {
      open.push_back(boxes.size());
      boxes.push_back(
          {static_cast<int>(depth), span.path[depth], span.begin, span.end, s, s, depth + 1 == span.path.size()});
    }
  }
  return boxes;
}

Image render_flame(const FlameChart& chart, double width, double scale) {
  const std::vector<FlameBox> boxes = flame_boxes(chart.spans);
  int deepest = 0;
  for (const FlameBox& box : boxes) deepest = std::max(deepest, box.depth);
  const bool memory = !chart.memory_time.empty() && chart.memory_time.size() == chart.memory_bytes.size();
  const double header = kFlameMargin + 64, rows = (deepest + 1) * kFlameRow;
  const double below = memory ? kFlameMemoryHeight + 14 : 0, height = header + rows + below + 44;
  Canvas canvas(width, height, scale);
  canvas.text({kFlameMargin - 1, kFlameMargin + 13}, chart.title, {.size = 17, .color = kFlameInk, .bold = true});
  canvas.text({kFlameMargin, kFlameMargin + 33}, chart.subtitle, {.size = 12, .color = kFlameFaint});
  double x = kFlameMargin;
  for (const auto& entry : chart.legend) {
    canvas.fill_rect({x, kFlameMargin + 43, 11, 11}, entry.color);
    const TextStyle style{.size = 11.5, .color = Color::hex(0x495057)};
    canvas.text({x + 16, kFlameMargin + 52.5}, entry.label, style);
    x += 16 + Canvas::text_width(entry.label, style) + 18;
  }
  if (chart.spans.empty()) return canvas.image();

  TimeAxis axis{kFlameMargin, width - kFlameMargin, chart.spans.front().begin, chart.spans.back().end};
  if (!(axis.end > axis.begin)) axis.end = axis.begin + 1e-9;
  for (const FlameBox& box : boxes)
    draw_box(canvas, box, box.leaf ? chart.spans[box.first].color : outer_color(box.depth), axis,
             header + box.depth * kFlameRow);
  if (memory) draw_memory(canvas, chart, axis, header + rows + 14);

  const double bottom = header + rows + below + 8;
  canvas.stroke({{axis.left, bottom}, {axis.right, bottom}}, 1, Color::hex(0xadb5bd));
  for (const Tick& tick : nice_ticks(0, (axis.end - axis.begin) * 1e3, false, 10)) {
    const double at = axis.at(axis.begin + tick.value * 1e-3);
    canvas.stroke({{at, bottom}, {at, bottom + 4}}, 1, Color::hex(0xadb5bd));
    const Align align = tick.value == 0 ? Align::left : at > axis.right - 20 ? Align::right : Align::center;
    canvas.text({at, bottom + 17}, tick.label + (tick.value == 0 ? " ms" : ""),
                {.size = 11, .color = kFlameFaint, .align = align});
  }
  return canvas.image();
}

}  // namespace gradus
