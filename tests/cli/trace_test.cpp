// gradus profile, gradus lab, and the anomaly switches of train and run.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/run_program.h"
#include "io/png.h"
#include "io/safetensors.h"
#include "train/corpus.h"

using namespace gradus;

namespace {

const std::string kGolden = std::string(GRADUS_TEST_DIR) + "/golden/models/gpt2-plain";

struct Recipe {
  TempDir folder;
  std::string path;
  Recipe() : path((folder / "recipe.toml").string()) {
    write_file_atomic(path, gradus::testing::write_corpus(folder.path));
  }
  std::string out(const char* name) const { return (folder / name).string(); }
};

bool has(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  CHECK_MESSAGE(found, text << "\n  lacks: " << part);
  return found;
}

}  // namespace

TEST_CASE("profile: a table, a picture and a trace of a recipe's step") {
  const Recipe recipe;
  const ProgramResult result =
      run_gradus("profile " + recipe.path + " model.n_layer=1 model.attn_pdrop=0.0 --flame " + recipe.out("f.png") +
                 " --trace " + recipe.out("t.json") + " --width 600 --scale 1");
  CHECK(result.code == 0);
  has(result.out, "ms a step");
  has(result.out, "affine (backward)");
  has(result.out, "adamw (optimizer)");
  has(result.err, "wrote " + recipe.out("f.png"));
  CHECK(read_png(recipe.out("f.png")).width == 600);
  const Json trace = read_json(recipe.out("t.json"));
  bool module = false, memory = false, op = false;
  for (const Json& e : trace["traceEvents"]) {
    module |= e["ph"] == "X" && e["name"] == "h.0";
    memory |= e["ph"] == "C" && e["args"]["bytes"] > 0;
    op |= e["ph"] == "X" && e["name"] == "attention_qkv" && e["args"]["module"] == "transformer.h.0.attn";
  }
  CHECK(module);
  CHECK(memory);
  CHECK(op);
  CHECK(!std::filesystem::exists(recipe.folder / "model.safetensors"));
}

TEST_CASE("profile --json adds up, by op, kernel and module") {
  const Recipe recipe;
  for (const char* by : {"op", "kernel", "module"}) {
    const ProgramResult result = run_gradus("profile " + recipe.path + " --json --steps 1 --by " + by);
    CHECK(result.code == 0);
    const Json json = parse_json(result.out, "stdout");
    double ms = 0;
    for (const Json& row : json["rows"]) ms += row["ms"].get<double>();
    CHECK(ms + json["outside_kernels_ms"].get<double>() == doctest::Approx(json["step_ms"].get<double>()));
    CHECK(json["rows"][0].contains(by));
    CHECK(json["peak_bytes"] > 0);
  }
}

TEST_CASE("profile says what is wrong") {
  CHECK(run_gradus("profile").code == 2);
  CHECK(run_gradus("profile s --by colour").code == 2);
  CHECK(run_gradus("profile s --steps 0").code == 2);
  const ProgramResult missing = run_gradus("profile /no/such/recipe.toml");
  CHECK(missing.code == 1);
  CHECK(missing.out.empty());
  has(run_gradus("profile s train.seed=1").err, "changes belong to a recipe");
}

TEST_CASE("train.detect_anomaly names the operation, the module and the step") {
  const Recipe recipe;
  const std::string run = "train " + recipe.path + " --output-dir " + recipe.out("run") + " train.max_steps=3 ";
  const ProgramResult fine = run_gradus(run + "train.detect_anomaly=true");
  CHECK(fine.code == 0);
  const ProgramResult broken =
      run_gradus(run + "--overwrite train.detect_anomaly=true model.initializer_range=1.5e18 train.max_steps=1");
  CHECK(broken.code == 1);
  has(broken.err, "made the first non-finite numbers in the forward pass of transformer.");
  has(broken.err, "step 1");
  has(broken.err, "operand 0:");
}

