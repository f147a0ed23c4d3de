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

void penalise_frequency(Candidates& c, const std::vector<int32_t>& seen, double presence, double frequency) {
  if ((presence == 0 && frequency == 0) || seen.empty()) return;
  std::vector<int32_t> times(static_cast<size_t>(*std::max_element(seen.begin(), seen.end())) + 1);
  for (int32_t id : seen) ++times[static_cast<size_t>(id)];
  for (Candidate& x : c.items)
    if (const auto id = static_cast<size_t>(x.id); id < times.size() && times[id] > 0)
      x.logit = static_cast<float>(x.logit - presence - frequency * times[id]);
  c.ordered = 0;
}

void add_bias(Candidates& c, const std::map<int32_t, double>& bias) {
  if (bias.empty()) return;
  for (Candidate& x : c.items)
    if (const auto at = bias.find(x.id); at != bias.end()) x.logit = static_cast<float>(x.logit + at->second);
  const auto out = [](const Candidate& x) { return x.logit == -INFINITY; };
  c.items.erase(std::remove_if(c.items.begin(), c.items.end(), out), c.items.end());
  if (c.items.empty()) throw ValueError("sample", "the logit bias leaves no token.", "take some of it back.");
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

void keep_typical(Candidates& c, double p) {
  if (p >= 1) return;
  const float best = c.best();
  const double total = total_weight(c), log_total = std::log(total) + best;
  double entropy = 0;
  for (const Candidate& x : c.items) {
    const double w = weight(x, best) / total;
    if (w > 0) entropy -= w * (x.logit - log_total);
  }
  struct Typical {
    double distance;
    Candidate item;
  };
  std::vector<Typical> all;
  all.reserve(c.items.size());
  for (const Candidate& x : c.items) all.push_back({std::abs(log_total - x.logit - entropy), x});
  std::sort(all.begin(), all.end(), [](const Typical& a, const Typical& b) {
    return a.distance != b.distance ? a.distance < b.distance : better(a.item, b.item);
  });
  double sum = 0;
  size_t n = 0;
  while (n + 1 < all.size() && (sum += weight(all[n].item, best) / total) < p) ++n;
  while (n + 1 < all.size() && all[n + 1].distance == all[n].distance) ++n;
  c.items.clear();
  for (size_t i = 0; i <= n; ++i) c.items.push_back(all[i].item);
  c.ordered = 0;
  c.order(c.items.size());
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
  require(typical_p >= 0 && typical_p <= 1, "typical_p", typical_p, "a number from 0 to 1 (off)");
  require(std::isfinite(presence_penalty), "presence_penalty", presence_penalty, "a number");
  require(std::isfinite(frequency_penalty), "frequency_penalty", frequency_penalty, "a number");
  require(repeat_last_n >= -1, "repeat_last_n", static_cast<double>(repeat_last_n), "-1 (all) or more");
  require(mirostat >= 0 && mirostat <= 2, "mirostat", mirostat, "0 (off), 1 or 2");
  require(mirostat_tau > 0 && std::isfinite(mirostat_tau), "mirostat_tau", mirostat_tau, "a number above 0");
  require(mirostat_eta >= 0 && std::isfinite(mirostat_eta), "mirostat_eta", mirostat_eta, "0 or more");
  for (const auto& [id, bias] : logit_bias)
    require(!std::isnan(bias) && bias != INFINITY, "logit_bias", bias, "a number or -inf");
}

namespace {

std::vector<int32_t> last_of(const std::vector<int32_t>& seen, int64_t n) {
  if (n < 0 || static_cast<size_t>(n) >= seen.size()) return seen;
  return {seen.end() - static_cast<ptrdiff_t>(n), seen.end()};
}

// Mirostat 1.0 (Basu et al. 2021, algorithm 1): the exponent s of Zipf's law from the first m tokens, and from it the k
// whose top-k sampling has a surprise of mu.
int64_t zipf_top_k(Candidates& c, double mu) {
  constexpr size_t kFitted = 100;
  const size_t m = std::min(kFitted, c.items.size());
  c.order(m);
  double above = 0, below = 0;
  for (size_t i = 0; i + 1 < m; ++i) {
    const double t = std::log(static_cast<double>(i + 2) / static_cast<double>(i + 1));
    const double b = static_cast<double>(c.items[i].logit) - c.items[i + 1].logit;
    above += t * b, below += t * t;
  }
  if (below == 0) return 1;
  const double s = above / below, eps = s - 1, n = static_cast<double>(c.items.size());
  const double k = std::pow(eps * std::exp2(mu) / (1 - std::pow(n, -eps)), 1 / s);
  return std::isfinite(k) ? static_cast<int64_t>(std::clamp(std::round(k), 1.0, n)) : static_cast<int64_t>(n);
}

// Mirostat 2.0: tokens of a surprise up to mu bits; always the likeliest.
void keep_unsurprising(Candidates& c, double mu) {
  const float best = c.best();
  const double total = total_weight(c);
  c.order(1);
  const Candidate first = c.items.front();
  const auto surprising = [&](const Candidate& x) { return -std::log2(weight(x, best) / total) > mu; };
  c.items.erase(std::remove_if(c.items.begin(), c.items.end(), surprising), c.items.end());
  c.ordered = 0;
  if (c.items.empty()) c.items.push_back(first);
}

int32_t pick_mirostat(const SamplingOptions& options, Candidates c, double u, MirostatState& state) {
  if (state.mu == 0) state.mu = 2 * options.mirostat_tau;
  if (options.mirostat == 1)
    keep_top_k(c, zipf_top_k(c, state.mu));
  else
    keep_unsurprising(c, state.mu);
  const int32_t id = draw(c, u);
  const float best = c.best();
  const auto chosen = std::find_if(c.items.begin(), c.items.end(), [&](const Candidate& x) { return x.id == id; });
  // mu moves against the error of the surprise that came out
  const double surprise = -std::log2(weight(*chosen, best) / total_weight(c));
  state.mu -= options.mirostat_eta * (surprise - options.mirostat_tau);
  return id;
}

}  // namespace

Candidates filter(const SamplingOptions& options, Candidates c, const std::vector<int32_t>& seen) {
  add_bias(c, options.logit_bias);
  const bool penalties =
      options.repetition_penalty != 1 || options.presence_penalty != 0 || options.frequency_penalty != 0;
  if (penalties && options.repeat_last_n != 0) {
    const std::vector<int32_t> recent = last_of(seen, options.repeat_last_n);
    penalise_repetition(c, recent, options.repetition_penalty);
    penalise_frequency(c, recent, options.presence_penalty, options.frequency_penalty);
  }
  if (options.temperature == 0) {
    c.keep_best(1);
    return c;
  }
  apply_temperature(c, options.temperature);
  if (options.mirostat != 0) return c;
  keep_top_k(c, options.top_k);
  keep_top_p(c, options.top_p);
  keep_min_p(c, options.min_p);
  keep_typical(c, options.typical_p);
  return c;
}

int32_t pick(const SamplingOptions& options, Candidates c, int64_t sequence, int64_t position, MirostatState* state) {
  if (options.temperature == 0) {
    c.keep_best(1);
    return c.items.front().id;
  }
  const RandomKey key = RandomKey{options.seed, stream_name("sample")}.fold(static_cast<uint64_t>(sequence));
  const double u = key.uniform(static_cast<uint64_t>(position));
  if (options.mirostat == 0) return draw(c, u);
  MirostatState fresh;
  return pick_mirostat(options, std::move(c), u, state ? *state : fresh);
}

int32_t sample(const SamplingOptions& options, const float* logits, int64_t vocab, const std::vector<int32_t>& seen,
               int64_t sequence, int64_t position, MirostatState* state) {
  return pick(options, filter(options, Candidates::of(logits, vocab), seen), sequence, position, state);
}

}  // namespace gradus
