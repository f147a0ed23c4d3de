// ONNX's own test data (Debian: libonnx-testdata) as an outside oracle: every case whose operators Gradus has.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>

#include "onnx/onnx_data.h"

namespace gradus::testing::onnx {
namespace {

namespace fs = std::filesystem;

// The count of cases that ran must not fall below this: coverage cannot shrink without a word.
constexpr int kLeastRun = 740;

fs::path data_folder() {
  const char* chosen = std::getenv("GRADUS_ONNX_TESTDATA");
  return chosen ? chosen : "/usr/share/libonnx-testdata/data";
}

Tensors read_tensors(const fs::path& folder, const std::string& kind) {
  Tensors all;
  for (int i = 0;; ++i) {
    const fs::path file = folder / (kind + "_" + std::to_string(i) + ".pb");
    if (!fs::exists(file)) return all;
    all.push_back(fs::file_size(file) == 0 ? Tensor() : read_tensor(file));
  }
}

// "" when `got` is what the data want: the same type and shape, and values within the tolerance of ONNX's own runner.
std::string difference(const Tensor& got, const Tensor& want) {
  if (!got.defined()) return "no output";
  if (got.dtype() != want.dtype() || !(got.shape() == want.shape()))
    return "got " + got.describe() + ", want " + want.describe();
  const auto a = got.to_vector<double>(), b = want.to_vector<double>();
  const double relative = want.dtype() == Dtype::f16 || want.dtype() == Dtype::bf16 ? 1e-2 : 1e-3;
  double largest = 0;  // long sums leave errors of its size where they cancel
  for (double value : b)
    if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] == b[i] || (std::isnan(a[i]) && std::isnan(b[i]))) continue;
    if (is_floating(want.dtype()) && std::abs(a[i] - b[i]) <= 1e-7 + 1e-6 * largest + relative * std::abs(b[i]))
      continue;
    return "element " + std::to_string(i) + ": got " + std::to_string(a[i]) + ", want " + std::to_string(b[i]);
  }
  return "";
}

struct Tally {
  int run = 0, passed = 0;
  std::map<std::string, int> not_covered;
};

void run_case(const fs::path& folder, Tally& tally) {
  std::string wrong;
  try {
    const Graph graph = read_graph(folder / "model.onnx");
    bool ran = false;
    for (int set = 0;; ++set) {
      const fs::path data = folder / ("test_data_set_" + std::to_string(set));
      if (!fs::exists(data)) break;
      const Tensors want = read_tensors(data, "output"), got = run(graph, read_tensors(data, "input"));
      ran = true;
      for (size_t i = 0; i < want.size() && wrong.empty(); ++i) wrong = difference(got[i], want[i]);
    }
    if (!ran) return;
  } catch (const NotCovered& e) {
    ++tally.not_covered[e.what()];
    return;
  } catch (const std::exception& e) {
    wrong = e.what();
  }
  ++tally.run;
  tally.passed += wrong.empty();
  CHECK_MESSAGE(wrong.empty(), folder.filename().string(), ": ", wrong);
}

}  // namespace

TEST_CASE("ONNX operator test data") {
  const fs::path root = data_folder();
  REQUIRE_MESSAGE(fs::exists(root / "node"), "install libonnx-testdata, or set GRADUS_ONNX_TESTDATA");
  std::vector<fs::path> cases;
  for (const char* group : {"node", "simple", "pytorch-converted", "pytorch-operator"})
    for (const auto& entry : fs::directory_iterator(root / group)) cases.push_back(entry.path());
  std::sort(cases.begin(), cases.end());
  const char* only = std::getenv("GRADUS_ONNX_ONLY");  // part of a name: that case alone
  Tally tally;
  for (const fs::path& folder : cases)
    if (!only || folder.filename().string().find(only) != std::string::npos) run_case(folder, tally);

  std::string missing;
  int left_out = 0;
  for (const auto& [what, count] : tally.not_covered) {
    left_out += count;
    missing += (missing.empty() ? "" : ", ") + what + " " + std::to_string(count);
  }
  std::printf("ONNX: %d cases run, %d passed, %d not covered: %s\n", tally.run, tally.passed, left_out,
              missing.c_str());
  if (!only) CHECK(tally.run >= kLeastRun);
}

}  // namespace gradus::testing::onnx
