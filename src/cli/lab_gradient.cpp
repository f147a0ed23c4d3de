// gradus lab gradient
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "cli/lab_text.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "lab/gradient_picture.h"

namespace gradus::cli {

namespace {

struct GradientArguments {
  std::string formula, at, direction, range;
  PictureArguments picture;
  bool json = false;
};

double number(const std::string& text, const std::string& where) { return number_of("gradient", text, where); }

// "x=1,y=2"
std::vector<std::pair<std::string, std::string>> assignments(const std::string& text, const std::string& where) {
  std::vector<std::pair<std::string, std::string>> list;
  if (text.empty()) return list;
  for (const std::string& piece : pieces(text, ',')) {
    const size_t equals = piece.find('=');
    if (equals == std::string::npos || equals == 0)
      throw ValueError("gradient", where + ": \"" + piece + "\" is not NAME=VALUE.", "write " + where + " x=1,y=2.");
    list.emplace_back(piece.substr(0, equals), piece.substr(equals + 1));
  }
  return list;
}

size_t place_of(const Formula& f, const std::string& name, const std::string& where) {
  const auto& names = f.variables();
  for (size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return i;
  throw ValueError("gradient", where + ": the formula has no variable \"" + name + "\".");
}

// "1,1" in the order of the variables, or "y=1" with zeros for the others.
std::vector<double> direction_of(const Formula& f, const std::string& text) {
  std::vector<double> direction;
  if (text.empty()) return direction;
  if (text.find('=') == std::string::npos) {
    for (const std::string& piece : pieces(text, ',')) direction.push_back(number(piece, "--direction"));
    return direction;
  }
  direction.assign(f.variables().size(), 0);
  for (const auto& [name, value] : assignments(text, "--direction"))
    direction[place_of(f, name, "--direction")] = number(value, "--direction");
  return direction;
}

// "-2:3" for all variables, or "x=-2:3,y=0:4".
void read_ranges(const Formula& f, const std::string& text, GradientPictureOptions& options) {
  options.ranges.resize(f.variables().size());
  if (text.empty()) return;
  const auto range = [](const std::string& part) {
    const auto ends = pieces(part, ':');
    if (ends.size() != 2) throw ValueError("gradient", "--range: \"" + part + "\" is not LOW:HIGH.");
    return std::pair{number(ends[0], "--range"), number(ends[1], "--range")};
  };
  if (text.find('=') == std::string::npos) {
    for (auto& r : options.ranges) r = range(text);
    return;
  }
  for (const auto& [name, part] : assignments(text, "--range"))
    options.ranges[place_of(f, name, "--range")] = range(part);
}

Json json_by_name(const std::vector<std::string>& names, const std::vector<double>& values) {
  Json out = Json::object();
  for (size_t i = 0; i < values.size(); ++i) out[names[i]] = json_number(values[i]);
  return out;
}

Json json_of(const Formula& f, const GradientReport& r) {
  Json hessian = Json::array();
  for (const auto& row : r.hessian) hessian.push_back(json_numbers(row));
  Json json{{"formula", f.text()},
            {"variables", r.variables},
            {"at", json_by_name(r.variables, r.point)},
            {"value", r.value},
            {"gradient", json_by_name(r.variables, r.gradient)},
            {"gradient_norm", json_number(r.gradient_norm)},
            {"direction", r.direction.empty() ? Json() : json_by_name(r.variables, r.direction)}};
  if (!r.direction.empty()) {
    json["directional_derivative"] = json_number(r.along);
    json["second_derivative"] = json_number(r.curvature_along);
    json["difference_quotients"] = {{"forward", json_number(r.forward)}, {"backward", json_number(r.backward)}};
  }
  json["differentiable"] = r.smooth;
  json["hessian"] = hessian;
  json["eigenvalues"] = json_numbers(r.eigenvalues);
  json["kind"] = r.kind.empty() ? Json() : Json(r.kind);
  return json;
}

std::string list_of(const std::vector<double>& values) {
  std::string text;
  for (const double v : values) text += fmt::format("{:>12.6g}", v);
  return text;
}

std::string readable(const Formula& f, const GradientReport& r) {
  std::string out = f.text() + "\n\n";
  const auto line = [&](const char* name, const std::string& value) { out += fmt::format("{:<24}{}\n", name, value); };
  std::string names;
  for (const std::string& name : r.variables) names += fmt::format("{:>12}", name);
  line("", names);
  line("at", list_of(r.point));
  line("gradient", list_of(r.gradient));
  if (!r.direction.empty()) line("direction", list_of(r.direction));
  out += "\n";
  line("value", list_of({r.value}));
  line("steepest slope", list_of({r.gradient_norm}));
  if (!r.direction.empty()) {
    line("slope along direction", list_of({r.along}));
    line("second derivative", list_of({r.curvature_along}));
  }
  for (size_t i = 0; i < r.hessian.size(); ++i) line(i == 0 ? "Hessian" : "", list_of(r.hessian[i]));
  if (!r.eigenvalues.empty()) line("its eigenvalues", list_of(r.eigenvalues));
  if (!r.kind.empty()) line("the point is a", "    " + r.kind);
  if (!r.smooth)
    out += r.direction.empty()
               ? "\nThe gradient is not finite here.\n"
               : fmt::format(
                     "\nNot differentiable here: difference quotients along the direction are {:.6g} forwards and "
                     "{:.6g} backwards.\n",
                     r.forward, r.backward);
  return out;
}

void gradient(const GradientArguments& args) {
  const Formula f(args.formula);
  std::vector<std::pair<std::string, double>> at;
  for (const auto& [name, value] : assignments(args.at, "--at")) at.emplace_back(name, number(value, "--at"));
  const GradientReport report = examine_gradient(f, at, direction_of(f, args.direction));
  if (!args.picture.output.empty()) {
    GradientPictureOptions options;
    options.width = args.picture.width, options.height = args.picture.height, options.scale = args.picture.scale;
    read_ranges(f, args.range, options);
    args.picture.write(draw_gradient(f, report, options));
  }
  write_output(args.json ? dump_json(json_of(f, report)) + "\n" : readable(f, report));
}

}  // namespace

void add_lab_gradient(CLI::App& lab) {
  auto args = std::make_shared<GradientArguments>();
  CLI::App* verb = lab.add_subcommand(
      "gradient",
      "Gradient, directional derivative and Hessian of a formula at a point, and a picture of its level sets.");
  verb->footer("A formula has numbers, variables, + - * / ^ and parentheses, the constants pi and e, and\n  " +
               formula_functions() +
               "\nOne that begins with a minus comes behind --.\n"
               "With two variables the picture shows level sets and the field of gradients, otherwise the curve along\n"
               "the direction and its tangent.\n"
               "Example: gradus lab gradient 'x^2 + 3*x*y' --at x=1,y=2 --direction 1,1 -o levels.png");
  verb->add_option("FORMULA", args->formula, "for example 'x^2 + 3*x*y'")->required();
  verb->add_option("--at", args->at, "the point: NAME=VALUE,...")->required();
  verb->add_option("--direction", args->direction, "numbers in the variables' order, or NAME=VALUE,... [the gradient]");
  verb->add_option("--range", args->range, "what the picture shows: LOW:HIGH, or NAME=LOW:HIGH,... [around the point]");
  args->picture.add_to(*verb);
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->callback([args] { gradient(*args); });
}

}  // namespace gradus::cli
