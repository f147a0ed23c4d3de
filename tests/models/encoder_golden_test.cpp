// Encoders and encoder-decoders against transformers: tests/golden/make_encoder_goldens.py made what they must give.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/file.h"
#include "io/safetensors.h"
#include "kernels/table.h"
#include "models/model.h"
#include "models/text/t5.h"
#include "nn/recompute.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

using namespace gradus;
namespace fs = std::filesystem;

namespace {

const fs::path kGoldens = fs::path(GRADUS_TEST_DIR) / "golden" / "encoders";

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

// Largest error over the largest value, at least `floor`.
double error(const Tensor& got, const Tensor& want, double floor) {
  const auto a = got.to_vector<double>(), b = want.to_vector<double>();
  REQUIRE(got.shape() == want.shape());
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::abs(a[i] - b[i]));
  return worst / std::max({largest(want), floor, 1e-30});
}

std::vector<fs::path> cases() {
  std::vector<fs::path> dirs;
  for (const auto& entry : fs::directory_iterator(kGoldens))
    if (fs::exists(entry.path() / "expected.safetensors")) dirs.push_back(entry.path());
  std::sort(dirs.begin(), dirs.end());
  return dirs;
}

Tensor find(const NamedTensors& all, const std::string& name) {
  for (const auto& [key, value] : all)
    if (key == name) return value;
  return {};
}

void check_case(const fs::path& dir, Dtype dtype, double tolerance) {
  std::vector<std::string> unused;
  const auto model = load_model(dir, {.dtype = dtype}, &unused);
  CHECK(unused.empty());
  const auto expected = read(dir / "expected.safetensors");
  const bool states = dir.filename() != "transformer-torch";  // torch.nn's stacks do not tell them
  const NamedTensors out =
      model->forward(Safetensors(dir / "inputs.safetensors").load_all(), {}, {.hidden_states = states});
  double largest_gradient = 0;
  size_t found = 0;
  for (const auto& [name, value] : expected)
    if (name.rfind("grad.", 0) == 0) largest_gradient = std::max(largest_gradient, largest(value)), ++found;
  for (const auto& [name, value] : out) {
    REQUIRE_MESSAGE(expected.count(name), name);
    const double e = error(value, expected.at(name), 0);
    CHECK_MESSAGE(e < tolerance, name << ": " << e);
    ++found;
  }
  CHECK(found == expected.size());
  const Tensor loss = find(out, "loss");
  if (!loss.defined()) return;
  backward(loss);
  for (const Parameter& p : model->parameters().all()) {
    REQUIRE_MESSAGE(expected.count("grad." + p.name), p.name);
    REQUIRE_MESSAGE(grad_of(p.value).defined(), p.name);
    const double e = error(grad_of(p.value), expected.at("grad." + p.name), 0.01 * largest_gradient);
    CHECK_MESSAGE(e < tolerance, p.name << ": " << e);
  }
}

double loss_of(const Model& model, const NamedTensors& inputs, bool with_gradient) {
  const Tensor loss = find(model.forward(inputs, {}, {.logits = false}), "loss");
  if (with_gradient) backward(loss);
  return loss.item();
}

}  // namespace

TEST_CASE("every output and gradient of the encoders equals transformers'") {
  REQUIRE(cases().size() >= 15);
  for (const fs::path& dir : cases()) {
    CAPTURE(dir.filename().string());
    const bool t5 = dir.filename().string().rfind("t5", 0) == 0;  // scores without 1/sqrt(d) lose more digits
    check_case(dir, Dtype::f32, t5 ? 2e-4 : 3e-5);
    check_case(dir, Dtype::f64, 1e-6);  // the goldens are stored as f32
  }
}

TEST_CASE("twenty steps of fine-tuning lower the loss and change every tensor") {
  for (const fs::path& dir : cases()) {
    CAPTURE(dir.filename().string());
    const auto model = load_model(dir, {});
    const NamedTensors inputs = Safetensors(dir / "inputs.safetensors").load_all();
    if (!find(model->forward(inputs, {}), "loss").defined()) continue;
    std::map<std::string, Tensor> before;
    for (const Parameter& p : model->parameters().all()) before[p.name] = clone(p.value.detach());
    std::map<std::string, std::pair<Tensor, Tensor>> moments;
    const double first = loss_of(*model, inputs, false);
    for (int step = 1; step <= 20; ++step) {
      loss_of(*model, inputs, true);
      for (const Parameter& p : model->parameters().all()) {
        auto& [m, v] = moments[p.name];
        if (!m.defined()) m = zeros_like(p.value.detach()), v = zeros_like(p.value.detach());
        kernels(Device::cpu)
            .adamw({.p = p.value,
                    .g = grad_of(p.value),
                    .m = m,
                    .v = v,
                    .lr = 1e-3,
                    .beta1 = 0.9,
                    .beta2 = 0.999,
                    .eps = 1e-8,
                    .weight_decay = 0,
                    .grad_scale = 1,
                    .step = step});
        p.value.bump_version();
        clear_grad(p.value);
      }
    }
    CHECK(loss_of(*model, inputs, false) < first);
    for (const Parameter& p : model->parameters().all())
      CHECK_MESSAGE(error(p.value.detach(), before.at(p.name), 0) > 0, p.name);
  }
}

