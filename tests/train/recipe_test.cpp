#include "train/recipe.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"

using namespace gradus;

namespace {
std::string complaint(const std::string& toml, const std::vector<std::string>& overrides = {}) {
  try {
    Recipe::parse(toml, "r.toml", overrides);
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}
bool has(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("a recipe reads, fills in and writes back") {
  const Recipe recipe = Recipe::parse(
      "[data]\nfiles = \"a.txt\"\n[model]\nmodel_type = \"llama\"\nhidden_size = 64\n"
      "rope_parameters = { rope_type = \"linear\", factor = 2.0 }\n"
      "[train]\nlearning_rate = 1e-3\nlr_scheduler_kwargs = { min_lr_rate = 0.1 }\n",
      "r.toml", {});
  CHECK(recipe.texts("data.files") == std::vector<std::string>{"a.txt"});
  CHECK(recipe.number("train.learning_rate") == 1e-3);
  CHECK(recipe.integer("train.seed") == 42);
  CHECK(recipe.model()["hidden_size"] == 64);
  CHECK(recipe.model()["rope_parameters"]["factor"] == 2.0);
  const Recipe again = Recipe::parse(recipe.toml(), "again", {});
  CHECK(again.changes_since(recipe).empty());
  CHECK(again.toml() == recipe.toml());
  for (const RecipeKey& key : recipe_keys())
    CHECK(recipe.toml().find(std::string(key.name).substr(std::string(key.name).find('.') + 1) + " = ") !=
          std::string::npos);
}

TEST_CASE("overrides take the type of their key") {
  const Recipe recipe =
      Recipe::parse("", "r.toml",
                    {"train.max_steps=40", "train.learning_rate=.5", "train.weight_decay=1", "train.output_dir=runs/a",
                     "data.files=a.txt", "data.exclude=[\"*.b\", \"c\"]", "data.reset_positions=false",
                     "model.n_layer=2", "model.activation_function=relu", "train.lr_scheduler_kwargs.min_lr_rate=0.1",
                     "tokenizer.end_of_text=40", "model.n_inner=null", "train.save_steps=1e3"});
  CHECK(recipe.integer("train.max_steps") == 40);
  CHECK(recipe.number("train.learning_rate") == 0.5);
  CHECK(recipe.number("train.weight_decay") == 1);
  CHECK(recipe.text("train.output_dir") == "runs/a");
  CHECK(recipe.texts("data.exclude") == std::vector<std::string>{"*.b", "c"});
  CHECK(recipe.texts("data.files") == std::vector<std::string>{"a.txt"});
  CHECK(!recipe.flag("data.reset_positions"));
  CHECK(recipe.model()["n_layer"] == 2);
  CHECK(recipe.model()["activation_function"] == "relu");
  CHECK(recipe.model()["n_inner"].is_null());
  CHECK(recipe.value("train.lr_scheduler_kwargs")["min_lr_rate"] == 0.1);
  CHECK(recipe.text("tokenizer.end_of_text") == "40");
  CHECK(recipe.integer("train.save_steps") == 1000);
}

TEST_CASE("unknown keys come with the nearest known one") {
  has(complaint("[train]\nmax_step = 4\n"), "did you mean train.max_steps?");
  has(complaint("[train]\nn_layer = 4\n"), "did you mean model.n_layer?");
  has(complaint("[trian]\nmax_steps = 4\n"), "trian");
  has(complaint("[model]\nn_layers = 4\n"), "did you mean model.n_layer?");
  has(complaint("", {"train.larning_rate=1"}), "did you mean train.learning_rate?");
  has(complaint("", {"max_steps=1"}), "did you mean train.max_steps?");
  has(complaint("[train]\nzzzzzzzzzzz = 1\n"), "--help lists the keys");
  has(complaint("[model]\nmodel_type = \"gtp2\"\n"), "gtp2");
  has(complaint("", {"train.max_steps"}), "key=value");
}

TEST_CASE("wrong types name key, expectation and value") {
  const std::string text = complaint("[train]\nmax_steps = \"forty\"\n");
  has(text, "train.max_steps must be a whole number");
  has(text, "\"forty\"");
  has(complaint("", {"train.max_steps=1.5"}), "whole number");
  has(complaint("", {"train.max_steps=1\nx = 2"}), "whole number");
  has(complaint("", {"train.learning_rate=nan"}), "a number");
  has(complaint("", {"data.reset_positions=1"}), "true or false");
  has(complaint("[data]\nfiles = [1]\n"), "a list of texts");
  has(complaint("train = 3\n"), "must be a section");
  has(complaint("[train]\nmax_steps = 4\nmax_steps = 5\n"), "r.toml line 3");
  has(complaint("[train]\nseed = 2020-01-01\n"), "dates");
}
