// gradus tokenizer train (the other verbs are in files of their own)
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "cli/progress.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "text/bpe_trainer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"
#include "text/tokenizer_trainer.h"

namespace gradus::cli {

namespace {

struct TrainArgs {
  std::vector<std::string> files;
  std::string output, split_on, model = "byte-bpe", frame;
  bool add_prefix_space = false;
  int64_t limit_alphabet = 0, max_token_length = 0;
  TokenizerTraining settings;
};

Tokenizer train_byte_level(const std::vector<std::string_view>& texts, const TrainArgs& args) {
  const TokenizerTraining& s = args.settings;
  BpeTraining b;
  b.vocab_size = s.vocab_size, b.min_frequency = s.min_frequency, b.special_tokens = s.special_tokens;
  b.bos = s.bos, b.eos = s.eos, b.pad = s.pad, b.unk = s.unk;
  b.add_prefix_space = args.add_prefix_space;
  b.progress = s.progress;
  return train_byte_level_bpe(texts, b);
}

Tokenizer train_model(const std::vector<std::string_view>& texts, TrainArgs& args) {
  TokenizerTraining& s = args.settings;
  if (args.model == "byte-bpe") return train_byte_level(texts, args);
  s.model = args.model == "bpe"         ? TokenizerModel::bpe
            : args.model == "wordpiece" ? TokenizerModel::word_piece
                                        : TokenizerModel::unigram;
  if (args.limit_alphabet > 0) s.limit_alphabet = args.limit_alphabet;
  if (args.max_token_length > 0) s.max_token_length = args.max_token_length;
  s.frame = args.frame.empty() ? usual_frame(s.model, s.special_tokens) : frame_of(read_input(args.frame), args.frame);
  return train_tokenizer(texts, s);
}

void train(TrainArgs args) {
  if (args.files.empty()) args.files.push_back("-");
  std::vector<std::string> contents;
  for (const std::string& file : args.files) contents.push_back(read_input(file));
  std::vector<std::string_view> texts;
  for (const std::string& content : contents) {
    if (args.split_on.empty())
      texts.push_back(content);
    else
      split_documents(content, args.split_on, texts);
  }
  std::erase_if(texts, [](std::string_view text) { return text.empty(); });
  if (texts.empty()) throw ValueError("tokenizer train", "the input holds no text.");
  auto& special = args.settings.special_tokens;
  if (args.settings.unk.empty() && (args.model == "wordpiece" || args.model == "unigram"))
    args.settings.unk = args.model == "wordpiece" ? "[UNK]" : "<unk>";
  for (const std::string& role : {args.settings.unk, args.settings.bos, args.settings.eos, args.settings.pad})
    if (!role.empty() && !std::count(special.begin(), special.end(), role)) special.push_back(role);
  const bool bar = is_terminal(STDERR_FILENO);
  if (bar)
    args.settings.progress = [](const char* stage, int64_t done, int64_t total) {
      std::fprintf(stderr, "\r%-7s %3.0f %%", stage, total > 0 ? 100.0 * done / total : 100.0);
    };
  const Tokenizer tokenizer = train_model(texts, args);
  if (bar) std::fprintf(stderr, "\r\033[K");
  tokenizer.save(args.output);
  size_t bytes = 0;
  for (std::string_view text : texts) bytes += text.size();
  std::fprintf(stderr, "%d tokens (%zu merges) from %zu documents, %zu bytes, written to %s\n", tokenizer.vocab_size(),
               tokenizer.parts().merges.size(), texts.size(), bytes, args.output.c_str());
  if (tokenizer.vocab_size() < args.settings.vocab_size && args.model != "unigram")
    std::fprintf(stderr, "fewer than the %d asked for: no further pair occurs %lld times\n", args.settings.vocab_size,
                 static_cast<long long>(args.settings.min_frequency));
}

}  // namespace

void add_tokenizer(CLI::App& app) {
  CLI::App* verb = app.add_subcommand(
      "tokenizer", "Train, convert and inspect tokenizers; write conversations with a chat template.");
  verb->require_subcommand(1);

  const auto t = std::make_shared<TrainArgs>();
  CLI::App* make = verb->add_subcommand("train", "Train a tokenizer on text files or standard input.");
  TokenizerTraining& s = t->settings;
  s.vocab_size = 32768;
  make->add_option("FILES", t->files, "text files; - or none: standard input");
  make->add_option("-o,--output", t->output, "folder for tokenizer.json and tokenizer_config.json")->required();
  make->add_option("--model", t->model,
                   "byte-bpe: bytes as in GPT-2; bpe: characters; wordpiece as in BERT; unigram as in T5")
      ->check(CLI::IsMember({"byte-bpe", "bpe", "wordpiece", "unigram"}))
      ->capture_default_str();
  make->add_option("--vocab-size", s.vocab_size, "tokens in all: special ones, bytes or characters, merges")
      ->capture_default_str();
  make->add_option("--min-frequency", s.min_frequency, "pairs seen less often are not merged (not of unigram)")
      ->capture_default_str();
  make->add_option("--special-token", s.special_tokens, "a special token (repeat for more); takes the next id")
      ->allow_extra_args(false);
  make->add_option("--bos", s.bos, "special token that begins a text");
  make->add_option("--eos", s.eos, "special token that ends a text");
  make->add_option("--pad", s.pad, "special token for padding");
  make->add_option("--unk", s.unk, "special token for what has no token [wordpiece: [UNK], unigram: <unk>]");
  make->add_option("--split-on", t->split_on, "documents are separated by lines that hold exactly this, e.g. %");
  make->add_flag("--add-prefix-space", t->add_prefix_space,
                 "byte-bpe: treat a text's first word as if a space came before");
  make->add_option(
      "--frame", t->frame,
      "not of byte-bpe: take normalizer, pre-tokenizer, post-processor and decoder from this tokenizer.json");
  make->add_option("--limit-alphabet", t->limit_alphabet, "bpe, wordpiece: at most so many single characters");
  make->add_option("--initial-alphabet", s.initial_alphabet, "characters that become tokens in any case");
  make->add_option("--max-token-length", t->max_token_length,
                   "bpe, wordpiece: merges of merges have fewer characters than this, as in Hugging Face");
  make->add_option("--continuing-subword-prefix", s.continuing_subword_prefix,
                   "bpe, wordpiece: before what goes on inside a word [wordpiece: ##]");
  make->add_option("--end-of-word-suffix", s.end_of_word_suffix, "bpe: behind a word's last character");
  make->add_option("--max-piece-length", s.max_piece_length, "unigram: characters of the longest token")
      ->capture_default_str();
  make->add_option("--shrinking-factor", s.shrinking_factor, "unigram: share of the tokens that a round keeps")
      ->capture_default_str();
  make->add_option("--sub-iterations", s.sub_iterations, "unigram: rounds of EM between two prunings")
      ->capture_default_str();
  make->add_option("--seed-size", s.seed_size, "unigram: candidates to begin with")->capture_default_str();
  make->callback([t] { train(*t); });

  add_tokenizer_inspect(*verb);
  add_tokenizer_check(*verb);
  add_tokenizer_chat(*verb);
  add_tokenizer_convert(*verb);
}

}  // namespace gradus::cli
