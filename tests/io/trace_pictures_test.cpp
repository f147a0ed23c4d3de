#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/chrome_trace.h"
#include "io/contour.h"
#include "io/flame.h"
#include "support/temp_dir.h"

using namespace gradus;

namespace {

Grid grid_of(int n, auto&& f) {
  Grid grid{n, n, -1, 1, -2, 2, {}};
  for (int row = 0; row < n; ++row)
    for (int column = 0; column < n; ++column) grid.values.push_back(f(grid.x(column), grid.y(row)));
  return grid;
}

}  // namespace

TEST_CASE("flame boxes: neighbours of one module share its box, ops never do") {
  const std::vector<FlameSpan> spans = {{0, 1, {"forward", "h", "add"}, {}},
                                        {2, 3, {"forward", "h", "add"}, {}},
                                        {3, 4, {"forward", "sum"}, {}},
                                        {5, 6, {"backward", "h", "add"}, {}}};
  const std::vector<FlameBox> boxes = flame_boxes(spans);
  REQUIRE(boxes.size() == 8);
  CHECK(boxes[0].name == "forward");
  CHECK(boxes[0].end == 4);
  CHECK(boxes[0].last == 2);
  CHECK(boxes[1].name == "h");
  CHECK(boxes[1].end == 3);
  CHECK(boxes[1].depth == 1);
  CHECK(boxes[2].leaf);
  CHECK(boxes[2].end == 1);
  CHECK(boxes[3].begin == 2);
  CHECK(boxes[4].name == "sum");
  CHECK(boxes[5].name == "backward");
  CHECK(flame_boxes({}).empty());
}

TEST_CASE("a flame chart is drawn, with and without anything in it") {
  FlameChart chart;
  chart.title = "t";
  CHECK(render_flame(chart, 400, 1).width == 400);
  chart.spans = {{0, 1e-3, {"forward", "a module with a long name", "op"}, Color::hex(0x2b6cb0)},
                 {1e-3, 1.001e-3, {"forward", "op"}, Color::hex(0xffffff)}};
  chart.legend = {{"products 90 %", Color::hex(0x2b6cb0)}};
  const int plain = render_flame(chart, 400, 1).height;
  chart.memory_time = {0.5e-3, 1e-3};
  chart.memory_bytes = {1e6, 2e6};
  CHECK(render_flame(chart, 400, 1).height > plain);
}

TEST_CASE("a Chrome trace is the JSON that viewers read") {
  const TempDir folder;
  ChromeTrace trace("gradus");
  trace.complete("gelu", "forward", 0.5, 0.25, {{"kernel", "unary"}});
  trace.counter("memory", 0.75, "bytes", 64);
  trace.write(folder / "t.json");
  const Json json = read_json(folder / "t.json");
  const Json& events = json["traceEvents"];
  REQUIRE(events.size() == 4);
  CHECK(events[0]["ph"] == "M");
  CHECK(events[2]["ph"] == "X");
  CHECK(events[2]["ts"] == 500000);
  CHECK(events[2]["dur"] == 250000);
  CHECK(events[2]["args"]["kernel"] == "unary");
  CHECK(events[3]["ph"] == "C");
  CHECK(events[3]["args"]["bytes"] == 64);
  CHECK_THROWS_AS(trace.write("/no/such/folder/t.json"), FileError);
}

TEST_CASE("contours: a circle is found where it lies") {
  const Grid grid = grid_of(101, [](double x, double y) { return x * x + y * y; });
  const auto pieces = contour_line(grid, 0.49);
  REQUIRE(pieces.size() > 50);
  double length = 0;
  for (const Path& p : pieces) {
    REQUIRE(p.size() == 2);
    for (const Point& q : p) CHECK(std::hypot(q.x, q.y) == doctest::Approx(0.7).epsilon(1e-3));
    length += std::hypot(p[0].x - p[1].x, p[0].y - p[1].y);
  }
  CHECK(length == doctest::Approx(2 * 3.14159265 * 0.7).epsilon(1e-2));
  CHECK(contour_line(grid, 9).empty());
}

TEST_CASE("contours: saddles, poles and flat grids") {
  const Grid saddle{2, 2, 0, 1, 0, 1, {1, -1, -1, 1.5}};
  const auto pieces = contour_line(saddle, 0);
  REQUIRE(pieces.size() == 2);
  // The mean is above: the corners (0, 0) and (1, 1) hang together, each piece cuts one of the others off.
  for (const Path& p : pieces) {
    const double mx = (p[0].x + p[1].x) / 2, my = (p[0].y + p[1].y) / 2;
    CHECK(std::abs(mx - my) > 0.2);
  }
  const Grid pole = grid_of(21, [](double x, double y) { return 1 / (x * y); });
  for (const Path& p : contour_line(pole, 1))
    for (const Point& q : p) CHECK(std::isfinite(q.x + q.y));
  for (const double level : contour_levels(pole, 10)) CHECK(std::isfinite(level));
  CHECK(contour_levels(grid_of(5, [](double, double) { return 3.0; }), 10).empty());
  CHECK(contour_levels(grid_of(5, [](double, double) { return NAN; }), 10).empty());
  CHECK_THROWS_AS(contour_line({1, 1, 0, 1, 0, 1, {0}}, 0), ValueError);
  CHECK_THROWS_AS(contour_line({2, 2, 0, 1, 0, 1, {0}}, 0), ValueError);
}

TEST_CASE("contour bands: colours rise with the values, from below to above") {
  const Grid grid = grid_of(11, [](double, double y) { return y; });
  const std::vector<Color> colors = {Color::hex(0x000000), Color::hex(0xffffff)};
  const Image image = contour_bands(grid, {0.0}, colors, 4, 8);
  CHECK(image.pixels.front() == 255);
  CHECK(image.pixels.back() == 0);
  CHECK_THROWS_AS(contour_bands(grid, {0.0}, {colors[0]}, 4, 8), ValueError);
  CHECK(band_colors(1).size() == 1);
  CHECK(band_colors(7).size() == 7);
}