TEST_CASE("run --detect-anomaly: a broken parameter is named") {
  const TempDir folder;
  std::filesystem::copy(kGolden, folder / "model");
  NamedTensors tensors = Safetensors(folder / "model" / "model.safetensors").load_all();
  std::string broken;
  for (auto& [name, value] : tensors)
    if (name.find("h.1.mlp.c_fc.weight") != std::string::npos) {
      value.data<float>()[5] = NAN;
      broken = name;
    }
  REQUIRE(!broken.empty());
  write_safetensors(folder / "model" / "model.safetensors", tensors);
  const std::string command = "run " + (folder / "model").string() + " --in " + kGolden + "/inputs.safetensors --out " +
                              (folder / "out.safetensors").string();
  CHECK(run_gradus(command).code == 0);
  const ProgramResult result = run_gradus(command + " --grad --detect-anomaly");
  CHECK(result.code == 1);
  has(result.err, "[affine] its operand 1 already holds 1 NaN");
  has(result.err, "transformer.h.1.mlp.c_fc");
  has(result.err, "is " + broken);
  CHECK(run_gradus("run " + kGolden + " --in " + kGolden + "/inputs.safetensors --grad --detect-anomaly --out " +
                   (folder / "out.safetensors").string())
            .code == 0);
}

TEST_CASE("lab gradient: numbers, JSON and pictures") {
  const TempDir folder;
  const std::string picture = (folder / "p.png").string();
  const ProgramResult result =
      run_gradus("lab gradient 'x^2 + 3*x*y' --at x=1,y=2 --direction 1,1 --json -o " + picture + " --scale 1");
  CHECK(result.code == 0);
  const Json json = parse_json(result.out, "stdout");
  CHECK(json["value"] == 7);
  CHECK(json["gradient"] == Json{{"x", 8.0}, {"y", 3.0}});
  CHECK(json["directional_derivative"].get<double>() == doctest::Approx(11 / std::sqrt(2.0)));
  CHECK(json["hessian"] == Json{{2.0, 3.0}, {3.0, 0.0}});
  CHECK(json["differentiable"] == true);
  CHECK(read_png(picture).width == 860);
  has(result.err, "wrote " + picture);
  const ProgramResult text = run_gradus("lab gradient --at x=-1,y=0 -- '-x^2 - y^2'");
  CHECK(text.code == 0);
  CHECK(text.err.empty());
  has(text.out, "steepest slope");
  has(run_gradus("lab gradient 'x^2 + y^2' --at x=0,y=0").out, "minimum");
  has(run_gradus("lab gradient 'abs(x)' --at x=0 --direction 1").out, "Not differentiable here");
  CHECK(run_gradus("lab gradient 'x*y' --at x=1,y=2 --direction y=-1 --range x=-3:3,y=0:4 -o " + picture).code == 0);
  CHECK(run_gradus("lab gradient 'sin(x)' --at x=1 --range -3:3 -o " + picture).code == 0);
}

TEST_CASE("lab gradient says what is wrong") {
  CHECK(run_gradus("lab").code == 2);
  CHECK(run_gradus("lab gradient 'x'").code == 2);
  CHECK(run_gradus("lab juggle").code == 2);
  const auto refused = [](const std::string& arguments, const std::string& part) {
    const ProgramResult result = run_gradus("lab gradient " + arguments);
    CHECK(result.code == 1);
    CHECK(result.out.empty());
    has(result.err, part);
  };
  refused("'2x' --at x=1", "column 2");
  refused("x --at x", "--at: \"x\" is not NAME=VALUE");
  refused("x --at x=one", "--at: \"one\" is not a number");
  refused("x --at x=inf", "is not a number");
  refused("x*y --at x=1", "need values");
  refused("x --at x=1 --direction 1,2", "2 numbers for 1 variables");
  refused("x --at x=1 --direction z=2", "no variable \"z\"");
  refused("x --at x=1 --range 1 -o x.png", "is not LOW:HIGH");
  refused("x --at x=1 --range 2:1 -o x.png", "is empty");
  refused("x --at x=1 -o /no/such/folder/x.png", "/no/such/folder");
  CHECK(run_gradus("lab --help").code == 0);
  has(run_gradus("lab gradient --help").out, "sigmoid(x)");
}
