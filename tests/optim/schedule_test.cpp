#include "optim/schedule.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "io/safetensors.h"

using namespace gradus;

TEST_CASE("schedules give the factors of transformers") {
  const Safetensors golden(GRADUS_TEST_DIR "/golden/schedules.safetensors");
  Json arguments;
  for (const auto& [key, text] : golden.metadata())
    if (key == "arguments") arguments = parse_json(text, "arguments");
  REQUIRE(arguments.size() > 5);
  for (const auto& [name, a] : arguments.items()) {
    CAPTURE(name);
    const Schedule schedule(
        {a["lr_scheduler_type"].get<std::string>(), 1.0, a["warmup_steps"].get<double>(), a["max_steps"].get<double>()},
        a["lr_scheduler_kwargs"]);
    const auto expected = golden.load(name).to_vector<double>();
    for (size_t step = 0; step < expected.size(); ++step)
      CHECK(schedule.factor(static_cast<double>(step)) == doctest::Approx(expected[step]).epsilon(1e-12));
  }
}

TEST_CASE("schedules without a golden, by their formulas") {
  // polynomial: lr_end + (1 - lr_end) (1 - progress)^power
  const Schedule polynomial({"polynomial", 0.5, 10, 50}, {{"lr_end", 0.05}, {"power", 2.0}});
  CHECK(polynomial.factor(5) == 0.5);
  CHECK(polynomial.factor(30) == doctest::Approx(0.1 + 0.9 * 0.25));
  CHECK(polynomial.factor(60) == doctest::Approx(0.1));
  const Schedule root({"inverse_sqrt", 1, 100, 1000}, nullptr);
  CHECK(root.factor(50) == 0.5);
  CHECK(root.factor(400) == doctest::Approx(0.5));
  const Schedule restarts({"cosine_with_restarts", 1, 0, 100}, {{"num_cycles", 4}});
  CHECK(restarts.factor(25) == doctest::Approx(1));
  CHECK(restarts.factor(100) == 0);
  const Schedule ratio({"warmup_stable_decay", 1, 10, 100}, {{"decay_ratio", 0.2}, {"decay_type", "linear"}});
  CHECK(ratio.factor(80) == 1);
  CHECK(ratio.factor(90) == doctest::Approx(0.5));
}

TEST_CASE("schedules refuse what they do not know") {
  CHECK_THROWS_AS(Schedule({"cosin", 1, 0, 10}, nullptr), ValueError);
  CHECK_THROWS_AS(Schedule({"linear", 1, 0, 10}, {{"power", 2}}), ValueError);
  CHECK_THROWS_AS(Schedule({"warmup_stable_decay", 1, 0, 10}, nullptr), ValueError);
  CHECK_THROWS_AS(Schedule({"warmup_stable_decay", 1, 0, 10}, {{"num_decay_steps", 2}, {"decay_type", "sharp"}}),
                  ValueError);
  CHECK_THROWS_AS(Schedule({"polynomial", 1, 0, 10}, {{"power", "two"}}), ValueError);
  CHECK_THROWS_AS(Schedule({"cosine_with_min_lr", 1, 0, 10}, nullptr), ValueError);
}
