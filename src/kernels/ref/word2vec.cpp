#include "kernels/ref/word2vec.h"

#include <cmath>

namespace gradus::ref {

void word2vec_example(const Word2VecExample& p) {
  for (int64_t t = 0; t < p.count; ++t) {
    const float* o = p.output + p.targets[t] * p.width;
    double f = 0;
    for (int64_t i = 0; i < p.width; ++i) f += static_cast<double>(p.hidden[i]) * o[i];
    p.steps[t] = static_cast<float>(p.rate * (p.labels[t] - 1 / (1 + std::exp(-f))));
  }
  for (int64_t i = 0; i < p.width; ++i) {
    double e = 0;
    for (int64_t t = 0; t < p.count; ++t) e += static_cast<double>(p.steps[t]) * p.output[p.targets[t] * p.width + i];
    p.error[i] = static_cast<float>(e);
  }
  for (int64_t t = 0; t < p.count; ++t)
    for (int64_t i = 0; i < p.width; ++i) p.output[p.targets[t] * p.width + i] += p.steps[t] * p.hidden[i];
}

void word2vec_gather(const float* rows, const int32_t* ids, int64_t count, int64_t width, float scale, float* sum) {
  for (int64_t i = 0; i < width; ++i) {
    double s = 0;
    for (int64_t k = 0; k < count; ++k) s += rows[ids[k] * width + i];
    sum[i] = static_cast<float>(s * scale);
  }
}

void word2vec_scatter(float* rows, const int32_t* ids, int64_t count, int64_t width, const float* delta) {
  for (int64_t k = 0; k < count; ++k)
    for (int64_t i = 0; i < width; ++i) rows[ids[k] * width + i] += delta[i];
}

}  // namespace gradus::ref
