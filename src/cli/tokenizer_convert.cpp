// gradus tokenizer convert
#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "cli/verbs.h"
#include "infer/model_files.h"
#include "text/foreign_tokenizer.h"
#include "text/tokenizer.h"
#include "text/tokenizer_json.h"

namespace gradus::cli {

namespace {

struct ConvertArgs {
  std::string source, destination;
  ForeignOptions options;
};

void convert(const ConvertArgs& args) {
  const bool ranks = !args.options.pattern.empty() || !args.options.special_tokens.empty();
  const Tokenizer tokenizer = [&] {
    if (!ranks) return load_tokenizer(args.source);
    const auto foreign = convert_foreign_tokenizer(args.source, args.options);
    if (!foreign) throw ValueError("tokenizer convert", args.source + " is not a rank file, so no option is for it.");
    TokenizerParts parts = parse_tokenizer_json(foreign->tokenizer, args.source);
    parse_tokenizer_config(foreign->config, args.source, parts);
    return Tokenizer(std::move(parts));
  }();
  tokenizer.save(args.destination);
  std::fprintf(stderr, "%d tokens written to %s\n", tokenizer.vocab_size(), args.destination.c_str());
}

}  // namespace

void add_tokenizer_convert(CLI::App& tokenizer) {
  const auto args = std::make_shared<ConvertArgs>();
  CLI::App* verb = tokenizer.add_subcommand(
      "convert",
      "Write a vocabulary of another form as tokenizer.json: SentencePiece, tiktoken, RWKV, GPT-2, BERT, GGUF.");
  verb->add_option(
          "SRC", args->source,
          "*.model, *.gguf, tekken.json, a rank file of tiktoken, RWKV's vocabulary, vocab.txt, vocab.json with "
          "merges.txt beside it, or a folder with one of them")
      ->required();
  verb->add_option("DST", args->destination, "folder for tokenizer.json and tokenizer_config.json")->required();
  verb->add_option(
      "--pattern", args->options.pattern,
      "rank files: how text is cut into words: gpt2, p50k, cl100k, o200k, qwen, or a regular expression [by size]");
  verb->add_option("--special-token", args->options.special_tokens,
                   "rank files: a special token, TEXT or TEXT=ID (repeat for more); ids follow the ranks")
      ->allow_extra_args(false);
  verb->callback([args] { convert(*args); });
}

}  // namespace gradus::cli
