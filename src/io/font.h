#pragma once
#include <string_view>
#include <vector>

#include "io/geometry.h"

namespace gradus {

/// A small sans-serif stroke font made for Gradus: pen paths instead of outlines, so that one table serves every size.
/// Covers printable ASCII and – — × · µ ± ° … → and superscript digits; anything else is drawn as an empty box.
struct TextPaths {
  std::vector<Path> strokes;  ///< first baseline point at (0, 0), y downwards
  double width = 0;           ///< advance of the whole line
};

/// Lays out one line. `size` is the em in pixels: capitals are 0.7, small letters 0.5, descenders 0.2 of it.
/// Malformed UTF-8 bytes count as one unknown character each. Digits share one width.
TextPaths layout_text(std::string_view utf8, double size);

}  // namespace gradus
