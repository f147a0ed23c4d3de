#pragma once
#include "models/model.h"
#include "models/text/word_vectors.h"
#include "text/tokenizer.h"

namespace gradus {

/// Copies word vectors into the model's input embedding: the row of each token whose text, without blanks around it, is
/// a word that has a vector. Other rows stay. Returns how many rows were set. Throws ValueError when the vectors are
/// not as wide as the model, or no token is such a word.
int64_t init_embedding(CausalLm& model, const Tokenizer& tokenizer, const WordVectors& vectors);

}  // namespace gradus
