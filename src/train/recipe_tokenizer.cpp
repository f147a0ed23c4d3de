#include "train/recipe_tokenizer.h"

#include <algorithm>

#include "text/bpe_trainer.h"

namespace gradus {

Tokenizer tokenizer_of(const Recipe& recipe, const std::filesystem::path& stored, const std::vector<std::string>& texts,
                       const TaskHooks& hooks, const std::vector<std::string>& special) {
  if (!stored.empty()) return Tokenizer::load(stored);
  const std::string path = recipe.text("tokenizer.path");
  if (!path.empty()) return Tokenizer::load(path);
  BpeTraining settings;
  settings.vocab_size = static_cast<int>(std::clamp<int64_t>(recipe.integer("tokenizer.vocab_size"), 0, 1 << 30));
  settings.min_frequency = recipe.integer("tokenizer.min_frequency");
  settings.add_prefix_space = recipe.flag("tokenizer.add_prefix_space");
  settings.bos = settings.eos = recipe.text("tokenizer.end_of_text");
  settings.special_tokens = {settings.eos};
  const auto add = [&settings](const std::string& token) {
    std::vector<std::string>& all = settings.special_tokens;
    if (std::find(all.begin(), all.end(), token) == all.end()) all.push_back(token);
  };
  for (const std::string& token : special) add(token);
  for (const std::string& token : recipe.texts("tokenizer.special_tokens")) add(token);
  settings.progress = hooks.tokenizer_progress;
  return train_byte_level_bpe({texts.begin(), texts.end()}, settings);
}

}  // namespace gradus
