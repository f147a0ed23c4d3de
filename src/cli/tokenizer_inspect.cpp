// gradus tokenizer inspect
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "cli/progress.h"
#include "cli/verbs.h"
#include "infer/model_files.h"
#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"
#include "text/unicode.h"

namespace gradus::cli {

namespace {

struct InspectArgs {
  std::string tokenizer, text;
  bool json = false;
};

/// Line breaks, tabs and other control characters made visible.
std::string visible(std::string_view text) {
  std::string out;
  for (char c : replace_invalid_utf8(text))
    out += c == '\n'                         ? "⏎"
           : c == '\t'                       ? "⇥"
           : c == '\r'                       ? "␍"
           : (c < ' ' && c >= 0) || c == 127 ? "·"
                                             : std::string(1, c);
  return out;
}

/// One piece a token, in colours that alternate, special tokens in red; then their ids.
void print_pieces(const Tokenizer& tokenizer, const std::vector<int32_t>& ids, bool colour) {
  static const char* const kColours[] = {"\033[30;46m", "\033[30;43m", "\033[30;42m", "\033[30;45m"};
  size_t i = 0;
  for (int32_t id : ids) {
    const bool special = tokenizer.is_special(id);
    const std::string piece = visible(special ? tokenizer.token(id) : tokenizer.bytes_of(id));
    if (colour)
      std::printf("%s%s\033[0m", special ? "\033[97;41m" : kColours[i++ % 4], piece.c_str());
    else
      std::printf("%s%s", i++ ? "|" : "", piece.c_str());
  }
  std::printf("\n");
  for (int32_t id : ids) std::printf("%d ", id);
  std::printf("\n");
}

void inspect(const InspectArgs& args) {
  const Tokenizer tokenizer = load_tokenizer(args.tokenizer);
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
  Encoding encoding;
  if (!args.text.empty()) encoding = tokenizer.encode_full(args.text);
  if (args.json) {
    if (!args.text.empty()) {
      about["ids"] = encoding.ids;
      about["tokens"] = encoding.tokens;
      for (const CharSpan& span : encoding.offsets) about["offsets"].push_back({span.begin, span.end});
    }
    std::printf("%s\n", dump_json(about).c_str());
    return;
  }
  for (const auto& [key, value] : about.items()) {
    std::string text = dump_json(value);
    if (text.size() > 400) text = text.substr(0, 400 - incomplete_utf8_tail(text.substr(0, 400))) + " …";
    std::printf("%-16s %s\n", key.c_str(), text.c_str());
  }
  if (tokenizer.bytes_covered() < 256)
    std::fprintf(stderr, "warning: %d of 256 bytes have no token; they %s\n", 256 - tokenizer.bytes_covered(),
                 tokenizer.unk() ? "become the unknown token" : "are dropped");
  if (!args.text.empty()) print_pieces(tokenizer, encoding.ids, wants_color(STDOUT_FILENO));
}

}  // namespace

void add_tokenizer_inspect(CLI::App& tokenizer) {
  const auto args = std::make_shared<InspectArgs>();
  CLI::App* verb = tokenizer.add_subcommand("inspect", "Show a tokenizer's size, components and special tokens.");
  verb->add_option("TOKENIZER", args->tokenizer,
                   "tokenizer.json, a folder with one, or a vocabulary of another form (see tokenizer convert)")
      ->required();
  verb->add_option("--text", args->text, "show how this text is cut, a colour a token (NO_COLOR: none)");
  verb->add_flag("--json", args->json, "one JSON object on standard output; with --text also ids, tokens and offsets");
  verb->callback([args] { inspect(*args); });
}

}  // namespace gradus::cli
