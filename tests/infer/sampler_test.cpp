#include "infer/sampler.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/random.h"

using namespace gradus;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

Candidates of(const std::vector<float>& logits) {
  return Candidates::of(logits.data(), static_cast<int64_t>(logits.size()));
}

// Logits of the given probabilities.
std::vector<float> logs(const std::vector<double>& p) {
  std::vector<float> x;
  for (double v : p) x.push_back(static_cast<float>(std::log(v)) + 3);
  return x;
}

std::vector<int32_t> ids(const Candidates& c) {
  std::vector<int32_t> out;
  for (const Candidate& x : c.items) out.push_back(x.id);
  return out;
}

using Ids = std::vector<int32_t>;

// How often each token is drawn, as a share.
std::vector<double> shares(const SamplingOptions& o, const std::vector<float>& logits, int n, const Ids& seen = {}) {
  std::vector<double> share(logits.size());
  for (int i = 0; i < n; ++i)
    share[static_cast<size_t>(sample(o, logits.data(), static_cast<int64_t>(logits.size()), seen, 0, i))] += 1.0 / n;
  return share;
}

}  // namespace

TEST_CASE("sampler: candidates come in order, whatever was asked before") {
  const RandomKey key{1, 2};
  std::vector<float> logits(500);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(key.below(60, i));
  Candidates once = of(logits), steps = of(logits);
  once.order(500);
  for (size_t n : {1, 2, 64, 64, 10, 300, 1000}) steps.order(n);
  CHECK(ids(once) == ids(steps));
  for (size_t i = 1; i < 500; ++i) {
    const Candidate a = once.items[i - 1], b = once.items[i];
    CHECK((a.logit > b.logit || (a.logit == b.logit && a.id < b.id)));
  }
}

TEST_CASE("sampler: repetition penalty divides positive logits and multiplies negative ones, once a token") {
  Candidates c = of({2, -2, 0, 4, 1});
  penalise_repetition(c, {1, 3, 3, 1, 2, 900}, 1.6);
  const std::vector<float> expected{2, -3.2f, 0, 2.5f, 1};
  for (size_t i = 0; i < expected.size(); ++i) CHECK(c.items[i].logit == expected[i]);
  penalise_repetition(c, {0}, 1);
  CHECK(c.items[0].logit == 2);
}

TEST_CASE("sampler: top-k, top-p and min-p keep what their definitions say") {
  const auto p = logs({0.05, 0.4, 0.1, 0.3, 0.15});
  const auto k_of = [&](int64_t k) {
    Candidates c = of(p);
    keep_top_k(c, k);
    return ids(c);
  };
  CHECK(k_of(0).size() == 5);
  CHECK(k_of(1) == Ids{1});
  CHECK(k_of(3) == Ids{1, 3, 4});
  CHECK(k_of(5).size() == 5);
  CHECK(k_of(int64_t{1} << 40).size() == 5);
  Candidates equal = of({1, 1, 1, 1});
  keep_top_k(equal, 2);
  CHECK(ids(equal) == Ids{0, 1});

  const auto p_of = [&](double top_p) {
    Candidates c = of(p);
    keep_top_p(c, top_p);
    return ids(c);
  };
  CHECK(p_of(1).size() == 5);
  CHECK(p_of(0) == Ids{1});
  CHECK(p_of(0.39) == Ids{1});
  CHECK(p_of(0.41) == Ids{1, 3});  // the token that crosses stays
  CHECK(p_of(0.69) == Ids{1, 3});
  CHECK(p_of(0.71) == Ids{1, 3, 4});
  CHECK(p_of(0.9999).size() == 5);

  const auto min_of = [&](double min_p) {
    Candidates c = of(p);
    keep_min_p(c, min_p);
    return ids(c);
  };
  CHECK(min_of(0).size() == 5);
  CHECK(min_of(0.2) == Ids{1, 2, 3, 4});  // at least 0.08
  CHECK(min_of(0.5) == Ids{1, 3});
  CHECK(min_of(1) == Ids{1});

  // One after the other: each looks at what the one before left.
  Candidates c = of(p);
  keep_top_k(c, 3);     // 0.4 0.3 0.15, together 0.85
  keep_top_p(c, 0.81);  // (0.4 + 0.3) / 0.85 = 0.8235
  CHECK(ids(c) == Ids{1, 3});
  keep_min_p(c, 0.8);
  CHECK(ids(c) == Ids{1});
}

