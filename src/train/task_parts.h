#pragma once
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>

#include "base/json.h"
#include "models/model.h"
#include "text/tokenizer.h"
#include "train/recipe.h"

// What the tasks of encoders and encoder–decoders share.
namespace gradus {

/// The id of the first of these tokens that the tokenizer has. Throws ValueError naming them when it has none.
int32_t token_of(const Tokenizer& tokenizer, std::initializer_list<const char*> names);

/// A fresh model as the section [model] describes it: vocab_size follows the tokenizer, and the ids of special tokens
/// are filled in where the family has the key and the recipe does not give it.
std::unique_ptr<Model> make_recipe_model(const Recipe& recipe, const Tokenizer& tokenizer,
                                         std::initializer_list<std::pair<const char*, int64_t>> token_ids,
                                         const Json* more = nullptr);

bool takes_input(const Model& model, const std::string& name);
/// Undefined when there is none of that name.
Tensor find_tensor(const NamedTensors& tensors, const std::string& name);
/// data.block_size, or all positions of the model. Throws ValueError for more than those.
int64_t block_size_of(const Recipe& recipe, const Model& model);
/// The random stream of the data: train.data_seed, or train.seed.
RandomKey shuffle_key(const Recipe& recipe, const char* name);
/// The mean loss of a micro-batch as its share of a step: times targets / normaliser.
Tensor weighted_loss(const NamedTensors& outputs, int64_t targets, double normaliser);
/// The position of a cursor over the data of this fingerprint. Throws ValueError for any other.
int64_t checked_position(const Json& cursor, const std::string& fingerprint);

}  // namespace gradus
