// gradus lab surrogates
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/lab_text.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "lab/imbalance.h"

namespace gradus::cli {

namespace {

struct SurrogateArguments {
  ImbalanceOptions options;
  PictureArguments picture;
  bool json = false;
};

void surrogates(const SurrogateArguments& args) {
  const ImbalanceReport r = run_imbalance(args.options);
  args.picture.write(figure_of_imbalance(r));
  Json scores = Json::array(), biases = Json::array();
  std::string out = fmt::format(
      "1 positive to {} negatives, {} apart; area under the ROC curve {:.4f}\n{:<32}{:>10}{:>10}{:>11}{:>9}{:>9}\n",
      args.options.ratio, args.options.distance, r.auc, "test data", "threshold", "accuracy", "precision", "recall",
      "F1");
  for (const ClassifierScore& s : r.scores) {
    scores.push_back({{"name", s.name},
                      {"threshold", s.threshold},
                      {"accuracy", s.accuracy},
                      {"precision", s.precision},
                      {"recall", s.recall},
                      {"f1", s.f1}});
    out += fmt::format("{:<32}{:>10.3f}{:>10.4f}{:>11.4f}{:>9.4f}{:>9.4f}\n", s.name, s.threshold, s.accuracy,
                       s.precision, s.recall, s.f1);
  }
  out += fmt::format("\nsmooth_max of 10 normal numbers, the largest error of 1000 rows\n{:>8}{:>12}{:>12}\n", "k",
                     "error", "ln(n)/k");
  for (const auto& b : r.biases) {
    biases.push_back({{"k", b.k}, {"error", b.error}, {"bound", b.bound}});
    out += fmt::format("{:>8}{:>12.5f}{:>12.5f}\n", b.k, b.error, b.bound);
  }
  write_output(args.json ? dump_json({{"scores", scores}, {"auc", r.auc}, {"smooth_max", biases}}) + "\n" : out);
}

}  // namespace

void add_lab_surrogates(CLI::App& lab) {
  auto args = std::make_shared<SurrogateArguments>();
  CLI::App* verb = lab.add_subcommand(
      "surrogates",
      "Smooth measures on rare positives: cross entropy against soft F1; errors against the temperature.");
  ImbalanceOptions& o = args->options;
  verb->add_option("--positives", o.positives, "in the training data")->capture_default_str();
  verb->add_option("--ratio", o.ratio, "negatives for each")->capture_default_str();
  verb->add_option("--distance", o.distance, "between the two clouds, in deviations")->capture_default_str();
  verb->add_option("-k", o.k, "inverse temperature of soft F1")->capture_default_str();
  verb->add_option("--seed", o.seed, "")->capture_default_str();
  args->picture.add_to(*verb);
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->footer("Example: gradus lab surrogates -o rare.png");
  verb->callback([args] { surrogates(*args); });
}

}  // namespace gradus::cli
