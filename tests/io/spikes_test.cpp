#include "io/spikes.h"

#include <doctest/doctest.h>

#include <cmath>

#include "base/error.h"
#include "base/random.h"

using namespace gradus;

namespace {

// A falling loss with noise, one row every ten steps.
std::vector<MetricsRow> falling(int rows) {
  std::vector<MetricsRow> list;
  const RandomKey key{1, 2};
  for (int i = 1; i <= rows; ++i)
    list.push_back({{"step", 10 * i},
                    {"loss", 2 + 4 * std::exp(-i / 40.0) + 0.03 * key.normal(static_cast<uint64_t>(i))},
                    {"grad_norm", 1.0},
                    {"learning_rate", 1e-3}});
  return list;
}

void set(MetricsRow& row, const char* name, double value) {
  for (auto& [key, v] : row)
    if (key == name) v.value = value;
}

}  // namespace

TEST_CASE("a calm run has no spikes, however steep its beginning") {
  CHECK(find_loss_spikes(falling(200)).empty());
  CHECK(find_loss_spikes({}).empty());
  CHECK(find_loss_spikes(falling(3)).empty());
}

TEST_CASE("spikes are found with their height, length, gradient norm and rate") {
  auto rows = falling(200);
  for (int i = 0; i < 4; ++i) set(rows[static_cast<size_t>(80 + i)], "loss", 3.5 - 0.2 * std::abs(i - 1));
  set(rows[79], "grad_norm", 40);
  set(rows[150], "loss", NAN);
  set(rows[199], "loss", 9);
  rows.insert(rows.begin() + 100, {{"eval_loss", 99.0}, {"step", 1000}});  // no training loss: passed over
  const auto spikes = find_loss_spikes(rows);
  REQUIRE(spikes.size() == 3);
  CHECK(spikes[0].begin == 810);
  CHECK(spikes[0].peak_step == 820);
  CHECK(spikes[0].end == 850);
  CHECK(spikes[0].peak == 3.5);
  CHECK(spikes[0].before == doctest::Approx(2 + 4 * std::exp(-67 / 40.0)).epsilon(0.05));
  CHECK(spikes[0].score > 6);
  CHECK(spikes[0].grad_norm == 40);
  CHECK(spikes[0].learning_rate == 1e-3);
  CHECK(spikes[1].begin == 1510);
  CHECK(std::isinf(spikes[1].peak));
  CHECK(spikes[1].end == 1520);
  CHECK(spikes[2].end == -1);
  CHECK_THROWS_AS(find_loss_spikes(rows, {.window = 2}), ValueError);
  CHECK_THROWS_AS(find_loss_spikes(rows, {.threshold = 0}), ValueError);
}
