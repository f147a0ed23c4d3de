// gradus tokenize | detokenize
#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "infer/model_files.h"
#include "text/tokenizer.h"

namespace gradus::cli {

namespace {

struct TokenizeArgs {
  std::string tokenizer, file = "-";
  bool jsonl = false, lines = false;
  bool add_special = true, special_as_text = false, skip_special = false;
  bool encoding = false, as_stored = false;
  int64_t max_length = -1, stride = 0;
};

std::string format_ids(const std::vector<int32_t>& ids, const char* separator) {
  std::string out;
  char number[16];
  for (int32_t id : ids) {
    if (!out.empty()) out += separator;
    out.append(number, std::to_chars(number, number + sizeof number, id).ptr);
  }
  return out;
}

/// Calls `line(text, number)` for each line, without its break, as it comes in.
template <class F>
void each_line(const std::string& file, const F& line) {
  if (file != "-") {
    const std::string content = read_input(file);
    size_t begin = 0, number = 1;
    while (begin < content.size()) {
      const size_t end = std::min(content.find('\n', begin), content.size());
      line(std::string_view(content).substr(begin, end - begin), number++);
      begin = end + 1;
    }
    return;
  }
  std::string text;
  for (size_t number = 1; std::getline(std::cin, text); ++number) line(text, number);
}

Json parse_line(std::string_view line, size_t number) { return parse_json(line, "line " + std::to_string(number)); }

Json encoding_json(const Encoding& encoding) {
  Json offsets = Json::array(), words = Json::array(), overflowing = Json::array();
  for (const CharSpan& span : encoding.offsets) offsets.push_back({span.begin, span.end});
  for (const int32_t word : encoding.word_ids) words.push_back(word < 0 ? Json() : Json(word));
  for (const Encoding& part : encoding.overflowing) overflowing.push_back(encoding_json(part));
  return {{"ids", encoding.ids},
          {"tokens", encoding.tokens},
          {"offsets", offsets},
          {"type_ids", encoding.type_ids},
          {"word_ids", words},
          {"special_tokens_mask", encoding.special_tokens_mask},
          {"attention_mask", encoding.attention_mask},
          {"overflowing", overflowing}};
}

/// Each line of --jsonl is a text, or with --encoding also a pair of texts.
void tokenize_encoding(const TokenizeArgs& args, const Tokenizer& tokenizer, const EncodeOptions& options,
                       const Json& line, size_t number) {
  const auto is_text = [](const Json& text) { return text.is_string(); };
  const bool pair = line.is_array() && line.size() == 2 && is_text(line[0]) && is_text(line[1]);
  if (!pair && !is_text(line))
    throw ValueError("tokenize", "line " + std::to_string(number) + " holds " + line.type_name() +
                                     ", expected a JSON string or a pair of them.");
  std::optional<Truncation> truncation = args.as_stored ? tokenizer.truncation() : std::nullopt;
  if (args.max_length >= 0) truncation = Truncation{.max_length = args.max_length, .stride = args.stride};
  std::optional<std::string_view> second;
  if (pair) second = line[1].get_ref<const std::string&>();
  std::vector<Encoding> encodings;
  encodings.push_back(
      tokenizer.encode_full((pair ? line[0] : line).get_ref<const std::string&>(), second, options, truncation));
  if (args.as_stored && tokenizer.padding()) pad_encodings(encodings, *tokenizer.padding());
  write_output(dump_json(encoding_json(encodings[0])) + "\n");
}

void tokenize(const TokenizeArgs& args) {
  const Tokenizer tokenizer = load_tokenizer(args.tokenizer);
  EncodeOptions options;
  options.add_special_tokens = args.add_special;
  options.parse_special_tokens = !args.special_as_text;
  if (args.jsonl) {
    each_line(args.file, [&](std::string_view line, size_t number) {
      const Json text = parse_line(line, number);
      if (args.encoding) return tokenize_encoding(args, tokenizer, options, text, number);
      if (!text.is_string())
        throw ValueError("tokenize",
                         "line " + std::to_string(number) + " holds " + text.type_name() + ", expected a JSON string.");
      write_output("[" + format_ids(tokenizer.encode(text.get_ref<const std::string&>(), options), ", ") + "]\n");
    });
  } else if (args.lines) {
    each_line(args.file, [&](std::string_view line, size_t) {
      write_output(format_ids(tokenizer.encode(line, options), " ") + "\n");
    });
  } else {
    write_output(format_ids(tokenizer.encode(read_input(args.file), options), " ") + "\n");
  }
}

[[noreturn]] void wrong_id(size_t number, const std::string& what) {
  throw ValueError("detokenize", "line " + std::to_string(number) + ": " + what + ", expected token ids.");
}

std::vector<int32_t> parse_ids(std::string_view line, size_t number) {
  std::vector<int32_t> ids;
  const char *p = line.data(), *end = p + line.size();
  for (;;) {
    while (p < end && (*p == ' ' || *p == '\t' || *p == '\r' || *p == '\n' || *p == ',')) ++p;
    if (p == end) return ids;
    int32_t id;
    const auto [after, error] = std::from_chars(p, end, id);
    if (error != std::errc()) wrong_id(number, "\"" + std::string(p, std::min<size_t>(end - p, 20)) + "\"");
    ids.push_back(id);
    p = after;
  }
}

void detokenize(const TokenizeArgs& args) {
  const Tokenizer tokenizer = load_tokenizer(args.tokenizer);
  if (args.jsonl) {
    each_line(args.file, [&](std::string_view line, size_t number) {
      const Json list = parse_line(line, number);
      if (!list.is_array()) wrong_id(number, list.type_name());
      std::vector<int32_t> ids;
      for (const Json& id : list) {
        if (!id.is_number_integer() || id.get<int64_t>() != static_cast<int32_t>(id.get<int64_t>()))
          wrong_id(number, dump_json(id));
        ids.push_back(id.get<int32_t>());
      }
      write_output(dump_json(Json(tokenizer.decode(ids, args.skip_special))) + "\n");
    });
  } else if (args.lines) {
    each_line(args.file, [&](std::string_view line, size_t number) {
      write_output(tokenizer.decode_bytes(parse_ids(line, number), args.skip_special) + "\n");
    });
  } else {
    write_output(tokenizer.decode_bytes(parse_ids(read_input(args.file), 1), args.skip_special));
  }
}

void add_common(CLI::App* verb, TokenizeArgs& args) {
  verb->add_option("--tokenizer", args.tokenizer,
                   "tokenizer.json, a folder with one, or a vocabulary of another form (see tokenizer convert)")
      ->required();
  verb->add_option("FILE", args.file, "input; - : standard input")->capture_default_str();
}

}  // namespace

void add_tokenize(CLI::App& app) {
  const auto args = std::make_shared<TokenizeArgs>();
  CLI::App* verb =
      app.add_subcommand("tokenize", "Text to token ids. Never pads or truncates, whatever the file says.");
  add_common(verb, *args);
  auto* jsonl = verb->add_flag("--jsonl", args->jsonl, "in: one JSON string a line; out: one JSON array of ids a line");
  verb->add_flag("--lines", args->lines,
                 "each line is a text, without its line break (otherwise all input is one text)")
      ->excludes(jsonl);
  verb->add_flag("--add-special-tokens,!--no-special-tokens", args->add_special,
                 "add the tokens that the file's post-processor puts around a text (the default), or not");
  verb->add_flag("--special-as-text", args->special_as_text,
                 "treat special tokens written out in the text as plain text");
  auto* encoding =
      verb->add_flag(
              "--encoding", args->encoding,
              "with --jsonl: a line out is an object with ids, tokens, offsets in characters, masks; a line in may "
              "be a pair of texts, [\"first\", \"second\"]")
          ->needs(jsonl);
  verb->add_option("--max-length", args->max_length, "cut to so many tokens; what is cut off is in \"overflowing\"")
      ->check(CLI::NonNegativeNumber)
      ->needs(encoding);
  verb->add_option("--stride", args->stride, "tokens that neighbouring parts share")
      ->check(CLI::NonNegativeNumber)
      ->needs(encoding);
  verb->add_flag("--as-stored", args->as_stored, "apply the truncation and the padding that the file asks for")
      ->needs(encoding);
  verb->callback([args] { tokenize(*args); });
}

void add_detokenize(CLI::App& app) {
  const auto args = std::make_shared<TokenizeArgs>();
  CLI::App* verb = app.add_subcommand("detokenize", "Token ids to text: the exact bytes (with --jsonl, valid UTF-8).");
  add_common(verb, *args);
  auto* jsonl = verb->add_flag("--jsonl", args->jsonl, "in: one JSON array of ids a line; out: one JSON string a line");
  verb->add_flag("--lines", args->lines, "each line of ids is a text of its own, written as a line")->excludes(jsonl);
  verb->add_flag("--skip-special-tokens", args->skip_special, "leave special tokens out of the text");
  verb->callback([args] { detokenize(*args); });
}

}  // namespace gradus::cli
