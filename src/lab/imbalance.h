#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "io/plot.h"

namespace gradus {

/// Rare positives: two normal clouds in the plane, `distance` apart, 1 positive to `ratio` negatives, and a linear
/// classifier.
struct ImbalanceOptions {
  int64_t positives = 200;  ///< in the training data; ten times as many test it
  int64_t ratio = 20;
  double distance = 2;
  double k = 1;  ///< inverse temperature of the smooth measures
  uint64_t seed = 0;
};

struct ClassifierScore {
  std::string name;
  double threshold = 0.5;                                  ///< of the probability
  double accuracy = 0, precision = 0, recall = 0, f1 = 0;  ///< on the test data
};

struct ImbalanceReport {
  ImbalanceOptions options;
  /// cross entropy at 0.5; the same with the threshold that is best on the training data; fine-tuned on soft F1 at 0.5;
  /// soft F1 from random weights that saturate, which learns nothing.
  std::vector<ClassifierScore> scores;
  double auc = 0;  ///< of the classifier by cross entropy, which no threshold changes
  std::vector<double> thresholds, f1_cross_entropy, f1_fine_tuned;  ///< on the test data
  /// How far smooth_max() of normal numbers is from their maximum at most, and ln(n)/k.
  struct Bias {
    double k, error, bound;
  };
  std::vector<Bias> biases;
};

/// Trains with L-BFGS: cross entropy, then 1 - soft F1 from there. Throws ValueError for sizes outside [2, 10^6].
ImbalanceReport run_imbalance(const ImbalanceOptions& options = {});
Figure figure_of_imbalance(const ImbalanceReport& report);

}  // namespace gradus
