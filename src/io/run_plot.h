#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "io/plot.h"

namespace gradus {

struct RunPlotOptions {
  std::string title;       ///< empty: the run's name
  std::string x = "step";  ///< "step", "epoch" or "tokens"
  double smoothing = -1;   ///< see Series::smoothing; negative: by the number of points
  bool log_x = false, log_y = false;
};

/// The losses of training and evaluation and, in a panel below, the learning rate of one or several runs over each
/// other. A run is a folder with a metrics.jsonl, or such a file. Throws FileError when there is none or it holds no
/// loss.
Figure figure_of_runs(const std::vector<std::filesystem::path>& runs, const RunPlotOptions& options = {});

}  // namespace gradus
