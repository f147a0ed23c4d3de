#include "lab/imbalance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/loss_class.h"
#include "ops/matmul.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/surrogate.h"
#include "optim/minimise.h"

namespace gradus {

namespace {

struct Cloud {
  Tensor x, y;  // (n, 2), (n)
};

Cloud draw_clouds(int64_t positives, int64_t negatives, double distance, RandomKey key) {
  const Tensor away = from_vector(std::vector<double>{distance, 0});
  const Tensor plus = add(random_normal({positives, 2}, key.fold(0), 0, 1, Dtype::f64), away);
  const Tensor minus = random_normal({negatives, 2}, key.fold(1), 0, 1, Dtype::f64);
  return {concat({plus, minus}), concat({ones({positives}, Dtype::f64), zeros({negatives}, Dtype::f64)})};
}

Tensor logits_of(const Tensors& weights, const Tensor& x) {  // weights (2, 1), bias (1)
  return flatten(affine(x, weights[0], weights[1]));
}

double threshold_logit(double p) { return std::log(p / (1 - p)); }

ClassifierScore score(const char* name, const std::vector<double>& logits, const std::vector<double>& y,
                      double threshold) {
  const double at = threshold_logit(threshold);
  double tp = 0, fp = 0, fn = 0, tn = 0;
  for (size_t i = 0; i < y.size(); ++i) (logits[i] > at ? (y[i] > 0 ? tp : fp) : (y[i] > 0 ? fn : tn)) += 1;
  ClassifierScore s{name, threshold};
  s.accuracy = (tp + tn) / static_cast<double>(y.size());
  s.precision = tp + fp > 0 ? tp / (tp + fp) : 0;
  s.recall = tp + fn > 0 ? tp / (tp + fn) : 0;
  s.f1 = 2 * tp + fp + fn > 0 ? 2 * tp / (2 * tp + fp + fn) : 0;
  return s;
}

double best_threshold(const std::vector<double>& logits, const std::vector<double>& y) {
  double best = 0.5, f1 = -1;
  for (int i = 1; i < 1000; ++i) {
    const double p = i / 1000.0, here = score("", logits, y, p).f1;
    if (here > f1) f1 = here, best = p;
  }
  return best;
}

// The share of pairs of a positive and a negative in the right order, by ranks.
double area_under_curve(const std::vector<double>& logits, const std::vector<double>& y) {
  std::vector<size_t> order(y.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return logits[a] < logits[b]; });
  double positives = 0, ranks = 0;
  for (size_t i = 0; i < order.size(); ++i)
    if (y[order[i]] > 0) positives += 1, ranks += static_cast<double>(i + 1);
  const double negatives = static_cast<double>(y.size()) - positives;
  return (ranks - positives * (positives + 1) / 2) / (positives * negatives);
}

}  // namespace

ImbalanceReport run_imbalance(const ImbalanceOptions& o) {
  if (o.positives < 2 || o.ratio < 1 || o.positives > 1000000 || o.ratio > 1000000 || o.positives * o.ratio > 1000000)
    throw ValueError("imbalance",
                     "positives must be at least 2, ratio at least 1 and positives * ratio at most 1000000; got " +
                         std::to_string(o.positives) + " and " + std::to_string(o.ratio) + ".",
                     "--positives 200 --ratio 20 is the usual experiment.");
  if (!(o.k > 0) || !std::isfinite(o.k)) throw ValueError("imbalance", "k, the inverse temperature, must be positive.");
  if (!(o.distance >= 0) || !std::isfinite(o.distance))
    throw ValueError("imbalance", "the distance must be a number of at least 0.");
  const RandomKey key{o.seed, stream_name("imbalance")};
  const Cloud train = draw_clouds(o.positives, o.positives * o.ratio, o.distance, key.fold(0));
  const Cloud test = draw_clouds(10 * o.positives, 10 * o.positives * o.ratio, o.distance, key.fold(1));
  const std::vector<double> y_train = train.y.to_vector<double>(), y_test = test.y.to_vector<double>();

  const Tensors start{zeros({2, 1}, Dtype::f64), zeros({1}, Dtype::f64)};
  const auto cross_entropy_of = [&](const Tensors& w) {
    return binary_cross_entropy_with_logits(logits_of(w, train.x), train.y);
  };
  const auto one_minus_f1 = [&](const Tensors& w) { return add(neg(soft_f1(logits_of(w, train.x), train.y, o.k)), 1); };
  MinimiseOptions options;
  options.max_iterations = 200;
  options.gradient_tolerance = 1e-9;
  const Minimum first = lbfgs(objective_of(cross_entropy_of, start), packed(start), options);
  options.max_iterations = 60;  // it only sharpens from there on
  const Minimum tuned = lbfgs(objective_of(one_minus_f1, start), first.x, options);
  const Minimum lost = lbfgs(objective_of(one_minus_f1, start), {-40, 25, -200}, options);

  const auto logits = [&](const Minimum& m, const Cloud& data) {
    return logits_of(unpacked(m.x, start), data.x).to_vector<double>();
  };
  ImbalanceReport r{.options = o};
  const std::vector<double> plain = logits(first, test), fine = logits(tuned, test);
  r.scores = {score("cross entropy", plain, y_test, 0.5),
              score("cross entropy, best threshold", plain, y_test, best_threshold(logits(first, train), y_train)),
              score("soft F1 from there", fine, y_test, 0.5),
              score("soft F1 from saturated weights", logits(lost, test), y_test, 0.5)};
  r.auc = area_under_curve(plain, y_test);
  for (int i = 1; i < 100; ++i) {
    r.thresholds.push_back(i / 100.0);
    r.f1_cross_entropy.push_back(score("", plain, y_test, i / 100.0).f1);
    r.f1_fine_tuned.push_back(score("", fine, y_test, i / 100.0).f1);
  }
  const Tensor numbers = random_normal({1000, 10}, key.fold(2), 0, 1, Dtype::f64);
  for (const double k : {1.0, 3.0, 10.0, 30.0, 100.0})
    r.biases.push_back({k, max(sub(smooth_max(numbers, k), max(numbers, {-1}))).item(), std::log(10.0) / k});
  return r;
}

Figure figure_of_imbalance(const ImbalanceReport& r) {
  Panel panel;
  panel.x = {"threshold of the probability"};
  panel.y = {"F1 on the test data", false, 0.0};
  panel.series = {{.label = "cross entropy", .x = r.thresholds, .y = r.f1_cross_entropy, .color = series_color(0)},
                  {.label = "fine-tuned on soft F1", .x = r.thresholds, .y = r.f1_fine_tuned, .color = series_color(1)},
                  {.label = "0.5", .x = {0.5, 0.5}, .y = {0, 1}, .color = Color::hex(0xadb5bd), .dash = {5, 4}}};
  return {
      "Rare positives",
      fmt::format("1 to {}; F1 at 0.5: {:.3f} by cross entropy, {:.3f} after soft F1; {:.3f} with the best threshold",
                  r.options.ratio, r.scores[0].f1, r.scores[2].f1, r.scores[1].f1),
      {panel}};
}

}  // namespace gradus
