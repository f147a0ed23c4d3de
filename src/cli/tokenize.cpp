// gradus tokenize | detokenize
#include <CLI/CLI.hpp>
#include <charconv>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "text/tokenizer.h"

namespace gradus::cli {

namespace {

struct Args {
  std::string tokenizer, file = "-";
  bool jsonl = false, lines = false;
  bool add_special = true, special_as_text = false, skip_special = false;
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

void tokenize(const Args& args) {
  const Tokenizer tokenizer = Tokenizer::load(args.tokenizer);
  EncodeOptions options;
  options.add_special_tokens = args.add_special;
  options.parse_special_tokens = !args.special_as_text;
  if (args.jsonl) {
    each_line(args.file, [&](std::string_view line, size_t number) {
      const Json text = parse_line(line, number);
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

void detokenize(const Args& args) {
  const Tokenizer tokenizer = Tokenizer::load(args.tokenizer);
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

void add_common(CLI::App* verb, Args& args) {
  verb->add_option("--tokenizer", args.tokenizer, "folder with tokenizer.json, or the file")->required();
  verb->add_option("FILE", args.file, "input; - : standard input")->capture_default_str();
}

}  // namespace

void add_tokenize(CLI::App& app) {
  const auto args = std::make_shared<Args>();
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
  verb->callback([args] { tokenize(*args); });
}

void add_detokenize(CLI::App& app) {
  const auto args = std::make_shared<Args>();
  CLI::App* verb = app.add_subcommand("detokenize", "Token ids to text: the exact bytes (with --jsonl, valid UTF-8).");
  add_common(verb, *args);
  auto* jsonl = verb->add_flag("--jsonl", args->jsonl, "in: one JSON array of ids a line; out: one JSON string a line");
  verb->add_flag("--lines", args->lines, "each line of ids is a text of its own, written as a line")->excludes(jsonl);
  verb->add_flag("--skip-special-tokens", args->skip_special, "leave special tokens out of the text");
  verb->callback([args] { detokenize(*args); });
}

}  // namespace gradus::cli
