#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "text/tokenizer.h"
#include "train/recipe.h"

namespace gradus {

/// What a task tells while it is made.
struct TaskHooks {
  std::function<void(const std::string&)> note;
  /// While a tokenizer is trained: stage, done, total.
  std::function<void(const char*, int64_t, int64_t)> tokenizer_progress;
};

/// The tokenizer of a run: that of a checkpoint (`stored`, a folder, may be empty), else the one that the recipe names,
/// else byte-level BPE trained on `texts` with the recipe's special tokens and `special` besides.
Tokenizer tokenizer_of(const Recipe& recipe, const std::filesystem::path& stored, const std::vector<std::string>& texts,
                       const TaskHooks& hooks, const std::vector<std::string>& special = {});

}  // namespace gradus
