#include <CLI/CLI.hpp>

#include "cli/verbs.h"

namespace gradus::cli {

void add_lab(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("lab", "Small experiments that show a piece of mathematics at work.");
  verb->require_subcommand(1);
  add_lab_gradient(*verb);
}

}  // namespace gradus::cli
