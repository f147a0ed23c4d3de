#pragma once
#include <functional>

#include "models/text/word_corpus.h"
#include "models/text/word_vectors.h"

namespace gradus {

/// The settings of gensim's Word2Vec with its defaults and, in brackets, its names.
struct Word2VecOptions {
  bool skip_gram = false;        ///< [sg] otherwise continuous bag of words
  int64_t size = 100;            ///< numbers of a vector [vector_size]
  int64_t window = 5;            ///< words to either side; each centre draws its own width from 1 to this
  int64_t negative = 5;          ///< noise words an example
  bool hierarchical = false;     ///< [hs] hierarchical softmax; with negative > 0 both
  double noise_exponent = 0.75;  ///< [ns_exponent]
  bool cbow_mean = true;         ///< the context's mean, otherwise its sum
  double sample = 1e-3;          ///< frequent words are left out the more, see keep_probability(); 0: never
  int64_t epochs = 5;
  double alpha = 0.025, min_alpha = 1e-4;  ///< the rate falls evenly from one to the other
  uint64_t seed = 1;
  /// Called now and then, by any thread but one at a time, with the words done of all epochs.
  std::function<void(int64_t done, int64_t total)> progress;
};

/// What a training leaves: the input vectors are the words'; the output rows belong to words (negative sampling) or to
/// inner nodes of the Huffman tree (hierarchical softmax).
struct Word2Vec {
  WordVectors vectors;
  Tensor output_negative, output_hierarchical;  ///< (words, size) and (words - 1, size); undefined when not used
};

/// Word2Vec (Mikolov et al. 2013, 1301.3781 and 1310.4546) as gensim and the original program define it: skip-gram
/// trains the context word's vector to find the centre word, CBOW the mean of the context's; vectors begin uniform in
/// [-1, 1) / size, output rows at 0. As in both programs, CBOW gives the whole step of the mean to every context word.
///
/// All threads of base/parallel.h train the same vectors without locks (1106.5730): with one thread a result depends
/// on corpus and options only; with more, sums that two threads change at once differ from run to run.
/// Throws ValueError for impossible options.
Word2Vec train_word2vec(const WordCorpus& corpus, const Word2VecOptions& options);

}  // namespace gradus
