#include <CLI/CLI.hpp>

#include "cli/verbs.h"

namespace gradus::cli {

void add_bench(CLI::App& app) {
  CLI::App* verb = app.add_subcommand("bench", "Measure speed on this machine.");
  verb->require_subcommand(1);
  add_bench_train(*verb);
  add_bench_ops(*verb);
  add_bench_optim(*verb);
  add_bench_tokenize(*verb);
  add_bench_embed(*verb);
  add_bench_generate(*verb);
}

}  // namespace gradus::cli
