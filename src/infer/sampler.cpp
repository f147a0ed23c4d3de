#include "infer/sampler.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"
#include "base/random.h"

namespace gradus {

namespace {

bool better(const Candidate& a, const Candidate& b) { return a.logit != b.logit ? a.logit > b.logit : a.id < b.id; }

// Not normalised; the likeliest token has weight 1.
double weight(const Candidate& c, float best) { return std::exp(static_cast<double>(c.logit) - best); }

double total_weight(const Candidates& c) {
  const float best = c.best();
  double total = 0;
  for (const Candidate& x : c.items) total += weight(x, best);
  return total;
}

}  // namespace

Candidates Candidates::of(const float* logits, int64_t vocab) {
  Candidates c;
  c.items.reserve(static_cast<size_t>(vocab));
  for (int64_t id = 0; id < vocab; ++id) {
    const float x = logits[id];
    if (std::isnan(x) || x == INFINITY)
      throw ValueError("sample", "the logit of token " + std::to_string(id) + " is " + (std::isnan(x) ? "NaN" : "+inf"),
                       "the model's weights or its arithmetic are broken: did its training diverge?");
    if (x != -INFINITY) c.items.push_back({static_cast<int32_t>(id), x});
  }
  if (c.items.empty()) throw ValueError("sample", "no token is left to choose from: every logit is -inf.");
  return c;
}

void Candidates::order(size_t n) {
  n = std::min(n, items.size());
  if (n <= ordered) return;
  // What is in order already is better than the rest, so only the rest is looked at.
  const auto begin = items.begin() + static_cast<std::ptrdiff_t>(ordered);
  std::partial_sort(begin, items.begin() + static_cast<std::ptrdiff_t>(n), items.end(), better);
  ordered = n;
}

void Candidates::keep_best(size_t n) {
  if (n >= items.size()) return;
  order(n);
  items.resize(n);
  ordered = n;
}

float Candidates::best() const {
  if (ordered > 0) return items.front().logit;
  return std::max_element(items.begin(), items.end(), [](auto& a, auto& b) { return a.logit < b.logit; })->logit;
}

void penalise_repetition(Candidates& c, const std::vector<int32_t>& seen, double penalty) {
  if (penalty == 1 || seen.empty()) return;
  std::vector<bool> repeated(static_cast<size_t>(*std::max_element(seen.begin(), seen.end())) + 1);
  for (int32_t id : seen) repeated[static_cast<size_t>(id)] = true;
  for (Candidate& x : c.items)
    if (static_cast<size_t>(x.id) < repeated.size() && repeated[static_cast<size_t>(x.id)])
      x.logit = static_cast<float>(x.logit > 0 ? x.logit / penalty : x.logit * penalty);
  c.ordered = 0;
}

void apply_temperature(Candidates& c, double temperature) {
  if (temperature == 1) return;
  // Relative to the best: a tiny temperature must not carry the logits out of f32.
  const float best = c.best();
  for (Candidate& x : c.items) x.logit = static_cast<float>((static_cast<double>(x.logit) - best) / temperature);
}

void keep_top_k(Candidates& c, int64_t k) {
  if (k > 0) c.keep_best(static_cast<size_t>(k));
}

void keep_top_p(Candidates& c, double p) {
  if (p >= 1) return;
  const double wanted = p * total_weight(c);
  const float best = c.best();
  double sum = 0;
  // The nucleus is mostly small: order a little of the vocabulary at a time.
  for (size_t n = 0; n < c.items.size(); ++n) {
    if (n == c.ordered) c.order(std::max<size_t>(64, 4 * n));
    sum += weight(c.items[n], best);
    if (sum >= wanted) return c.keep_best(n + 1);
  }
}

void keep_min_p(Candidates& c, double p) {
  if (p <= 0) return;
  const float best = c.best();
  const auto unlikely = [&](const Candidate& x) { return weight(x, best) < p; };
  size_t in_order = 0;
  while (in_order < c.ordered && !unlikely(c.items[in_order])) ++in_order;
  c.items.erase(std::remove_if(c.items.begin(), c.items.end(), unlikely), c.items.end());
  c.ordered = in_order;
}

int32_t draw(const Candidates& c, double u) {
  const float best = c.best();
  double left = u * total_weight(c);
  for (const Candidate& x : c.items) {
    left -= weight(x, best);
    if (left < 0) return x.id;
  }
  // Rounding can leave a little: then the last token that had any weight at all.
  for (size_t i = c.items.size(); i-- > 0;)
    if (weight(c.items[i], best) > 0) return c.items[i].id;
  return c.items.front().id;
}

void SamplingOptions::check() const {
  const auto require = [](bool good, const char* name, double value, const char* expected) {
    if (!good)
      throw ValueError("sample", std::string(name) + " is " + std::to_string(value) + ", expected " + expected + ".");
  };
  require(repetition_penalty > 0 && std::isfinite(repetition_penalty), "repetition_penalty", repetition_penalty,
          "a number above 0");
  require(temperature >= 0 && std::isfinite(temperature), "temperature", temperature, "0 (the likeliest) or more");
  require(top_k >= 0, "top_k", static_cast<double>(top_k), "0 (off) or more");
  require(top_p >= 0 && top_p <= 1, "top_p", top_p, "a number from 0 to 1 (off)");
  require(min_p >= 0 && min_p <= 1, "min_p", min_p, "a number from 0 (off) to 1");
}

int32_t sample(const SamplingOptions& options, const float* logits, int64_t vocab, const std::vector<int32_t>& seen,
               int64_t sequence, int64_t position) {
  Candidates c = Candidates::of(logits, vocab);
  penalise_repetition(c, seen, options.repetition_penalty);
  if (options.temperature == 0) {
    c.keep_best(1);
    return c.items.front().id;
  }
  apply_temperature(c, options.temperature);
  keep_top_k(c, options.top_k);
  keep_top_p(c, options.top_p);
  keep_min_p(c, options.min_p);
  const RandomKey key = RandomKey{options.seed, stream_name("sample")}.fold(static_cast<uint64_t>(sequence));
  return draw(c, key.uniform(static_cast<uint64_t>(position)));
}

}  // namespace gradus
