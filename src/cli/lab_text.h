#pragma once
// What the subcommands of `lab` share: lists on the command line, numbers in JSON, pictures.
#include <string>
#include <vector>

#include "base/json.h"
#include "io/plot.h"

namespace CLI {
class App;
}

namespace gradus::cli {

/// The pieces of a text, without spaces.
std::vector<std::string> pieces(const std::string& text, char separator);
/// Throws ValueError of `op`, saying `where`, for what is not a finite number.
double number_of(const std::string& op, const std::string& text, const std::string& where);
/// "1,2.5,-3"
std::vector<double> numbers_of(const std::string& op, const std::string& text, const std::string& where);

/// NaN and infinity have no place in JSON: null.
Json json_number(double v);
Json json_numbers(const std::vector<double>& list);

/// The picture's file (-o, --output, or other names), --width, --height, --scale.
struct PictureArguments {
  std::string output;
  double width = 860, height = 640, scale = 2;
  void add_to(CLI::App& verb, const char* names = "-o,--output");
  /// Writes the figure and says so on stderr; nothing without an output.
  void write(const Figure& figure) const;
  void write(const Image& image) const;
};

}  // namespace gradus::cli