TEST_CASE("an encoder that was read and written again is the same file") {
  const fs::path out = fs::temp_directory_path() / "gradus_encoder_roundtrip";
  for (const fs::path& dir : cases()) {
    CAPTURE(dir.filename().string());
    save_model(*load_model(dir, {}), out);
    CHECK(read_file(out / "model.safetensors") == read_file(dir / "model.safetensors"));
  }
  fs::remove_all(out);
}

TEST_CASE("blocks computed again in backward give the same gradients of an encoder") {
  for (const char* name :
       {"bert-pretraining", "modernbert-masked-lm", "t5-relu", "bart-generation", "transformer-torch"}) {
    CAPTURE(name);
    const NamedTensors inputs = Safetensors(kGoldens / name / "inputs.safetensors").load_all();
    const auto plain = load_model(kGoldens / name, {}), again = load_model(kGoldens / name, {});
    const Recompute every = Recompute::every_block();
    Context context;
    context.recompute = &every;
    backward(find(plain->forward(inputs, {}), "loss"));
    backward(find(again->forward(inputs, context), "loss"));
    for (size_t i = 0; i < plain->parameters().all().size(); ++i) {
      const Parameter &a = plain->parameters().all()[i], &b = again->parameters().all()[i];
      CHECK_MESSAGE(grad_of(a.value).to_vector<float>() == grad_of(b.value).to_vector<float>(), a.name);
    }
  }
}

TEST_CASE("padding changes nothing: a row alone and among longer ones has the same states") {
  for (const char* name : {"bert-model", "modernbert-masked-lm", "t5-encoder"}) {
    CAPTURE(name);
    const auto model = load_model(kGoldens / name, {.trainable = false});
    const bool bare = std::string(name) != "modernbert-masked-lm";
    const char* states = bare ? "last_hidden_state" : "logits";
    const Tensor short_ids = from_vector<int64_t>({5, 6, 7, 8, 9}, {1, 5});
    const Tensor ids = from_vector<int64_t>({5, 6, 7, 8, 9, 0, 0, 0, 11, 12, 13, 14, 15, 16, 17, 18}, {2, 8});
    const Tensor mask = from_vector<int64_t>({1, 1, 1, 1, 1, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1}, {2, 8});
    const Tensor alone = find(model->forward({{"input_ids", short_ids}}, {}), states);
    const Tensor among = find(model->forward({{"input_ids", ids}, {"attention_mask", mask}}, {}), states);
    CHECK(error(narrow(narrow(among, 0, 0, 1), 1, 0, 5), alone, 0) < 1e-5);
  }
}

TEST_CASE("T5's buckets equal the reference's at every distance") {
  size_t checked = 0;
  for (const auto& [name, value] : read(kGoldens / "t5_buckets.safetensors")) {
    CAPTURE(name);
    const size_t second = name.find('.', 2);
    const int64_t buckets = std::stoll(name.substr(2)), furthest = std::stoll(name.substr(second + 1));
    const auto want = value.to_vector<int64_t>();
    for (int64_t d = -200; d <= 200; ++d)
      CHECK(relative_position_bucket(d, name[0] == '1', buckets, furthest) == want[static_cast<size_t>(d + 200)]);
    ++checked;
  }
  CHECK(checked == 12);
}

TEST_CASE("inputs that do not fit an encoder are refused by name") {
  const auto model = load_model(kGoldens / "bert-pretraining", {.trainable = false});
  const Tensor ids = from_vector<int64_t>({5, 6, 7, 8}, {1, 4});
  CHECK_THROWS_AS(model->forward({{"input_id", ids}}, {}), ValueError);
  CHECK_THROWS_AS(model->forward({{"attention_mask", ids}}, {}), ValueError);
  CHECK_THROWS_AS(model->forward({{"input_ids", from_vector<int64_t>({5, 99}, {1, 2})}}, {}), IndexError);
  CHECK_THROWS_AS(model->forward({{"input_ids", ids}, {"attention_mask", from_vector<int64_t>({1, 1}, {1, 2})}}, {}),
                  ShapeError);
  CHECK_THROWS_AS(
      model->forward({{"input_ids", ids}, {"token_type_ids", from_vector<int64_t>({0, 0, 2, 0}, {1, 4})}}, {}),
      IndexError);
  CHECK_THROWS_AS(model->forward({{"input_ids", from_vector(std::vector<int64_t>(50, 5), {1, 50})}}, {}), ShapeError);
  const auto t5 = load_model(kGoldens / "t5-relu", {.trainable = false});
  CHECK_THROWS_AS(t5->forward({{"input_ids", ids}}, {}), ValueError);
}
