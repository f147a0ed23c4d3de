#include "train/recipe.h"

namespace gradus {

// Keys of [train] carry the names and, but for logging_steps, the defaults of transformers' TrainingArguments.
const std::vector<RecipeKey>& recipe_keys() {
  using enum RecipeType;
  static const std::vector<RecipeKey> keys = {
      {"data.files", texts, "[]", "text or JSONL files, or shell patterns"},
      {"data.exclude", texts, "[]", "patterns of file names to leave out"},
      {"data.format", text, "\"auto\"", "text, jsonl, or auto: by the file's name"},
      {"data.separator", text, "\"\"", "a line that separates the documents of a text file; empty: a file is one"},
      {"data.text_key", text, "\"text\"", "the key of the text in JSONL"},
      {"data.eval_files", texts, "[]", "held-out files; without them a fraction of data.files is held out"},
      {"data.eval_fraction", number, "0.05", "share of the documents that is held out"},
      {"data.split_seed", integer, "0", "draws the documents that are held out"},
      {"data.block_size", integer, "0", "tokens in a row; 0: the positions of the model"},
      {"data.cross_document_attention", flag, "false", "tokens see the documents before theirs in the row"},
      {"data.reset_positions", flag, "true", "positions count from the beginning of the document"},
      {"data.mlm_probability", number, "0.15", "masked language models: share of the tokens that is to be predicted"},
      {"data.label_key", text, "\"label\"", "classifiers: the key of the label in JSONL"},
      {"data.target_key", text, "\"target\"", "encoder-decoders: the key of the text to write in JSONL"},
      {"data.synthetic", text, "\"\"", "encoder-decoders: made-up texts in place of files: copy, reverse or sort"},

      {"tokenizer.path", text, "\"\"", "folder or tokenizer.json; empty: byte-level BPE is trained on the texts"},
      {"tokenizer.vocab_size", integer, "8192", "tokens of the trained one, special ones and bytes included"},
      {"tokenizer.min_frequency", integer, "2", "pairs seen less often are not merged"},
      {"tokenizer.end_of_text", text, "\"<|endoftext|>\"", "the token that begins and ends documents"},
      {"tokenizer.special_tokens", texts, "[]", "further special tokens"},
      {"tokenizer.add_prefix_space", flag, "false", "treat a document's first word as if a space came before"},

      {"train.output_dir", text, "\"\"", "where everything goes (--output-dir)"},
      {"train.max_steps", integer, "-1", "optimiser steps; -1: by num_train_epochs"},
      {"train.num_train_epochs", number, "3.0", "passes over the training texts"},
      {"train.max_time", number, "0.0", "seconds; above 0 the run ends by then and the schedule follows the clock"},
      {"train.per_device_train_batch_size", integer, "8", "rows of a micro-batch"},
      {"train.per_device_eval_batch_size", integer, "8", "rows of a batch of the evaluation"},
      {"train.gradient_accumulation_steps", integer, "1", "micro-batches of a step"},
      {"train.learning_rate", number, "5e-5", "the schedule's highest"},
      {"train.weight_decay", number, "0.0", "not for biases and norms"},
      {"train.adam_beta1", number, "0.9", ""},
      {"train.adam_beta2", number, "0.999", ""},
      {"train.adam_epsilon", number, "1e-8", ""},
      {"train.max_grad_norm", number, "1.0", "gradients are clipped to this norm; 0: not"},
      {"train.param_groups", tables, "[]",
       "{ pattern, weight_decay, learning_rate_scale } by parameter name, * is any text; the first match counts"},
      {"train.lr_scheduler_type", text, "\"linear\"",
       "constant, constant_with_warmup, linear, cosine, cosine_with_restarts, cosine_with_min_lr, polynomial, "
       "inverse_sqrt, warmup_stable_decay"},
      {"train.lr_scheduler_kwargs", table, "{}", "options of the schedule, e.g. { min_lr_rate = 0.1 }"},
      {"train.warmup_steps", number, "0", "steps in which the rate rises; below 1: share of all steps"},
      {"train.warmup_ratio", number, "0.0", "the same as a share of all steps, where warmup_steps is 0"},
      {"train.logging_steps", integer, "10", "steps between rows of metrics.jsonl"},
      {"train.eval_strategy", text, "\"no\"", "no (only at the end), steps or epoch"},
      {"train.eval_steps", integer, "0", "steps between evaluations; 0: logging_steps"},
      {"train.save_strategy", text, "\"steps\"", "no (only the final model), steps or epoch"},
      {"train.save_steps", integer, "500", "steps between checkpoints"},
      {"train.save_total_limit", integer, "0", "checkpoints that are kept, the newest; 0: all"},
      {"train.gradient_checkpointing", flag, "false",
       "backward computes blocks again instead of keeping their tensors"},
      {"train.gradient_checkpointing_kwargs", table, "{}",
       "which blocks: { segments = \"each\" (default), \"sqrt\" or a number } or { budget_bytes = 2000000000 }"},
      {"train.detect_anomaly", flag, "false", "stop at the first operation that makes a NaN or infinity; slow"},
      {"train.seed", integer, "42", "of initial parameters and dropout, and of the order of the texts"},
      {"train.data_seed", integer, "-1", "of the order of the texts alone; -1: train.seed"},
  };
  return keys;
}

}  // namespace gradus
