#include "train/embedding_init.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "text/bpe_trainer.h"
#include "train/causal_lm_run.h"

using namespace gradus;

TEST_CASE("word vectors start the embedding of any model") {
  const std::string text = "river river river lake lake lake the river the lake of of the\n";
  const Tokenizer tokenizer = train_byte_level_bpe({text, text}, {.vocab_size = 280});
  REQUIRE(tokenizer.id_of("\u0120river"));
  const int32_t river = *tokenizer.id_of("\u0120river");
  std::vector<float> numbers;
  for (int i = 0; i < 3 * 32; ++i) numbers.push_back(static_cast<float>(i));
  const WordVectors vectors({"river", "zebra", "the"}, from_vector(numbers, {3, 32}));
  const Json gpt2 = {{"model_type", "gpt2"}, {"vocab_size", 300}, {"n_positions", 8},
                     {"n_embd", 32},         {"n_layer", 1},      {"n_head", 2}};
  const Json llama = {{"model_type", "llama"},       {"vocab_size", 300},      {"hidden_size", 32},
                      {"intermediate_size", 64},     {"num_hidden_layers", 1}, {"num_attention_heads", 2},
                      {"max_position_embeddings", 8}};
  for (const auto& [config, name] : {std::pair{gpt2, "transformer.wte.weight"}, {llama, "model.embed_tokens.weight"}}) {
    const auto model = make_causal_lm(config, {.seed = 1});
    const Tensor weight = model->parameters().find(name);
    REQUIRE(weight.defined());
    const std::vector<float> before = weight.to_vector<float>();
    CHECK(init_embedding(*model, tokenizer, vectors) >= 2);
    const std::vector<float> after = weight.to_vector<float>();
    for (int i = 0; i < 32; ++i) CHECK(after[river * 32 + i] == i);
    CHECK(std::equal(before.end() - 32, before.end(), after.end() - 32));  // a row behind the tokenizer's stays
    CHECK_THROWS_AS(init_embedding(*model, tokenizer, WordVectors({"river"}, from_vector<float>({1, 2}, {1, 2}))),
                    ValueError);
    CHECK_THROWS_AS(
        init_embedding(*model, tokenizer, WordVectors({"zebra"}, from_vector(std::vector<float>(32), {1, 32}))),
        ValueError);
  }
}
