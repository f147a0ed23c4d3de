// Whole models against transformers: tests/golden/make_model_goldens.py made the checkpoints and what they must give.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "autograd/autograd.h"
#include "base/file.h"
#include "io/safetensors.h"
#include "kernels/table.h"
#include "models/model.h"
#include "objectives/causal_lm.h"
#include "ops/create.h"
#include "ops/elementwise.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

std::map<std::string, Tensor> read(const fs::path& path) {
  std::map<std::string, Tensor> all;
  for (auto& [name, value] : Safetensors(path).load_all()) all[name] = value;
  return all;
}

double largest(const Tensor& x) {
  double m = 0;
  for (double v : x.to_vector<double>()) m = std::max(m, std::abs(v));
  return m;
}

struct Golden {
  std::unique_ptr<CausalLm> model;
  LmInput in;
  Tensor shifted;
  std::map<std::string, Tensor> expected;

  Golden(const fs::path& dir, Dtype dtype) : expected(read(dir / "expected.safetensors")) {
    std::vector<std::string> unused;
    model = load_causal_lm(dir, {.dtype = dtype}, &unused);
    CHECK(unused.empty());
    auto inputs = read(dir / "inputs.safetensors");
    in = model->input(inputs.at("input_ids"), inputs["attention_mask"], inputs["position_ids"]);
    shifted = shift_labels(inputs.at("labels"));
  }

  Tensor loss() const { return causal_lm_loss(*model, model->hidden(in, {}), shifted); }
};

// Largest error over the largest value, at least `floor`; rows of padding have no meaning and are left out.
double error(const Tensor& got, const Tensor& want, const Tensor& mask, double floor) {
  const auto a = got.to_vector<double>(), b = want.to_vector<double>();
  REQUIRE(a.size() == b.size());
  const auto keep = mask.defined() ? mask.to_vector<int64_t>() : std::vector<int64_t>(1, 1);
  const size_t width = a.size() / keep.size();
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i)
    if (keep[i / width]) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst / std::max(largest(want), floor);
}

std::vector<fs::path> cases() {
  std::vector<fs::path> dirs;
  for (const auto& entry : fs::directory_iterator(fs::path(GRADUS_TEST_DIR) / "golden" / "models"))
    if (fs::exists(entry.path() / "expected.safetensors")) dirs.push_back(entry.path());
  std::sort(dirs.begin(), dirs.end());
  return dirs;
}

void check_outputs(const Golden& g, double tolerance) {
  const Tensor hidden = g.model->hidden(g.in, {});
  CHECK(error(g.model->logits(hidden), g.expected.at("logits"), g.in.attention_mask, 0) < tolerance);
  const Tensor loss = causal_lm_loss(*g.model, hidden, g.shifted);
  CHECK(error(loss, g.expected.at("loss"), {}, 0) < tolerance);
  backward(loss);
  double largest_gradient = 0;
  for (const auto& [name, value] : g.expected)
    if (name.rfind("grad.", 0) == 0) largest_gradient = std::max(largest_gradient, largest(value));
  size_t checked = 0;
  for (const Parameter& p : g.model->parameters().all()) {
    REQUIRE_MESSAGE(g.expected.count("grad." + p.name), p.name);
    const double e = error(grad_of(p.value), g.expected.at("grad." + p.name), {}, 0.01 * largest_gradient);
    CHECK_MESSAGE(e < tolerance, p.name << ": " << e);
    ++checked;
  }
  CHECK(checked + 3 == g.expected.size());  // logits, loss and losses are the others: no gradient was left out
}

// AdamW as the maker of the goldens ran it: every parameter decays, the gradient's norm is clipped to 1.
void adamw_step(const CausalLm& model, std::map<std::string, std::pair<Tensor, Tensor>>& moments, int64_t step) {
  double squares = 0;
  for (const Parameter& p : model.parameters().all()) {
    const Tensor one = zeros({1}, Dtype::f64);
    kernels(Device::cpu).sum_squares({.x = grad_of(p.value), .result = one});
    squares += one.item();
  }
  const double norm = std::sqrt(squares);
  for (const Parameter& p : model.parameters().all()) {
    auto& [m, v] = moments[p.name];
    if (!m.defined()) m = zeros_like(p.value), v = zeros_like(p.value);
    kernels(Device::cpu)
        .adamw({.p = p.value,
                .g = grad_of(p.value),
                .m = m,
                .v = v,
                .lr = 1e-3,
                .beta1 = 0.9,
                .beta2 = 0.95,
                .eps = 1e-8,
                .weight_decay = 0.1,
                .grad_scale = std::min(1.0, 1.0 / (norm + 1e-6)),
                .step = step});
    p.value.bump_version();
    clear_grad(p.value);
  }
}

}  // namespace

TEST_CASE("logits, loss and every gradient equal transformers'") {
  REQUIRE(cases().size() >= 10);
  for (const fs::path& dir : cases()) {
    CAPTURE(dir.filename().string());
    check_outputs(Golden(dir, Dtype::f32), 2e-5);
    check_outputs(Golden(dir, Dtype::f64), 1e-6);  // the goldens are stored as f32
  }
}

TEST_CASE("ten AdamW steps follow transformers' loss curve") {
  for (const fs::path& dir : cases()) {
    CAPTURE(dir.filename().string());
    const Golden g(dir, Dtype::f32);
    const auto losses = g.expected.at("losses").to_vector<double>();
    std::map<std::string, std::pair<Tensor, Tensor>> moments;
    for (size_t step = 0; step < losses.size(); ++step) {
      const Tensor loss = g.loss();
      CHECK(loss.item() == doctest::Approx(losses[step]).epsilon(1e-4));
      if (step + 1 == losses.size()) break;
      backward(loss);
      adamw_step(*g.model, moments, static_cast<int64_t>(step) + 1);
    }
  }
}

TEST_CASE("a checkpoint that was read and written again is the same file") {
  const fs::path out = fs::temp_directory_path() / "gradus_golden_roundtrip";
  for (const fs::path& dir : cases()) {
    CAPTURE(dir.filename().string());
    save_model(*load_causal_lm(dir, {}), out);
    CHECK(read_file(out / "model.safetensors") == read_file(dir / "model.safetensors"));
  }
  fs::remove_all(out);
}
