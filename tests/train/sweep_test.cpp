#include "train/sweep.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "corpus.h"
#include "process.h"
#include "support/temp_dir.h"
#include "train/compare_runs.h"
#include "train/lr_range.h"

using namespace gradus;
using namespace gradus::testing;
namespace fs = std::filesystem;

namespace {

SweepSpec spec_over(const std::vector<std::string>& axes, const std::string& strategy = "grid", int64_t trials = 0) {
  SweepSpec spec;
  for (const std::string& a : axes) spec.axes.push_back(parse_sweep_axis(a));
  spec.strategy = strategy;
  spec.trials = trials;
  return spec;
}

template <class F>
std::string refusal(const F& f) {
  try {
    f();
  } catch (const ValueError& e) {
    return e.what();
  }
  return "accepted";
}

bool has(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  CHECK_MESSAGE(found, text << "\n  lacks: " << part);
  return found;
}

struct Scene {
  TempDir dir;
  std::string recipe;
  Scene() : recipe((dir / "recipe.toml").string()) { write_file_atomic(recipe, write_corpus(dir.path)); }
  Outcome run(std::vector<std::string> args, int signal = 0, double after = 0) const {
    return run_gradus(args, dir.path, 2, signal, after);
  }
};

}  // namespace

TEST_CASE("sweep: axes, grids and draws") {
  const SweepAxis list = parse_sweep_axis("model.norm_placement=pre,post");
  CHECK(list.values == std::vector<std::string>{"pre", "post"});
  CHECK(parse_sweep_axis("data.files=['a,b'],['c']").values.size() == 2);
  const SweepAxis range = parse_sweep_axis("train.learning_rate=log:1e-4:1e-2:3");
  CHECK(range.kind == SweepAxis::log);
  const auto grid = sweep_trials(spec_over({"train.learning_rate=log:1e-4:1e-2:3", "model.n_layer=int:1:2"}));
  REQUIRE(grid.size() == 6);
  CHECK(grid[0] == SweepSettings{{"train.learning_rate", "0.0001"}, {"model.n_layer", "1"}});
  CHECK(grid[3] == SweepSettings{{"train.learning_rate", "0.001"}, {"model.n_layer", "2"}});
  const std::vector<std::string> space = {"train.learning_rate=log:1e-4:1e-2", "model.n_layer=int:1:3",
                                          "train.weight_decay=uniform:0:0.2", "model.n_head=2,4"};
  const auto draws = sweep_trials(spec_over(space, "random", 200));
  CHECK(draws == sweep_trials(spec_over(space, "random", 200)));
  const auto fewer = sweep_trials(spec_over(space, "random", 5));
  CHECK(std::equal(fewer.begin(), fewer.end(), draws.begin()));
  std::set<std::string> layers, heads;
  int low = 0;
  for (const auto& t : draws) {
    const double rate = std::stod(t[0].second), decay = std::stod(t[2].second);
    CHECK((rate >= 1e-4 && rate <= 1e-2 && decay >= 0 && decay <= 0.2));
    low += rate < 1e-3;
    layers.insert(t[1].second), heads.insert(t[3].second);
  }
  CHECK(layers.size() == 3);
  CHECK(heads.size() == 2);
  CHECK((low > 70 && low < 130));  // half of a logarithmic range lies below its middle
  CHECK(halving_rungs(9, 3, 90) == std::vector<int64_t>{10, 30, 90});
  CHECK(halving_rungs(8, 2, 100) == std::vector<int64_t>{12, 24, 48, 100});
  CHECK(halving_rungs(2, 3, 7) == std::vector<int64_t>{7});
}

TEST_CASE("sweep: what cannot be is refused") {
  const auto axis = [](const std::string& text) { return refusal([&] { parse_sweep_axis(text); }); };
  has(axis("train.learning_rate"), "this is not KEY=VALUES");
  has(axis("a="), "it has no values");
  has(axis("a=1,,2"), "a value is empty");
  has(axis("a=1,1"), "twice");
  has(axis("a=log:0:1"), "lies above 0");
  has(axis("a=uniform:2:1"), "the range is empty");
  has(axis("a=uniform:x:1"), "are numbers");
  has(axis("a=int:0.5:3"), "whole numbers");
  has(axis("a=log:1:2:1"), "at least 2");
  has(axis("a=log:1"), "a low and a high end");
  const auto trials = [](const SweepSpec& s) { return refusal([&] { sweep_trials(s); }); };
  has(trials(spec_over({})), "nothing to vary");
  has(trials(spec_over({"a=1", "a=2"})), "varied twice");
  has(trials(spec_over({"a=uniform:0:1"})), "needs a number of points");
  has(trials(spec_over({"a=1"}, "random")), "needs a number of trials");
  has(trials(spec_over({"a=1"}, "grid", 3)), "contradicts");
  has(trials(spec_over({"a=1"}, "bayes", 3)), "there are grid, random, halving");
  has(trials(spec_over({"a=uniform:0:1:5000", "b=uniform:0:1:5000"})), "more than 10000");
  SweepSpec both = spec_over({"a=1,2"});
  both.changes = {"a=3"};
  has(trials(both), "both set and varied");
  has(refusal([] { halving_rungs(27, 3, 20); }), "too short");
}

