#pragma once
#include <cstdint>

// The inner loop of Word2Vec (Mikolov et al. 2013, 1310.4546). Rows are `width` floats, a multiple of
// kWord2VecLanes; what lies behind a vector's end is 0 and stays 0.
//
// Several threads train the same rows at once without locks (Recht et al. 2011, "Hogwild!", 1106.5730): a sum that two
// of them change in the same moment may lose one of the two. That race is meant; single floats are never torn.
namespace gradus {

constexpr int64_t kWord2VecLanes = 16;

/// One example: a hidden vector h that should find its targets among others.
struct Word2VecExample {
  const float* hidden;     ///< h
  float* error;            ///< the step of h: rate * -dL/dh, overwritten
  float* output;           ///< rows of the output matrix
  const int32_t* targets;  ///< which rows
  const float* labels;     ///< 1: to be found, 0: not
  float* steps;            ///< room for `count` numbers
  int64_t count, width;
  float rate;
};

/// L = -sum_t log sigma(l_t h.o_t), l_t = 1 or -1. One step of gradient descent:
///   g_t = rate (label_t - sigma(h.o_t)),  error = sum_t g_t o_t,  o_t += g_t h.
void word2vec_example(const Word2VecExample& example);
/// sum = scale * the sum of rows[ids[i]].
void word2vec_gather(const float* rows, const int32_t* ids, int64_t count, int64_t width, float scale, float* sum);
/// rows[ids[i]] += delta, for every i.
void word2vec_scatter(float* rows, const int32_t* ids, int64_t count, int64_t width, const float* delta);

}  // namespace gradus
