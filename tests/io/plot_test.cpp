#include "io/plot.h"

#include <doctest/doctest.h>

#include <cmath>

#include "base/error.h"
#include "io/font.h"

using namespace gradus;

namespace {
// Mean darkness of a picture, 0 white to 1 black; multiplied by its area that is the amount of ink.
double ink(const Canvas& canvas) {
  const Image image = canvas.image();
  double sum = 0;
  for (const uint8_t v : image.pixels) sum += 1 - v / 255.0;
  return sum / 3;
}
constexpr Color kBlack = Color::hex(0);
std::vector<std::string> labels(const std::vector<Tick>& ticks) {
  std::vector<std::string> out;
  for (const Tick& t : ticks) out.push_back(t.label);
  return out;
}
using Labels = std::vector<std::string>;
}  // namespace

TEST_CASE("anti-aliased shapes cover their exact area") {
  Canvas a(40, 40, 1);
  a.fill_rect({3.25, 4.5, 10.5, 7.25}, kBlack);
  CHECK(ink(a) == doctest::Approx(10.5 * 7.25).epsilon(0.01));
  Canvas b(40, 40, 1);
  b.fill_polygon({{5, 5}, {30, 8}, {12, 33}}, kBlack);
  CHECK(ink(b) == doctest::Approx(0.5 * std::abs(25 * 28 - 7 * 3)).epsilon(0.01));
  Canvas c(40, 40, 1);
  c.fill_disk({20, 20}, 9, kBlack);
  CHECK(ink(c) == doctest::Approx(M_PI * 81).epsilon(0.01));
  Canvas d(60, 60, 1);
  d.stroke({{10, 13.3}, {50, 41.7}}, 3, kBlack);
  CHECK(ink(d) == doctest::Approx(3 * std::hypot(40, 28.4) + M_PI * 2.25).epsilon(0.02));
  Canvas e(60, 60, 1);  // half of the length is gaps; caps add a disk a dash
  e.stroke({{10, 30.5}, {50, 30.5}}, 1, kBlack, {4, 4});
  CHECK(ink(e) == doctest::Approx(20 + 5 * M_PI / 4).epsilon(0.08));
}

TEST_CASE("what lies outside the canvas or the clip is dropped, NaN draws nothing") {
  Canvas canvas(20, 20, 2);
  canvas.fill_rect({-100, -100, 50, 50}, kBlack);
  canvas.stroke({{NAN, 3}, {4, NAN}}, 2, kBlack);
  canvas.fill_disk({NAN, NAN}, 4, kBlack);
  canvas.fill_polygon({{1, 1}, {NAN, 5}, {9, 9}}, kBlack);
  canvas.text({200, 200}, "far away");
  canvas.set_clip({5, 5, 0, 0});
  canvas.fill_rect({0, 0, 20, 20}, kBlack);
  CHECK(ink(canvas) == 0);
  canvas.clear_clip();
  canvas.fill_rect({-1e300, -1e300, 2e300, 2e300}, kBlack);
  CHECK(ink(canvas) == doctest::Approx(1600));
  CHECK_THROWS_AS(Canvas(0, 5), ValueError);
  CHECK_THROWS_AS(Canvas(1e9, 1e9), ValueError);
}

TEST_CASE("a picture is stretched into crisp cells") {
  Canvas canvas(12, 8, 1);
  canvas.picture({2, 1, 9, 6}, Image{3, 2, 1, {0, 255, 0, 255, 0, 255}});
  const Image image = canvas.image();
  for (int y = 0; y < 8; ++y)
    for (int x = 0; x < 12; ++x) {
      const bool inside = x >= 2 && x < 11 && y >= 1 && y < 7;
      const bool black = inside && ((x - 2) / 3 + (y - 1) / 3) % 2 == 0;
      CHECK(image.pixels[(y * 12 + x) * 3] == (black ? 0 : 255));
    }
  CHECK_THROWS_AS(canvas.picture({0, 0, 1, 1}, Image{3, 2, 1, {0}}), ValueError);
}