TEST_CASE("gradus sweep: a grid, its table, picture and runs; again it has nothing to do; killed it goes on") {
  const Scene scene;
  const std::string out = (scene.dir / "sweep").string();
  const std::vector<std::string> command = {"sweep",
                                            scene.recipe,
                                            "--over",
                                            "train.learning_rate=1e-3,1e-2",
                                            "--over",
                                            "model.n_layer=1,2",
                                            "--output-dir",
                                            out,
                                            "--json",
                                            "train.max_steps=6",
                                            "train.save_steps=2"};
  const Outcome first = scene.run(command);
  INFO(first.err);
  REQUIRE(first.code == 0);
  const Json json = parse_json(first.out, "stdout");
  REQUIRE(json["trials"].size() == 4);
  double before = 0;
  for (const Json& t : json["trials"]) {
    CHECK(t["state"] == "done");
    CHECK(t["step"] == 6);
    CHECK(t["metric"].get<double>() >= before);
    before = t["metric"].get<double>();
    CHECK(fs::exists(fs::path(t["run"].get<std::string>()) / "model.safetensors"));
  }
  CHECK(fs::exists(fs::path(out) / "sweep.png"));
  const Outcome again = scene.run(command);
  CHECK(again.out == first.out);
  CHECK(again.err.find("trial 0 of") == std::string::npos);

  // killed in the middle, twice, and gone on: the same table
  const std::string killed = (scene.dir / "killed").string();
  std::vector<std::string> other = command;
  other[7] = killed;
  scene.run(other, SIGKILL, 900);
  scene.run(other, SIGKILL, 1500);
  const Outcome last = scene.run(other);
  REQUIRE(last.code == 0);
  const Json whole = parse_json(last.out, "stdout");
  for (size_t i = 0; i < 4; ++i) {
    CHECK(whole["trials"][i]["settings"] == json["trials"][i]["settings"]);
    CHECK(whole["trials"][i]["metric"] == json["trials"][i]["metric"]);
  }
  other[3] = "train.learning_rate=1e-3,2e-2";
  const Outcome changed = scene.run(other);
  CHECK(changed.code == 1);
  has(changed.err, "holds another sweep");
}

TEST_CASE("gradus sweep: successive halving goes on from where it was") {
  const Scene scene;
  const std::string out = (scene.dir / "sweep").string();
  const Outcome halving =
      scene.run({"sweep", scene.recipe, "--over", "train.learning_rate=log:1e-4:3e-2", "--strategy", "halving",
                 "--trials", "4", "--eta", "2", "--output-dir", out, "--json", "train.max_steps=8"});
  INFO(halving.err);
  REQUIRE(halving.code == 0);
  const Json json = parse_json(halving.out, "stdout");
  CHECK(json["trials"][0]["state"] == "done");
  CHECK(json["trials"][0]["step"] == 8);
  CHECK(json["trials"][1]["state"] == "dropped");
  CHECK(json["trials"][1]["step"] == 4);
  CHECK(json["trials"][2]["step"] == 2);
  CHECK(json["trials"][3]["step"] == 2);
  // the survivor is the run that nobody stopped
  const std::string best = json["trials"][0]["run"].get<std::string>();
  const Outcome alone =
      scene.run({"train", (fs::path(best) / "recipe.toml").string(), "-o", (scene.dir / "alone").string()});
  REQUIRE(alone.code == 0);
  CHECK(read_file(scene.dir / "alone" / "model.safetensors") == read_file(fs::path(best) / "model.safetensors"));
}

