#include "io/font.h"

#include <cmath>
#include <cstdint>
#include <numbers>

namespace gradus {

namespace {

// Pen paths in a grid of 20 units an em: baseline 0, small letters 10, capitals 14, descenders -4, y upwards.
//   M x y        lift the pen and go there         L x y   straight line
//   h x y        quarter ellipse that leaves horizontally      v x y   one that leaves vertically
//   q a b x y    quadratic Bezier with control point (a, b)
struct Glyph {
  uint32_t code;
  double width;  // of the ink
  const char* path;
};

constexpr Glyph kGlyphs[] = {
    {' ', 2.2, ""},
    {'!', 0, "M0 14 L0 4.4 M0 0 L0 .2"},
    {'"', 3, "M0 14 L0 10.4 M3 14 L3 10.4"},
    {'#', 9, "M3 0 L4.6 14 M6 0 L7.6 14 M.8 9.6 L9 9.6 M0 4.4 L8.2 4.4"},
    {'$', 8, "M7.6 11 q6.7 13 4.1 13 h.4 10.1 q.4 8 4 7.1 q8 6.1 8 3.8 v4.1 1 q1.1 1 0 3.4 M4 15.4 L4 -1.4"},
    {'%', 11, "M0 10.8 v2.4 13.8 h4.8 10.8 v2.4 7.8 h0 10.8 M6.2 3.2 v8.6 6.2 h11 3.2 v8.6 .2 h6.2 3.2 M9.4 14 L1.6 0"},
    {'&', 9.4, "M9.4 0 L2.2 9 q1.4 10 1.4 11.2 v4 14 h6.6 11.2 q6.6 9.4 4 7.8 q0 6 0 3.4 v3.8 0 q7.8 0 9 6.4"},
    {'\'', 0, "M0 14 L0 10.4"},
    {'(', 3, "M3 15 q0 11 0 5.8 q0 .6 3 -3.4"},
    {')', 3, "M0 15 q3 11 3 5.8 q3 .6 0 -3.4"},
    {'*', 6, "M3 14 L3 7.6 M.2 12.4 L5.8 9.2 M5.8 12.4 L.2 9.2"},
    {'+', 8, "M0 6.6 L8 6.6 M4 2.6 L4 10.6"},
    {',', .8, "M.8 .2 L0 -2.6"},
    {'-', 4.4, "M0 5.6 L4.4 5.6"},
    {'.', 0, "M0 0 L0 .2"},
    {'/', 6, "M0 -1.6 L6 15"},
    {'0', 8, "M0 7 v4 14 h8 7 v4 0 h0 7"},
    {'1', 8, "M1.6 11.4 L4.8 14 L4.8 0"},
    {'2', 8, "M.4 10.2 v4 14 h7.6 10.3 q7.6 8.2 5.8 6.3 L0 0 L8 0"},
    {'3', 8, "M.5 11.5 q1.4 14 4 14 h7.5 10.7 v4 7.5 L2.8 7.5 M4 7.5 h8 3.7 v4 0 q1 0 0 2.7"},
    {'4', 8, "M6 0 L6 14 L-.2 3.8 L8.2 3.8"},
    {'5', 8, "M7.2 14 L1.2 14 L.6 7.7 q2 9 4 9 h8 4.5 v3.9 0 q1 0 0 2.5"},
    {'6', 8, "M7.3 12 q6.2 14 4.3 14 h0 6.6 L0 4.5 v4 9 h8 4.5 v4 0 h0 4.5"},
    {'7', 8, "M0 14 L8 14 L2.8 0"},
    {'8', 8, "M4 7.5 h.5 10.8 v4 14 h7.5 10.8 v4 7.5 h8 3.7 v4 0 h0 3.7 v4 7.5"},
    {'9', 8, "M.7 2 q1.8 0 3.7 0 h8 7.4 L8 9.5 v4 5 h0 9.5 v4 14 h8 9.5"},
    {':', 0, "M0 0 L0 .2 M0 8.2 L0 8.4"},
    {';', .8, "M.8 .2 L0 -2.6 M.8 8.2 L.8 8.4"},
    {'<', 7.4, "M7.4 11 L0 6.6 L7.4 2.2"},
    {'=', 8, "M0 8.4 L8 8.4 M0 4.6 L8 4.6"},
    {'>', 7.4, "M0 11 L7.4 6.6 L0 2.2"},
    {'?', 6.4, "M0 11 q.6 14 3.3 14 h6.4 10.8 q6.4 9 4.6 7.6 q3 6.4 3 4.4 M3 0 L3 .2"},
    {'@', 13,
     "M9.4 5 v6.6 8.4 h3.8 5 v6.6 1.6 h9.4 5 M9.4 8.2 L9.4 3.8 v11.2 1.6 h13 5.4 v6.6 12 h0 4.4 v6.8 -3 "
     "q9.4 -3 10.8 -2"},
    {'A', 10, "M0 0 L5 14 L10 0 M1.7 4.6 L8.3 4.6"},
    {'B', 8.6, "M0 0 L0 14 L4.6 14 h8 10.8 v4.6 7.5 L0 7.5 M4.6 7.5 h8.6 3.7 v4.6 0 L0 0"},
    {'C', 9.6, "M9.6 11.2 q8.2 14 5.2 14 h0 7 v5.2 0 q8.2 0 9.6 2.8"},
    {'D', 9.4, "M0 0 L0 14 L3.4 14 h9.4 7 v3.4 0 L0 0"},
    {'E', 7.6, "M7.6 14 L0 14 L0 0 L7.6 0 M0 7.4 L6.6 7.4"},
    {'F', 7.2, "M7.2 14 L0 14 L0 0 M0 7.2 L6.4 7.2"},
    {'G', 9.8, "M9.5 11.4 q8.2 14 5.2 14 h0 7 v5.2 0 h9.8 4.4 L9.8 6.6 L5.8 6.6"},
    {'H', 9, "M0 0 L0 14 M9 0 L9 14 M0 7.4 L9 7.4"},
    {'I', 0, "M0 0 L0 14"},
    {'J', 5.6, "M5.6 14 L5.6 3.8 v2.8 0 h0 3"},
    {'K', 8.6, "M0 0 L0 14 M8.4 14 L0 5.6 M3 8.6 L8.8 0"},
    {'L', 7, "M0 14 L0 0 L7 0"},
    {'M', 11, "M0 0 L0 14 L5.5 4.4 L11 14 L11 0"},
    {'N', 9, "M0 0 L0 14 L9 0 L9 14"},
    {'O', 10.8, "M0 7 v5.4 14 h10.8 7 v5.4 0 h0 7"},
    {'P', 8.4, "M0 0 L0 14 L4.6 14 h8.4 10.2 v4.6 6.4 L0 6.4"},
    {'Q', 10.8, "M0 7 v5.4 14 h10.8 7 v5.4 0 h0 7 M6.8 3.8 L10.6 -.8"},
    {'R', 8.8, "M0 0 L0 14 L4.6 14 h8.4 10.2 v4.6 6.4 L0 6.4 M4.8 6.4 L8.8 0"},
    {'S', 8.4, "M8 11.3 q7 14 4.3 14 h.4 10.6 q.4 8.3 4.2 7.2 q8.4 6 8.4 3.5 v4.3 0 q1.2 0 0 2.8"},
    {'T', 9, "M0 14 L9 14 M4.5 14 L4.5 0"},
    {'U', 9, "M0 14 L0 4.8 v4.5 0 h9 4.8 L9 14"},
    {'V', 10, "M0 14 L5 0 L10 14"},
    {'W', 14, "M0 14 L3.6 0 L7 12 L10.4 0 L14 14"},
    {'X', 9, "M0 0 L9 14 M0 14 L9 0"},
    {'Y', 9.4, "M0 14 L4.7 6.6 L9.4 14 M4.7 6.6 L4.7 0"},
    {'Z', 8.6, "M0 14 L8.6 14 L0 0 L8.6 0"},
    {'[', 3, "M3 15 L0 15 L0 -3 L3 -3"},
    {'\\', 6, "M0 15 L6 -1.6"},
    {']', 3, "M0 15 L3 15 L3 -3 L0 -3"},
    {'^', 7, "M0 9 L3.5 14 L7 9"},
    {'_', 8, "M0 -2 L8 -2"},
    {'`', 2, "M0 14 L2 11.4"},
    {'a', 7, "M.5 8.3 q1.4 10 3.6 10 h7 6.8 L7 0 M7 5.8 L3.4 5.8 h0 2.9 v3 0 h7 3.2"},
    {'b', 7.8, "M0 14 L0 0 M0 5 v3.9 10 h7.8 5 v3.9 0 h0 5"},
    {'c', 7, "M7 8 q6 10 3.9 10 h0 5 v3.9 0 q6 0 7 2"},
    {'d', 7.8, "M7.8 14 L7.8 0 M7.8 5 v3.9 10 h0 5 v3.9 0 h7.8 5"},
    {'e', 7.6, "M0 5.2 L7.6 5.2 v3.9 10 h0 5 v3.9 0 q6 0 7.2 1.9"},
    {'f', 5, "M5 14 h1.9 11 L1.9 0 M0 9.8 L4.8 9.8"},
    {'g', 7.8, "M7.8 10 L7.8 0 v3.9 -4 q1.6 -4 .6 -2.6 M7.8 5 v3.9 10 h0 5 v3.9 0 h7.8 5"},
    {'h', 7, "M0 14 L0 0 M0 6 v3.7 10 h7 6.4 L7 0"},
    {'i', 0, "M0 10 L0 0 M0 13.6 L0 13.8"},
    {'j', 2.4, "M2.4 10 L2.4 -1.2 v0 -4 M2.4 13.6 L2.4 13.8"},
    {'k', 6.8, "M0 14 L0 0 M6.4 10 L0 3.8 M2.5 6.2 L6.8 0"},
    {'l', 0, "M0 14 L0 0"},
    {'m', 11.6, "M0 10 L0 0 M0 6.4 v3 10 h5.8 6.8 L5.8 0 M5.8 6.4 v8.8 10 h11.6 6.8 L11.6 0"},
    {'n', 7, "M0 10 L0 0 M0 6 v3.7 10 h7 6.4 L7 0"},
    {'o', 8, "M0 5 v4 10 h8 5 v4 0 h0 5"},
    {'p', 7.8, "M0 10 L0 -4 M0 5 v3.9 10 h7.8 5 v3.9 0 h0 5"},
    {'q', 7.8, "M7.8 10 L7.8 -4 M7.8 5 v3.9 10 h0 5 v3.9 0 h7.8 5"},
    {'r', 4.2, "M0 10 L0 0 M0 5.8 v3.6 10 L4.2 10"},
    {'s', 6.4, "M6.1 8.2 q5.4 10 3.3 10 h.4 7.5 q.4 5.8 3.2 5.2 q6.4 4.5 6.4 2.6 v3.3 0 q.9 0 0 1.9"},
    {'t', 4.8, "M1.9 13 L1.9 2.8 v4.8 0 M0 9.8 L4.8 9.8"},
    {'u', 7, "M0 10 L0 3.6 v3.4 0 h7 4 M7 10 L7 0"},
    {'v', 7.6, "M0 10 L3.8 0 L7.6 10"},
    {'w', 11.4, "M0 10 L2.9 0 L5.7 8.8 L8.5 0 L11.4 10"},
    {'x', 7, "M0 0 L7 10 M0 10 L7 0"},
    {'y', 7.8, "M0 10 L3.9 0 M7.8 10 L3.1 -2.2 q2.3 -4 .6 -4"},
    {'z', 6.6, "M0 10 L6.6 10 L0 0 L6.6 0"},
    {'{', 4, "M4 15 q1.8 15 1.8 12.4 L1.8 8.4 q1.8 6 0 6 q1.8 6 1.8 3.6 L1.8 -.4 q1.8 -3 4 -3"},
    {'|', 0, "M0 15 L0 -3"},
    {'}', 4, "M0 15 q2.2 15 2.2 12.4 L2.2 8.4 q2.2 6 4 6 q2.2 6 2.2 3.6 L2.2 -.4 q2.2 -3 0 -3"},
    {'~', 8, "M0 5.6 q2 8.6 4 6.6 q6 4.6 8 7.6"},
    {0xb0, 3.6, "M0 12.2 v1.8 14 h3.6 12.2 v1.8 10.4 h0 12.2"},
    {0xb1, 8, "M0 7.6 L8 7.6 M4 3.8 L4 11.4 M0 .6 L8 .6"},
    {0xb5, 7, "M0 10 L0 -4 M0 3.6 v3.4 0 h7 4 M7 10 L7 0"},
    {0xb7, 0, "M0 5.8 L0 6"},
    {0xd7, 6.4, "M0 3.4 L6.4 9.8 M0 9.8 L6.4 3.4"},
    {0x2013, 8, "M0 5.6 L8 5.6"},
    {0x2014, 14, "M0 5.6 L14 5.6"},
    {0x2026, 8.8, "M0 0 L0 .2 M4.4 0 L4.4 .2 M8.8 0 L8.8 .2"},
    {0x2192, 10, "M0 6.4 L10 6.4 M6.6 9.8 L10 6.4 L6.6 3"},
    {0x2212, 8, "M0 6.6 L8 6.6"},
};
constexpr Glyph kReplacementGlyph = {0xfffd, 7, "M0 0 L0 12 L7 12 L7 0 L0 0"};
constexpr double kGap = 3.3;  // between the ink of neighbours

const Glyph& glyph_of(uint32_t code) {
  for (const Glyph& glyph : kGlyphs)
    if (glyph.code == code) return glyph;
  return kReplacementGlyph;
}

// Superscripts are small raised twins of the plain characters.
uint32_t raised(uint32_t code) {
  switch (code) {
    case 0xb9: return '1';
    case 0xb2: return '2';
    case 0xb3: return '3';
    case 0x207a: return '+';
    case 0x207b: return 0x2212;
    default: return code == 0x2070 || (code >= 0x2074 && code <= 0x2079) ? '0' + (code - 0x2070) : 0;
  }
}

uint32_t next_code(std::string_view text, size_t& at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(at++);
  const int more = lead < 0x80 ? 0 : (lead >> 5) == 6 ? 1 : (lead >> 4) == 14 ? 2 : (lead >> 3) == 30 ? 3 : -1;
  if (more < 0 || at + more > text.size()) return 0xfffd;
  uint32_t code = more == 0 ? lead : lead & (0x3f >> more);
  for (int i = 0; i < more; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0xfffd;
    code = code << 6 | (byte(at + i) & 0x3f);
  }
  at += more;
  return code;
}

double number(const char*& p) {  // the table's own numbers: [-]digits[.digits]
  while (*p == ' ') ++p;
  const bool negative = *p == '-';
  p += negative;
  double value = 0, place = 1;
  for (; *p >= '0' && *p <= '9'; ++p) value = value * 10 + (*p - '0');
  if (*p == '.')
    for (++p; *p >= '0' && *p <= '9'; ++p) value += (*p - '0') * (place /= 10);
  return negative ? -value : value;
}

// Appends a glyph's strokes; a point (x, y) of the table lands at (left + x * unit, -(rise + y) * unit).
void trace(const char* p, double left, double rise, double unit, std::vector<Path>& out) {
  Point pen;
  const auto put = [&](Point to) { out.back().push_back({left + to.x * unit, -(rise + to.y * unit)}); };
  const int pieces = std::max(4, static_cast<int>(unit * 8));
  while (*p) {
    const char command = *p++;
    if (command == ' ') continue;
    Point control;
    if (command == 'q') control.x = number(p), control.y = number(p);
    Point to;
    to.x = number(p), to.y = number(p);
    if (command == 'M') out.emplace_back();
    if (command == 'M' || command == 'L') put(to);
    for (int i = 1; i <= pieces && command != 'M' && command != 'L'; ++i) {
      const double t = static_cast<double>(i) / pieces, angle = t * std::numbers::pi / 2;
      const double s = std::sin(angle), c = 1 - std::cos(angle);
      if (command == 'h') put({pen.x + (to.x - pen.x) * s, pen.y + (to.y - pen.y) * c});
      if (command == 'v') put({pen.x + (to.x - pen.x) * c, pen.y + (to.y - pen.y) * s});
      if (command == 'q') {
        const double a = (1 - t) * (1 - t), b = 2 * t * (1 - t), d = t * t;
        put({a * pen.x + b * control.x + d * to.x, a * pen.y + b * control.y + d * to.y});
      }
    }
    pen = to;
  }
}

}  // namespace

TextPaths layout_text(std::string_view utf8, double size) {
  TextPaths text;
  for (size_t at = 0; at < utf8.size();) {
    const uint32_t code = next_code(utf8, at), base = raised(code);
    const Glyph& glyph = glyph_of(base ? base : code);
    const double unit = size / 20 * (base ? 0.68 : 1), rise = base ? size * 0.36 : 0;
    trace(glyph.path, text.width + kGap / 2 * unit, rise, unit, text.strokes);
    text.width += (glyph.width + kGap) * unit;
  }
  return text;
}

}  // namespace gradus