TEST_CASE("every printable character has a glyph inside the line") {
  const double unknown_ink = [] {
    Canvas canvas(40, 40, 2);
    canvas.text({5, 28}, "\xff", {.size = 20});
    return ink(canvas);
  }();
  for (char ch = '!'; ch <= '~'; ++ch) {
    CAPTURE(ch);
    Canvas canvas(40, 40, 2);
    canvas.text({5, 28}, std::string(1, ch), {.size = 20});
    CHECK(ink(canvas) > 4);
    CHECK(ink(canvas) != unknown_ink);
    const TextPaths text = layout_text(std::string(1, ch), 20);
    CHECK(text.width > 3);
    for (const Path& path : text.strokes)
      for (const Point& p : path) {
        CHECK(p.x >= 0);
        CHECK(p.x <= text.width);
        CHECK(p.y >= -16);
        CHECK(p.y <= 4.5);
      }
  }
  CHECK(layout_text("0", 10).width == layout_text("1", 10).width);
  CHECK(layout_text("⁻⁴", 10).width < layout_text("-4", 10).width + 2);
  CHECK(layout_text("\xf0\x9f", 10).strokes.size() == 2);  // truncated UTF-8: a box a byte
}

TEST_CASE("ticks are round and short") {
  CHECK(labels(nice_ticks(0, 10, false, 5)) == Labels{"0", "2", "4", "6", "8", "10"});
  CHECK(labels(nice_ticks(0, 12000, false, 4)) == Labels{"0", "2.5k", "5.0k", "7.5k", "10.0k"});
  CHECK(labels(nice_ticks(0, 0.003, false, 3)) == Labels{"0", "0.001", "0.002", "0.003"});
  CHECK(labels(nice_ticks(0, 0.0003, false, 3)) == Labels{"0", "10⁻⁴", "2×10⁻⁴", "3×10⁻⁴"});
  CHECK(labels(nice_ticks(1e-6, 1, true, 4)) == Labels{"10⁻⁶", "10⁻⁴", "0.01", "1"});
  CHECK(labels(nice_ticks(1, 100, true, 8)) == Labels{"1", "2", "5", "10", "20", "50", "100"});
  CHECK(nice_ticks(1, 1, false, 5).empty());
  CHECK(nice_ticks(-1, 5, true, 5).empty());
  CHECK(nice_ticks(0, INFINITY, false, 5).empty());
}

TEST_CASE("smoothing keeps straight lines and their ends, and quiets noise") {
  std::vector<double> line, noisy;
  for (int i = 0; i < 200; ++i) line.push_back(3 - 0.5 * i), noisy.push_back(1 + (i % 2 ? 0.3 : -0.3));
  const std::vector<double> same = smooth(line, 0.9), quiet = smooth(noisy, 0.95);
  for (int i = 0; i < 200; ++i) CHECK(same[i] == doctest::Approx(line[i]));
  for (int i = 5; i < 195; ++i) CHECK(std::abs(quiet[i] - 1) < 0.05);
  CHECK(smooth({2}, 0.9) == std::vector<double>{2});
  CHECK(smooth({1, 5, 2}, 0) == std::vector<double>{1, 5, 2});
  const std::vector<double> holes = smooth({1, NAN, 3}, 0.5);
  CHECK(std::isnan(holes[1]));
  CHECK(holes[2] == doctest::Approx(3));
}

TEST_CASE("figures are drawn also from odd data") {
  Figure figure{"title", "subtitle", {Panel{{.label = "step"}, {.label = "loss", .log = true}, {}}}};
  CHECK_NOTHROW(render_figure(figure, 200, 120, 1));  // no series at all
  Series s{"a", {1, 2, 3, 4, 5}, {1, -1, NAN, INFINITY, 2}, series_color(9)};
  s.markers = true, s.smoothing = 0.5;
  figure.panels[0].series = {s, {"one point", {3}, {3}, series_color(1)}, {"", {}, {}, series_color(2)}};
  CHECK_NOTHROW(render_figure(figure, 300, 200, 1));
  CHECK_NOTHROW(render_figure(figure, 5, 5, 1));  // smaller than its margins
  const Image once = render_figure(figure, 300, 200, 2), again = render_figure(figure, 300, 200, 2);
  CHECK(once.width == 600);
  CHECK(once.pixels == again.pixels);
  figure.panels[0].series[0].y.pop_back();
  CHECK_THROWS_AS(render_figure(figure), ValueError);
}