TEST_CASE("gradus sweep: failures are noted, mistakes refused") {
  const Scene scene;
  const std::string out = (scene.dir / "sweep").string();
  const Outcome half = scene.run(
      {"sweep", scene.recipe, "--over", "model.n_head=2,3", "--output-dir", out, "--json", "train.max_steps=2"});
  CHECK(half.code == 0);
  const Json json = parse_json(half.out, "stdout");
  CHECK(json["trials"][0]["state"] == "done");
  CHECK(json["trials"][1]["state"] == "failed");
  has(json["trials"][1]["error"].get<std::string>(), "must divide n_embd");
  const auto refused = [&](std::vector<std::string> more, int code, const std::string& part) {
    std::vector<std::string> all = {"sweep", scene.recipe};
    all.insert(all.end(), more.begin(), more.end());
    const Outcome o = scene.run(all);
    CHECK(o.code == code);
    has(o.err, part);
  };
  refused({"--over", "train.learning_rat=1,2", "-o", out + "2"}, 1, "did you mean train.learning_rate");
  refused({"--over", "train.max_steps=one,two", "-o", out + "2"}, 1, "must be a whole number");
  refused({"--over", "train.learning_rate=1,2"}, 1, "no output folder");
  refused({"--over", "train.learning_rate=1e-3,1e-2", "-o", out + "3", "--metric", "accuracy", "train.max_steps=1"}, 1,
          "has no finite accuracy");
  refused({"-o", out}, 2, "--over");
  const Outcome list = scene.run({"sweep", scene.recipe, "--over", "train.seed=1,2", "--list"});
  CHECK(list.out == "train.seed=1\ntrain.seed=2\n");
}

TEST_CASE("gradus compare: which settings differ and what came of it") {
  const Scene scene;
  const auto train = [&](const char* name, std::vector<std::string> more) {
    std::vector<std::string> all = {"train", scene.recipe, "-o", (scene.dir / name).string(), "train.max_steps=6"};
    all.insert(all.end(), more.begin(), more.end());
    REQUIRE(scene.run(all).code == 0);
  };
  train("a", {});
  train("b", {"train.learning_rate=1e-4", "model.n_layer=1"});
  const std::string a = (scene.dir / "a").string(), b = (scene.dir / "b").string();
  const Outcome out = scene.run({"compare", a, b, "--json"});
  INFO(out.err);
  REQUIRE(out.code == 0);
  const Json json = parse_json(out.out, "stdout");
  std::set<std::string> keys;
  for (const Json& s : json["settings"]) keys.insert(s["key"].get<std::string>());
  CHECK(keys == std::set<std::string>{"model.n_layer", "train.learning_rate"});
  CHECK(json["best"] == a);
  CHECK(json["judged_by"] == "eval_loss");
  bool found = false;
  for (const Json& o : json["outcome"])
    if (o["name"] == "eval_loss") found = o["values"][0].get<double>() < o["values"][1].get<double>();
  CHECK(found);
  const Outcome text = scene.run({"compare", a, b});
  has(text.out, "train.learning_rate");
  has(text.out, "a has the lowest eval_loss");
  has(scene.run({"compare", a, a}).out, "the settings are the same");
  CHECK(scene.run({"compare", a}).code == 2);
  has(scene.run({"compare", a, scene.dir.path.string()}).err, "holds no metrics.jsonl");
  const Outcome spikes = scene.run({"lab", "spikes", a, b, "--json"});
  CHECK(spikes.code == 0);
  CHECK(parse_json(spikes.out, "stdout")["runs"].size() == 2);
}

TEST_CASE("gradus lab lr-range: the rate rises until the loss does") {
  const Scene scene;
  const std::string picture = (scene.dir / "range.png").string();
  const Outcome out = scene.run({"lab", "lr-range", scene.recipe, "--from", "1e-4", "--to", "10", "--steps", "60",
                                 "--json", "-o", picture, "train.max_grad_norm=0"});
  INFO(out.err);
  REQUIRE(out.code == 0);
  const Json json = parse_json(out.out, "stdout");
  CHECK(json["points"].size() > 20);
  CHECK(json["points"][0]["learning_rate"] == 1e-4);
  const double suggested = json["suggested"].get<double>(), lowest = json["lowest"].get<double>();
  CHECK(suggested <= lowest / 10 * 1.0001);
  CHECK(suggested > 1e-5);
  CHECK(json["diverged"].is_number());
  CHECK(json["diverged"].get<double>() > lowest);
  CHECK(fs::exists(picture));
  CHECK(scene.run({"lab", "lr-range", scene.recipe, "--from", "1", "--to", "1"}).code == 1);
  has(scene.run({"lab", "lr-range", scene.recipe, "--steps", "3"}).err, "steps must lie in");
}
