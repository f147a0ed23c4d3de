#pragma once
#include "kernels/word2vec.h"

/// kernels/word2vec.h in vectors of the best width that the processor has.
namespace gradus::cpu {

void word2vec_example(const Word2VecExample& example);
void word2vec_gather(const float* rows, const int32_t* ids, int64_t count, int64_t width, float scale, float* sum);
void word2vec_scatter(float* rows, const int32_t* ids, int64_t count, int64_t width, const float* delta);

}  // namespace gradus::cpu
