// gradus embed | fill-mask | classify
#include <CLI/CLI.hpp>
#include <cstdio>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "cli/text_io.h"
#include "cli/usage.h"
#include "cli/verbs.h"
#include "infer/sentence_encoder.h"
#include "infer/text_heads.h"

namespace gradus::cli {

namespace {

constexpr size_t kAtOnce = 512;  // lines that are read, sorted and embedded together

struct EmbedArgs {
  std::string model;
  std::vector<std::string> texts;
  bool jsonl = false, json = false;
  int64_t top_k = 5, max_seq_length = 0;
};

// The texts of the command line, or the lines of standard input as they come; with --jsonl each is a JSON string.
template <class F>
void each_text(const EmbedArgs& args, const F& use) {
  for (const std::string& text : args.texts) use(text);
  if (!args.texts.empty()) return;
  std::string line;
  for (size_t number = 1; std::getline(std::cin, line); ++number) {
    if (!args.jsonl) {
      use(line);
      continue;
    }
    const std::string where = "line " + std::to_string(number);
    const Json text = parse_json(line, where);
    if (!text.is_string())
      throw ValueError("input", where + " holds " + text.type_name() + ", expected a JSON string.");
    use(text.get<std::string>());
  }
}

std::string array_of(const std::vector<float>& values) {
  std::string out = "[";
  char number[32];
  for (float v : values) {
    const int length = std::snprintf(number, sizeof number, "%.9g", static_cast<double>(v));
    out.append(out.size() > 1 ? ", " : "").append(number, static_cast<size_t>(length));
  }
  return out + "]\n";
}

void embed(const EmbedArgs& args) {
  SentenceEncoder encoder(args.model);
  if (args.max_seq_length > 0) encoder.set_max_seq_length(args.max_seq_length);
  std::vector<std::string> waiting;
  const auto flush = [&] {
    std::string out;
    for (const std::vector<float>& vector : encoder.encode_all(waiting)) out += array_of(vector);
    write_output(out);
    waiting.clear();
  };
  each_text(args, [&](const std::string& text) {
    waiting.push_back(text);
    if (waiting.size() == kAtOnce) flush();
  });
  flush();
}

void fill(const EmbedArgs& args) {
  const auto model = load_model(args.model, {.trainable = false});
  const Tokenizer tokenizer = Tokenizer::load(args.model);
  each_text(args, [&](const std::string& text) {
    const auto masks = fill_mask(*model, tokenizer, text, args.top_k);
    Json json = Json::array();
    for (const auto& guesses : masks) {
      Json list = Json::array();
      for (const TokenGuess& g : guesses) {
        list.push_back({{"score", g.score}, {"token", g.token}, {"token_str", g.token_str}, {"sequence", g.sequence}});
        if (!args.json) std::printf("%.4f  %-16s %s\n", g.score, g.token_str.c_str(), g.sequence.c_str());
      }
      json.push_back(list);
    }
    // As transformers' pipeline: the guesses of a single mask are not wrapped once more.
    if (args.json) write_output(dump_json(masks.size() == 1 ? json[0] : json) + "\n");
  });
}

void classify(const EmbedArgs& args) {
  const auto model = load_model(args.model, {.trainable = false});
  const Tokenizer tokenizer = Tokenizer::load(args.model);
  each_text(args, [&](const std::string& text) {
    auto labels = classify_text(*model, tokenizer, text);
    if (args.top_k > 0 && static_cast<size_t>(args.top_k) < labels.size())
      labels.resize(static_cast<size_t>(args.top_k));
    Json json = Json::array();
    std::string line;
    for (const auto& [label, score] : labels) {
      json.push_back({{"label", label}, {"score", score}});
      char number[32];
      std::snprintf(number, sizeof number, "%.4f", score);
      line += (line.empty() ? "" : "  ") + label + " " + number;
    }
    write_output(args.json ? dump_json(json) + "\n" : line + "\n");
  });
}

CLI::App* add_common(CLI::App& app, const char* name, const char* about, const std::shared_ptr<EmbedArgs>& args) {
  CLI::App* verb = app.add_subcommand(name, about);
  verb->add_option("--model", args->model, "model directory")->required();
  verb->add_option("TEXT", args->texts, "texts; without any, the lines of standard input");
  verb->add_flag("--jsonl", args->jsonl, "each line of standard input is a JSON string");
  return verb;
}

}  // namespace

void add_embed(CLI::App& app) {
  const auto args = std::make_shared<EmbedArgs>();
  CLI::App* verb = add_common(app, "embed", "Texts to vectors: a text a line in, a JSON array a line out.", args);
  verb->add_option("--max-seq-length", args->max_seq_length, "tokens of a text at most; by default what the model says")
      ->check(positive());
  verb->footer(
      "The directory is one of sentence-transformers (modules.json), or any encoder: then the vector is the mean of\n"
      "its states.\n"
      "Example: printf '\"A cat sits.\"\\n\"A dog runs.\"\\n' | gradus embed --model all-MiniLM-L6-v2 --jsonl");
  verb->callback([args] { embed(*args); });
}

void add_fill_mask(CLI::App& app) {
  const auto args = std::make_shared<EmbedArgs>();
  CLI::App* verb = add_common(app, "fill-mask", "The words that may stand at a mask, likeliest first.", args);
  verb->add_option("--top-k", args->top_k, "how many")->check(positive())->capture_default_str();
  verb->add_flag("--json", args->json, "a JSON list a text: score, token, token_str, sequence");
  verb->footer("Example: gradus fill-mask --model runs/bert 'The moon is made of [MASK] cheese.'");
  verb->callback([args] { fill(*args); });
}

void add_classify(CLI::App& app) {
  const auto args = std::make_shared<EmbedArgs>();
  args->top_k = 0;
  CLI::App* verb = add_common(app, "classify", "The labels of a text with their scores, best first.", args);
  verb->add_option("--top-k", args->top_k, "how many labels; 0: all")->check(not_negative())->capture_default_str();
  verb->add_flag("--json", args->json, "a JSON list a text: label, score");
  verb->footer("Example: gradus classify --model runs/topics 'The ship leaves the harbour.'");
  verb->callback([args] { classify(*args); });
}

}  // namespace gradus::cli
