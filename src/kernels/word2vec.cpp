#include "kernels/word2vec.h"

#include "kernels/cpu/word2vec.h"

namespace gradus {

void word2vec_example(const Word2VecExample& example) { cpu::word2vec_example(example); }

void word2vec_gather(const float* rows, const int32_t* ids, int64_t count, int64_t width, float scale, float* sum) {
  cpu::word2vec_gather(rows, ids, count, width, scale, sum);
}

void word2vec_scatter(float* rows, const int32_t* ids, int64_t count, int64_t width, const float* delta) {
  cpu::word2vec_scatter(rows, ids, count, width, delta);
}

}  // namespace gradus
