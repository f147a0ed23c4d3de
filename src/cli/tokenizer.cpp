// gradus tokenizer train | inspect (chat is in tokenizer_chat.cpp)
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
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

/// One piece a token, in colours that alternate; line breaks and blanks made visible.
void print_pieces(const Tokenizer& tokenizer, const std::vector<int32_t>& ids, bool colour) {
  static const char* const kColours[] = {"\033[30;46m", "\033[30;43m", "\033[30;42m", "\033[30;45m"};
  size_t i = 0;
  for (int32_t id : ids) {
    std::string piece = tokenizer.is_special(id) ? std::string(tokenizer.token(id)) : "";
    if (piece.empty()) {
      for (char c : replace_invalid_utf8(tokenizer.bytes_of(id)))
        piece += c == '\n' ? "⏎" : c == '\t' ? "⇥" : c == '\r' ? "␍" : c < ' ' && c >= 0 ? "·" : std::string(1, c);
    }
    if (colour)
      std::printf("%s%s\033[0m", tokenizer.is_special(id) ? "\033[97;41m" : kColours[i++ % 4], piece.c_str());
    else
      std::printf("%s%s", i++ ? "|" : "", piece.c_str());
  }
  std::printf("\n");
  for (int32_t id : ids) std::printf("%d ", id);
  std::printf("\n");
}

struct InspectArgs {
  std::string tokenizer, text;
  bool json = false;
};

void inspect(const InspectArgs& args) {
  const Tokenizer tokenizer = Tokenizer::load(args.tokenizer);
  const TokenizerParts& parts = tokenizer.parts();
  Json special = Json::object();
  for (const AddedToken& token : parts.added) special[token.content] = token.id;
  const auto component = [](const std::string& text) { return parse_json(text, "component"); };
  Json about = {{"vocab_size", tokenizer.vocab_size()},
                {"merges", parts.merges.size()},
                {"model", component(parts.model_json)},
                {"normalizer", component(parts.normalizer_json)},
                {"pre_tokenizer", component(parts.pre_tokenizer_json)},
                {"post_processor", component(parts.post_processor_json)},
                {"decoder", component(parts.decoder_json)},
                {"truncation", component(parts.truncation_json)},
                {"padding", component(parts.padding_json)},
                {"added_tokens", special},
                {"bytes_covered", tokenizer.bytes_covered()}};
  const std::pair<const char*, std::optional<int32_t>> roles[] = {
      {"bos", tokenizer.bos()}, {"eos", tokenizer.eos()}, {"pad", tokenizer.pad()}, {"unk", tokenizer.unk()}};
  for (const auto& [name, id] : roles)
    if (id) about[std::string(name) + "_token_id"] = *id;
  std::vector<int32_t> ids;
  if (!args.text.empty()) ids = tokenizer.encode(args.text);
  if (args.json) {
    if (!args.text.empty()) about["ids"] = ids;
    std::printf("%s\n", dump_json(about).c_str());
    return;
  }
  for (const auto& [key, value] : about.items()) std::printf("%-16s %s\n", key.c_str(), dump_json(value).c_str());
  if (tokenizer.bytes_covered() < 256)
    std::fprintf(stderr, "warning: %d of 256 bytes have no token; they %s\n", 256 - tokenizer.bytes_covered(),
                 tokenizer.unk() ? "become the unknown token" : "are dropped");
  if (!args.text.empty()) print_pieces(tokenizer, ids, wants_color(STDOUT_FILENO));
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

  const auto i = std::make_shared<InspectArgs>();
  CLI::App* look = verb->add_subcommand("inspect", "Show a tokenizer's size, components and special tokens.");
  look->add_option("TOKENIZER", i->tokenizer, "folder with tokenizer.json, or the file")->required();
  look->add_option("--text", i->text, "show how this text is cut");
  look->add_flag("--json", i->json, "one JSON object on standard output");
  look->callback([i] { inspect(*i); });

  add_tokenizer_chat(*verb);
}

}  // namespace gradus::cli
