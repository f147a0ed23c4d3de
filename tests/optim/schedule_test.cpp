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

TEST_CASE("schedules give the factors of torch, and of transformers with other options") {
  const Safetensors golden(GRADUS_TEST_DIR "/golden/optim.safetensors");
  Json arguments;
  for (const auto& [key, text] : golden.metadata())
    if (key == "arguments") arguments = parse_json(text, "arguments");
  int cases = 0;
  for (const auto& [name, a] : arguments.items()) {
    if (name.rfind("schedule.", 0) != 0) continue;
    CAPTURE(name);
    ++cases;
    const Schedule schedule({a[0].get<std::string>(), 1.0, a[1].get<double>(), a[2].get<double>()}, a[3]);
    auto expected = golden.load(name).to_vector<double>();
    if (a[0] == "one_cycle") expected.pop_back();  // torch goes on beyond the last step, into negative rates
    for (size_t step = 0; step < expected.size(); ++step)
      CHECK(schedule.factor(static_cast<double>(step)) == doctest::Approx(expected[step]).epsilon(1e-12));
  }
  CHECK(cases == 9);
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
  const auto complains = [](const Schedule::Settings& settings, const Json& options, const char* word) {
    CHECK_THROWS_WITH_AS(Schedule(settings, options), doctest::Contains(word), ValueError);
  };
  complains({"cosine_", 1, 0, 10}, nullptr, "did you mean cosine?");
  complains({"multi_step", 1, 0, 10}, nullptr, "milestones");
  complains({"multi_step", 1, 0, 10}, {{"milestones", {5, 30}}}, "outside the run");
  complains({"warmup_stable_decay", 1, 5, 10}, {{"num_decay_steps", 12}}, "longer than the run");
  complains({"polynomial", 1, 0, 10}, {{"powr", 2}}, "did you mean power?");
}