TEST_CASE("sampler: the nucleus of a large vocabulary equals the one of a full sort") {
  const RandomKey key{5, 1};
  std::vector<float> logits(3000);
  for (size_t i = 0; i < logits.size(); ++i) logits[i] = static_cast<float>(key.normal(i));
  double total = 0;
  for (float x : logits) total += std::exp(static_cast<double>(x));
  Candidates sorted = of(logits);
  sorted.order(logits.size());
  for (double p : {0.01, 0.3, 0.9, 0.999}) {
    size_t n = 0;
    for (double sum = 0; sum < p * total; ++n) sum += std::exp(static_cast<double>(sorted.items[n].logit));
    Candidates c = of(logits);
    keep_top_p(c, p);
    CHECK(c.items.size() == n);
    CHECK(ids(c) == [&] {
      Ids all = ids(sorted);
      all.resize(n);
      return all;
    }());
  }
}

TEST_CASE("sampler: draws follow the distribution in closed form") {
  constexpr int n = 40000;
  const auto logits = logs({0.05, 0.4, 0.1, 0.3, 0.15});
  const auto close = [](const std::vector<double>& got, const std::vector<double>& expected) {
    for (size_t i = 0; i < got.size(); ++i) {
      CAPTURE(i);
      // five standard deviations of a share of n draws; impossible tokens never come
      CHECK(std::fabs(got[i] - expected[i]) <= 5 * std::sqrt(expected[i] * (1 - expected[i]) / n));
    }
  };
  close(shares({}, logits, n), {0.05, 0.4, 0.1, 0.3, 0.15});
  // p^(1/T): T = 0.5 squares
  const double z = 0.0025 + 0.16 + 0.01 + 0.09 + 0.0225;
  close(shares({.temperature = 0.5}, logits, n), {0.0025 / z, 0.16 / z, 0.01 / z, 0.09 / z, 0.0225 / z});
  close(shares({.top_k = 2}, logits, n), {0, 4.0 / 7, 0, 3.0 / 7, 0});
  close(shares({.top_p = 0.8}, logits, n), {0, 0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85});
  close(shares({.min_p = 0.3}, logits, n), {0, 0.4 / 0.85, 0, 0.3 / 0.85, 0.15 / 0.85});
  // the temperature comes before the nucleus: at T = 0.5 the first two hold 0.25 / 0.285 = 0.877
  close(shares({.temperature = 0.5, .top_p = 0.85}, logits, n), {0, 0.16 / 0.25, 0, 0.09 / 0.25, 0});
  // halving the logit ln 4 gives weight 2 against 1
  close(shares({.repetition_penalty = 2}, {std::log(4.0f), 0}, n, {0}), {2.0 / 3, 1.0 / 3});
  close(shares({}, {-kInf, 0, -kInf, 0}, n), {0, 0.5, 0, 0.5});
}

TEST_CASE("sampler: the number drawn depends on seed, sequence and position alone") {
  const std::vector<float> logits(1000, 0.0f);
  const auto pick = [&](uint64_t seed, int64_t sequence, int64_t position) {
    return sample({.seed = seed}, logits.data(), 1000, {}, sequence, position);
  };
  Ids first, again, other_seed, other_sequence;
  for (int i = 0; i < 20; ++i) {
    first.push_back(pick(1, 0, i)), other_seed.push_back(pick(2, 0, i)), other_sequence.push_back(pick(1, 1, i));
    again.insert(again.begin(), pick(1, 0, 19 - i));
  }
  CHECK(first == again);
  CHECK(first != other_seed);
  CHECK(first != other_sequence);
}

TEST_CASE("sampler: temperature 0 takes the likeliest, the lowest id of equal ones") {
  SamplingOptions greedy{.temperature = 0};
  const std::vector<float> logits{1, 5, -kInf, 5, 2};
  for (int i = 0; i < 5; ++i) CHECK(sample(greedy, logits.data(), 5, {}, 0, i) == 1);
  greedy.repetition_penalty = 3;
  CHECK(sample(greedy, logits.data(), 5, {1, 3}, 0, 0) == 4);
  CHECK(sample({.temperature = 1e-30}, logits.data(), 5, {1}, 0, 0) != 4);  // no overflow on the way to greedy
  CHECK(sample({.top_k = 1}, logits.data(), 5, {}, 0, 0) == 1);
}

