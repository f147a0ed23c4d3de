#pragma once
#include <string_view>
#include <vector>

#include "io/geometry.h"
#include "io/png.h"

namespace gradus {

enum class Align : uint8_t { left, center, right };

struct TextStyle {
  double size = 12;  ///< em in logical pixels; capitals are 0.7 of it
  Color color = Color::hex(0x343a40);
  Align align = Align::left;
  bool bold = false;
  bool upright = false;  ///< turned by 90 degrees, reading from below to above
};

/// An opaque raster to draw on, with anti-aliased primitives. Coordinates are logical pixels (x right, y down); `scale`
/// logical pixels make one pixel of the picture, so the same drawing serves 1x and 2x screens.
/// Everything outside the canvas or the clip rectangle is dropped; NaN coordinates draw nothing.
class Canvas {
 public:
  /// Throws ValueError for empty or absurd sizes (over 2^26 pixels).
  Canvas(double width, double height, double scale = 2, Color background = Color::hex(0xffffff));

  double width() const { return columns_ / scale_; }
  double height() const { return rows_ / scale_; }

  void set_clip(const Rect& area);
  void clear_clip();

  void fill_rect(const Rect& area, Color color);
  /// Closed polygon, non-zero winding.
  void fill_polygon(const Path& corners, Color color);
  void fill_disk(Point center, double radius, Color color);
  /// Round joints and caps. `dash` alternates drawn and skipped lengths; empty is solid.
  void stroke(const Path& path, double width, Color color, const std::vector<double>& dash = {});
  /// All paths as one shape: where they cross, a translucent colour does not darken.
  void stroke_all(const std::vector<Path>& paths, double width, Color color);
  /// One line; `at` is on the baseline at the left end, middle or right end.
  void text(Point at, std::string_view utf8, const TextStyle& style = {});
  static double text_width(std::string_view utf8, const TextStyle& style = {});
  /// Another picture stretched over `area`, every source pixel a crisp cell: heat maps.
  void picture(const Rect& area, const Image& image);

  /// RGB.
  Image image() const;

 private:
  struct Box {
    int x0, y0, x1, y1;  // pixels, half open
  };
  Box clipped(double x0, double y0, double x1, double y1) const;
  void blend(int x, int y, Color color, float coverage);

  int columns_, rows_;
  double scale_;
  Box clip_;
  std::vector<uint16_t> rgb_;  // of 65535; floats would be twice as much memory
};

}  // namespace gradus
