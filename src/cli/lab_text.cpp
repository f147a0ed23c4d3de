#include "cli/lab_text.h"

#include <CLI/CLI.hpp>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace gradus::cli {

std::vector<std::string> pieces(const std::string& text, char separator) {
  std::vector<std::string> list{""};
  for (const char c : text)
    if (c == separator)
      list.emplace_back();
    else if (c != ' ')
      list.back() += c;
  return list;
}

double number_of(const std::string& op, const std::string& text, const std::string& where) {
  double value = 0;
  const char* begin = text.data() + (text.size() > 1 && text[0] == '+');
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    throw ValueError(op, where + ": \"" + text + "\" is not a number.");
  return value;
}

std::vector<double> numbers_of(const std::string& op, const std::string& text, const std::string& where) {
  std::vector<double> list;
  for (const std::string& piece : pieces(text, ',')) list.push_back(number_of(op, piece, where));
  return list;
}

Json json_number(double v) { return std::isfinite(v) ? Json(v) : Json(); }
Json json_numbers(const std::vector<double>& list) {
  Json out = Json::array();
  for (const double v : list) out.push_back(json_number(v));
  return out;
}

void PictureArguments::add_to(CLI::App& verb, const char* names) {
  verb.add_option(names, output, "draw a picture: a PNG");
  verb.add_option("--width", width, "of the picture, in logical pixels")
      ->check(CLI::Range(300.0, 4000.0))
      ->capture_default_str();
  verb.add_option("--height", height, "in logical pixels")->check(CLI::Range(250.0, 4000.0))->capture_default_str();
  verb.add_option("--scale", scale, "pixels a logical pixel")->check(CLI::Range(0.5, 4.0))->capture_default_str();
}

void PictureArguments::write(const Figure& figure) const {
  if (!output.empty()) write(render_figure(figure, width, height, scale));
}

void PictureArguments::write(const Image& image) const {
  if (output.empty()) return;
  write_png(output, image);
  std::fprintf(stderr, "wrote %s\n", output.c_str());
}

}  // namespace gradus::cli
