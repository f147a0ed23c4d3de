// gradus lab quadratic
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "cli/lab_text.h"
#include "cli/text_io.h"
#include "cli/usage.h"
#include "cli/verbs.h"
#include "lab/quadratic.h"

namespace gradus::cli {

namespace {

struct QuadraticArguments {
  std::string formula, matrix, linear, start, methods;
  double constant = 0, condition = 100;
  int64_t size = 0;
  uint64_t seed = 0;
  QuadraticOptions options;
  PictureArguments picture;
  bool json = false;
};

Quadratic quadratic_of(const QuadraticArguments& args) {
  const int given = !args.formula.empty() + !args.matrix.empty() + (args.size > 0);
  if (given != 1)
    throw ValueError("quadratic", given == 0 ? "there is no form." : "the form is given more than once.",
                     "give one of: a FORMULA, --matrix '3,1;1,1', --size N --condition K.");
  if (args.matrix.empty() && !args.linear.empty()) throw ValueError("quadratic", "--linear belongs to --matrix.");
  if (!args.formula.empty()) return quadratic_from(Formula(args.formula));
  if (args.size > 0) return quadratic_with_spectrum(args.size, args.condition, args.seed);
  std::vector<std::vector<double>> rows;
  for (const std::string& row : pieces(args.matrix, ';')) rows.push_back(numbers_of("quadratic", row, "--matrix"));
  std::vector<double> b;
  if (!args.linear.empty()) b = numbers_of("quadratic", args.linear, "--linear");
  return quadratic_from(rows, b, args.constant);
}

Json json_of(const Quadratic& q, const QuadraticReport& r, const std::vector<QuadraticPath>& paths) {
  Json methods = Json::array();
  for (const QuadraticPath& p : paths) {
    Json entry{{"method", p.method},
               {"iterations", p.iterations},
               {"end", name_of(p.end)},
               {"error", json_number(p.error)},
               {"value", json_number(p.value)},
               {"rate", p.rate},
               {"bound", p.bound < 0 ? Json() : Json(p.bound)}};
    if (q.size() <= 16) entry["x"] = json_numbers(p.x);
    methods.push_back(entry);
  }
  Json json{{"variables", q.size()},
            {"form", q.text()},
            {"kind", r.kind},
            {"eigenvalues", json_numbers(r.eigenvalues)},
            {"condition", r.condition},
            {"bounded", r.bounded},
            {"minimum", r.bounded ? Json(r.minimum) : Json()},
            {"minimiser", r.bounded ? json_numbers(r.minimiser) : Json()}};
  if (!r.bounded) json["why"] = r.why;
  json["methods"] = methods;
  return json;
}

std::string readable(const Quadratic& q, const QuadraticReport& r, const std::vector<QuadraticPath>& paths) {
  std::string out = q.text() + "\n" + r.kind;
  if (r.eigenvalues.size() <= 8) {
    out += "; eigenvalues of the Hessian";
    for (const double v : r.eigenvalues) out += fmt::format(" {:.6g}", v);
  }
  if (r.condition > 0) out += fmt::format("; condition number {:.6g}", r.condition);
  if (!r.bounded) return out + "\nno minimum: " + r.why + "\n";
  out += fmt::format("\nminimum {:.8g}", r.minimum);
  if (q.size() <= 8) {
    out += " at";
    for (size_t i = 0; i < q.size(); ++i)
      out += fmt::format(" {} = {:.6g}", q.variables[i], r.minimiser[i] == 0 ? 0 : r.minimiser[i]);
  }
  out += fmt::format("\n\n{:<20}{:>12}{:>10}{:>14}{:>10}  {}\n", "method", "iterations", "bound", "error", "rate", "");
  for (const QuadraticPath& p : paths)
    out += fmt::format("{:<20}{:>12}{:>10}{:>14.3g}{:>10.6f}  {}\n", p.method, p.iterations,
                       p.bound < 0 ? "-" : std::to_string(p.bound), p.error, p.rate,
                       p.end == MinimiseEnd::converged ? "" : name_of(p.end));
  return out;
}

void quadratic(const QuadraticArguments& args) {
  const Quadratic q = quadratic_of(args);
  const QuadraticReport report = examine(q);
  QuadraticOptions options = args.options;
  if (!args.start.empty()) options.start = numbers_of("quadratic", args.start, "--start");
  std::vector<QuadraticPath> paths;
  if (report.bounded)
    for (const std::string& method : args.methods.empty() ? quadratic_methods() : pieces(args.methods, ','))
      paths.push_back(minimise_quadratic(q, report, method, options));
  if (!args.picture.output.empty())
    args.picture.write(draw_quadratic(q, report, paths, {args.picture.width, args.picture.height, args.picture.scale}));
  write_output(args.json ? dump_json(json_of(q, report, paths)) + "\n" : readable(q, report, paths));
}

}  // namespace

void add_lab_quadratic(CLI::App& lab) {
  auto args = std::make_shared<QuadraticArguments>();
  CLI::App* verb = lab.add_subcommand(
      "quadratic", "Minimise a quadratic form x^T A x + b^T x + c: definiteness, methods, iterations, paths.");
  verb->add_option("FORMULA", args->formula, "for example '3*x^2 + 2*x*y + y^2 - x'");
  verb->add_option("--matrix", args->matrix, "A, row by row: '3,1;1,1'; the symmetric part counts");
  verb->add_option("--linear", args->linear, "b: '-1,0' [0]");
  verb->add_option("--constant", args->constant, "c")->capture_default_str();
  verb->add_option("--size", args->size, "a random form with so many variables …")->check(positive());
  verb->add_option("--condition", args->condition, "… and this condition number, eigenvalues at equal ratios")
      ->capture_default_str();
  verb->add_option("--seed", args->seed, "of the random form")->capture_default_str();
  verb->add_option("--start", args->start, "where the methods start: numbers with commas [0]");
  verb->add_option("--methods", args->methods,
                   "steepest_descent, gradient_descent, heavy_ball, nesterov, conjugate_gradient, newton, lbfgs [all]");
  verb->add_option("--tolerance", args->options.tolerance, "error in the norm of the Hessian, against the start's")
      ->capture_default_str();
  verb->add_option("--max-iterations", args->options.max_iterations, "of each method")
      ->check(CLI::Range(int64_t{1}, int64_t{100000000}))
      ->capture_default_str();
  args->picture.add_to(*verb);
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->footer(
      "With two variables the picture shows the paths over level sets, else errors against iterations.\n"
      "Example: gradus lab quadratic '5*x^2 + 4*x*y + 2*y^2 - 6*x' --start 3,3 -o paths.png");
  verb->callback([args] { quadratic(*args); });
}

}  // namespace gradus::cli
