#pragma once
#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/random.h"

namespace gradus::testing {

/// A few hundred sentences of made-up words, and a recipe for a very small model on them.
inline std::string write_corpus(const std::filesystem::path& folder) {
  const RandomKey key{11, 0};
  std::string text;
  uint64_t draw = 0;
  for (int document = 0; document < 300; ++document) {
    const uint64_t words = 3 + key.below(12, draw++);
    for (uint64_t w = 0; w < words; ++w) {
      if (w) text += ' ';
      const uint64_t word = key.below(50, draw++);
      for (uint64_t letter = 0; letter < 2 + word % 4; ++letter)
        text += static_cast<char>('a' + (word * 7 + letter * 5) % 26);
    }
    text += ".\n%\n";
  }
  write_file_atomic(folder / "corpus.txt", text);
  return "[data]\nfiles = [\"" + (folder / "corpus.txt").string() + R"("]
separator = "%"
eval_fraction = 0.1

[tokenizer]
vocab_size = 300

[model]
model_type = "gpt2"
n_positions = 32
n_embd = 32
n_layer = 2
n_head = 2

[train]
max_steps = 12
per_device_train_batch_size = 4
learning_rate = 1e-2
weight_decay = 0.1
lr_scheduler_type = "cosine"
warmup_steps = 3
logging_steps = 5
eval_strategy = "steps"
eval_steps = 6
save_steps = 4
)";
}

}  // namespace gradus::testing
