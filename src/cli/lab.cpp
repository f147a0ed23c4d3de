#include <CLI/CLI.hpp>

#include "cli/verbs.h"

namespace gradus::cli {

void add_lab(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("lab", "Small experiments that show a piece of mathematics at work.");
  verb->require_subcommand(1);
  add_lab_gradient(*verb);
  add_lab_init(*verb);
  add_lab_attention_scale(*verb);
  add_lab_quadratic(*verb);
  add_lab_lr_range(*verb);
  add_lab_spikes(*verb);
  add_lab_surrogates(*verb);
}

}  // namespace gradus::cli
