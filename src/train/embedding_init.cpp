#include "train/embedding_init.h"

#include <algorithm>

#include "base/error.h"

namespace gradus {

namespace {

std::string_view without_blanks(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  return begin == text.npos ? "" : text.substr(begin, text.find_last_not_of(" \t\r\n") + 1 - begin);
}

}  // namespace

int64_t init_embedding(CausalLm& model, const Tokenizer& tokenizer, const WordVectors& vectors) {
  const LmShape shape = model.shape();
  if (vectors.size() != shape.width)
    throw ValueError("embedding",
                     "the word vectors have " + std::to_string(vectors.size()) + " numbers, but the model is " +
                         std::to_string(shape.width) + " wide.",
                     "train them with --size " + std::to_string(shape.width) + ".");
  // Every family makes its input embedding before any other matrix of this shape.
  const auto& all = model.parameters().all();
  const auto embedding = std::find_if(all.begin(), all.end(), [&](const Parameter& p) {
    return p.value.rank() == 2 && p.value.shape()[0] == shape.vocab && p.value.shape()[1] == shape.width;
  });
  if (embedding == all.end()) throw ValueError("embedding", "the model has no embedding of its vocabulary.");
  if (embedding->value.dtype() != Dtype::f32)
    throw ValueError("embedding", embedding->name + " is " + embedding->value.describe() + ", expected f32.");
  int64_t rows = 0;
  for (int32_t id = 0; id < std::min<int64_t>(tokenizer.vocab_size(), shape.vocab); ++id) {
    const int64_t word = vectors.find(without_blanks(tokenizer.bytes_of(id)));
    if (word < 0) continue;
    std::copy_n(vectors.row(word), shape.width, embedding->value.data<float>() + id * shape.width);
    ++rows;
  }
  if (rows == 0)
    throw ValueError("embedding", "no token is a word that has a vector.",
                     "train the vectors on the same language, and the tokenizer with whole words in its vocabulary.");
  embedding->value.bump_version();
  return rows;
}

}  // namespace gradus
