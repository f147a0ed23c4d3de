// gradus tokenizer train (inspect, check and chat are in files of their own)
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

namespace gradus::cli {

namespace {

struct TrainArgs {
  std::vector<std::string> files;
  std::string output, split_on, eos, bos, pad, unk;
  BpeTraining settings;
};

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
  args.settings.bos = args.bos, args.settings.eos = args.eos, args.settings.pad = args.pad,
  args.settings.unk = args.unk;
  for (const std::string& role : {args.unk, args.bos, args.eos, args.pad})
    if (!role.empty() && !std::count(special.begin(), special.end(), role)) special.push_back(role);
  const bool bar = is_terminal(STDERR_FILENO);
  if (bar)
    args.settings.progress = [](const char* stage, int64_t done, int64_t total) {
      std::fprintf(stderr, "\r%-7s %3.0f %%", stage, total > 0 ? 100.0 * done / total : 100.0);
    };
  const Tokenizer tokenizer = train_byte_level_bpe(texts, args.settings);
  if (bar) std::fprintf(stderr, "\r\033[K");
  tokenizer.save(args.output);
  size_t bytes = 0;
  for (std::string_view text : texts) bytes += text.size();
  std::fprintf(stderr, "%d tokens (%zu merges) from %zu documents, %zu bytes, written to %s\n", tokenizer.vocab_size(),
               tokenizer.parts().merges.size(), texts.size(), bytes, args.output.c_str());
  if (tokenizer.vocab_size() < args.settings.vocab_size)
    std::fprintf(stderr, "fewer than the %d asked for: no further pair occurs %lld times\n", args.settings.vocab_size,
                 static_cast<long long>(args.settings.min_frequency));
}

}  // namespace

void add_tokenizer(CLI::App& app) {
  CLI::App* verb = app.add_subcommand(
      "tokenizer", "Train a tokenizer, look inside one, or write conversations with its chat template.");
  verb->require_subcommand(1);

  const auto t = std::make_shared<TrainArgs>();
  CLI::App* make = verb->add_subcommand("train", "Train a byte-level BPE tokenizer on text files or standard input.");
  make->add_option("FILES", t->files, "text files; - or none: standard input");
  make->add_option("-o,--output", t->output, "folder for tokenizer.json and tokenizer_config.json")->required();
  make->add_option("--vocab-size", t->settings.vocab_size, "tokens in all: special ones, 256 bytes, merges")
      ->capture_default_str();
  make->add_option("--min-frequency", t->settings.min_frequency, "pairs seen less often are not merged")
      ->capture_default_str();
  make->add_option("--special-token", t->settings.special_tokens,
                   "a special token (repeat for more); takes the next id")
      ->allow_extra_args(false);
  make->add_option("--bos", t->bos, "special token that begins a text");
  make->add_option("--eos", t->eos, "special token that ends a text");
  make->add_option("--pad", t->pad, "special token for padding");
  make->add_option("--unk", t->unk, "special token named as unk_token in tokenizer_config.json");
  make->add_option("--split-on", t->split_on, "documents are separated by lines that hold exactly this, e.g. %");
  make->add_flag("--add-prefix-space", t->settings.add_prefix_space,
                 "treat a text's first word as if a space came before");
  make->callback([t] { train(*t); });

  add_tokenizer_inspect(*verb);
  add_tokenizer_check(*verb);
  add_tokenizer_chat(*verb);
}

}  // namespace gradus::cli
