#include "cli/progress.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "cli/format.h"

using namespace gradus::cli;

namespace {
const ProgressState kState{"step", 504, 1200, 72, {{"loss", "3.412"}, {"", "19.7k tokens/s"}, {"peak", "412 MB"}}};
}

TEST_CASE("the bar uses the width it has, and gives up fields before the counter") {
  CHECK(progress_bar_line(kState, 80, false, false) ==
        " 42%  ==-----  step 504/1200  loss 3.412  19.7k tokens/s  peak 412 MB  ETA 1:12");
  for (int columns = 36; columns < 200; ++columns) {
    const std::string line = progress_bar_line(kState, columns, false, false);
    CHECK(static_cast<int>(line.size()) < columns);
    CHECK(line.find("step 504/1200") != line.npos);
    CHECK(line.find("ETA 1:12") != line.npos);
  }
  CHECK(progress_bar_line(kState, 40, false, false).find("peak") == std::string::npos);
  const std::string wide = progress_bar_line(kState, 200, false, false);
  CHECK(std::count(wide.begin(), wide.end(), '=') == 12);
  CHECK(std::count(wide.begin(), wide.end(), '-') == 18);
}

TEST_CASE("color and Unicode change nothing but the looks") {
  CHECK(progress_bar_line(kState, 100, true, true).find("\x1b[36m━") != std::string::npos);
  CHECK(progress_bar_line(kState, 100, false, true).find('\x1b') == std::string::npos);
  CHECK(progress_log_line(kState) == "step 504/1200  loss 3.412  19.7k tokens/s  peak 412 MB  ETA 1:12");
}

TEST_CASE("odd states are drawn too") {
  CHECK(progress_bar_line({"step", 0, 0, NAN, {}}, 80, false, false).find("0/0") != std::string::npos);
  CHECK(progress_bar_line({"step", 9, 3, INFINITY, {}}, 80, false, false).starts_with("100%"));
  CHECK_NOTHROW(progress_bar_line(kState, 1, true, true));
}

TEST_CASE("numbers for people") {
  CHECK(human_count(0) == "0");
  CHECK(human_count(999) == "999");
  CHECK(human_count(1000) == "1.0k");
  CHECK(human_count(99960) == "100k");
  CHECK(human_count(999600) == "1.0M");
  CHECK(human_count(19660800) == "19.7M");
  CHECK(human_count(2.5) == "2.5");
  CHECK(human_bytes(812) == "812 B");
  CHECK(human_bytes(16.8e6) == "16.8 MB");
  CHECK(human_duration(7.4) == "0:07");
  CHECK(human_duration(754) == "12:34");
  CHECK(human_duration(3723) == "1:02:03");
  CHECK(human_duration(NAN) == "-:--");
}