TEST_CASE("sampler: the ends of the range of u") {
  const Candidates c = of(logs({0.25, 0.5, 0.25}));
  CHECK(draw(c, 0) == 0);
  CHECK(draw(c, 0.26) == 1);
  CHECK(draw(c, 0.74) == 1);
  CHECK(draw(c, 0.76) == 2);
  CHECK(draw(c, std::nextafter(1.0, 0.0)) == 2);
  CHECK(draw(of({0, -5000}), std::nextafter(1.0, 0.0)) == 0);  // never a token of no weight
}

TEST_CASE("sampler: broken logits and impossible settings are errors") {
  const auto pick = [](const std::vector<float>& logits) {
    return sample({}, logits.data(), static_cast<int64_t>(logits.size()), {}, 0, 0);
  };
  CHECK_THROWS_AS(pick({0, std::nanf(""), 1}), ValueError);
  CHECK_THROWS_WITH(pick({0, 1, std::nanf("")}), doctest::Contains("token 2 is NaN"));
  CHECK_THROWS_AS(pick({0, kInf}), ValueError);
  CHECK_THROWS_WITH(pick({-kInf, -kInf}), doctest::Contains("every logit is -inf"));
  SamplingOptions().check();
  CHECK_THROWS_AS((SamplingOptions{.repetition_penalty = 0}).check(), ValueError);
  CHECK_THROWS_AS((SamplingOptions{.temperature = -1}).check(), ValueError);
  CHECK_THROWS_AS((SamplingOptions{.temperature = std::nan("")}).check(), ValueError);
  CHECK_THROWS_AS((SamplingOptions{.top_k = -1}).check(), ValueError);
  CHECK_THROWS_AS((SamplingOptions{.top_p = 1.1}).check(), ValueError);
  CHECK_THROWS_AS((SamplingOptions{.min_p = -0.1}).check(), ValueError);
}

TEST_CASE("sampler: presence, frequency and the tokens that penalties look at; bias") {
  Candidates c = of({1, 1, 1, 1});
  penalise_frequency(c, {0, 2, 2, 2}, 0.5, 0.25);
  CHECK(c.items[0].logit == 0.25f);
  CHECK(c.items[1].logit == 1.0f);
  CHECK(c.items[2].logit == -0.25f);
  const std::vector<float> logits{3, 2, 1};
  const auto greedy = [&](SamplingOptions o, const Ids& seen) {
    o.temperature = 0;
    return sample(o, logits.data(), 3, seen, 0, 0);
  };
  CHECK(greedy({.presence_penalty = 5}, {0, 1}) == 2);
  CHECK(greedy({.presence_penalty = 5, .repeat_last_n = 1}, {0, 1}) == 0);
  CHECK(greedy({.presence_penalty = 5, .repeat_last_n = 0}, {0, 1}) == 0);
  CHECK(greedy({.logit_bias = {{2, 2.5}}}, {}) == 2);
  CHECK(greedy({.logit_bias = {{0, -kInf}}}, {}) == 1);
  CHECK_THROWS_AS(greedy({.logit_bias = {{0, -kInf}, {1, -kInf}, {2, -kInf}}}, {}), ValueError);
  CHECK_THROWS_AS((SamplingOptions{.logit_bias = {{0, kInf}}}).check(), ValueError);
  CHECK_THROWS_AS((SamplingOptions{.mirostat = 3}).check(), ValueError);
}

TEST_CASE("sampler: Mirostat holds the surprise of a text near its target") {
  std::vector<float> logits(1000);
  for (size_t i = 0; i < logits.size(); ++i)
    logits[i] = static_cast<float>(-1.1 * std::log(static_cast<double>(i + 1)));
  double total = 0;
  for (float x : logits) total += std::exp(static_cast<double>(x));
  for (int version : {1, 2})
    for (double tau : {2.0, 4.0}) {
      const SamplingOptions o{.mirostat = version, .mirostat_tau = tau, .seed = 3};
      MirostatState state;
      double bits = 0;
      constexpr int kTokens = 2000;
      for (int i = 0; i < kTokens; ++i) {
        const int32_t id = sample(o, logits.data(), 1000, {}, 0, i, &state);
        bits -= std::log2(std::exp(static_cast<double>(logits[static_cast<size_t>(id)])) / total) / kTokens;
      }
      // Surprise is measured among what is left, which is a little likelier than under the whole distribution.
      CAPTURE(version);
      CHECK(bits > tau - 0.2);
      CHECK(bits < tau + 1.6);
    }
}
