#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "cli/verbs.h"
#include "io/png.h"
#include "io/run_plot.h"

namespace gradus::cli {

namespace {
struct PlotArguments {
  std::vector<std::string> runs;
  std::string output;
  RunPlotOptions options;
  double width = 860, height = 520, scale = 2;
};
}  // namespace

void add_plot(CLI::App& app) {
  auto* verb = app.add_subcommand("plot", "draw the loss curves of one or several runs as a PNG");
  auto args = std::make_shared<PlotArguments>();
  verb->add_option("RUN", args->runs, "folders with a metrics.jsonl, or such files")->required();
  verb->add_option("-o,--output", args->output, "the picture [RUN/loss.png; loss.png here for several runs]");
  verb->add_option("--smooth", args->options.smoothing,
                   "smoothing of the training loss, 0 (none) to below 1 [by length]")
      ->check(CLI::Range(0.0, 0.9999));
  verb->add_option("--title", args->options.title, "heading [the run's name]");
  verb->add_option("-x,--over", args->options.x, "horizontal axis")
      ->check(CLI::IsMember({"step", "epoch", "tokens"}))
      ->capture_default_str();
  verb->add_flag("--log-x", args->options.log_x, "logarithmic horizontal axis");
  verb->add_flag("--log-y", args->options.log_y, "logarithmic loss");
  verb->add_option("--width", args->width, "in logical pixels")
      ->check(CLI::Range(200.0, 4000.0))
      ->capture_default_str();
  verb->add_option("--height", args->height, "in logical pixels")
      ->check(CLI::Range(150.0, 4000.0))
      ->capture_default_str();
  verb->add_option("--scale", args->scale, "pixels a logical pixel")
      ->check(CLI::Range(0.5, 4.0))
      ->capture_default_str();
  verb->footer("Prints the path of the picture.\nExample: gradus plot runs/a runs/b -o compare.png");
  verb->callback([args] {
    const std::vector<std::filesystem::path> runs(args->runs.begin(), args->runs.end());
    std::filesystem::path output = args->output;
    if (output.empty()) {
      output = "loss.png";
      if (runs.size() == 1)
        output = (std::filesystem::is_directory(runs[0]) ? runs[0] : runs[0].parent_path()) / output;
    }
    write_png(output, render_figure(figure_of_runs(runs, args->options), args->width, args->height, args->scale));
    std::printf("%s\n", output.c_str());
  });
}

}  // namespace gradus::cli
