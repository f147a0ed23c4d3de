// gradus bench embed
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "cli/text_io.h"
#include "cli/usage.h"
#include "cli/verbs.h"
#include "infer/sentence_encoder.h"

namespace gradus::cli {

namespace {

struct BenchEmbedArgs {
  std::string model, file;
  bool json = false;
  int64_t sentences = 512, batch = 32, max_tokens = 256, rounds = 3;
};

std::vector<std::string> sentences_of(const std::string& file, int64_t most) {
  std::vector<std::string> lines;
  const std::string text = read_input(file);
  for (size_t begin = 0; begin < text.size() && static_cast<int64_t>(lines.size()) < most;) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (end - begin > 20) lines.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  if (lines.empty()) throw ValueError("bench embed", file + " has no line of more than 20 characters.");
  return lines;
}

void run(const BenchEmbedArgs& args) {
  using Clock = std::chrono::steady_clock;
  const auto seconds_since = [](Clock::time_point t) {
    return std::chrono::duration<double>(Clock::now() - t).count();
  };
  const auto begin = Clock::now();
  SentenceEncoder encoder(args.model);
  const double load = seconds_since(begin);
  encoder.set_max_seq_length(args.max_tokens);
  const std::vector<std::string> lines = sentences_of(args.file, args.sentences);
  int64_t tokens = 0;
  for (const std::string& line : lines) tokens += static_cast<int64_t>(encoder.tokenize(line).size());
  double best = 1e300;
  for (int64_t round = 0; round < args.rounds; ++round) {
    const auto start = Clock::now();
    encoder.encode_all(lines, static_cast<size_t>(args.batch));
    best = std::min(best, seconds_since(start));
  }
  const auto count = static_cast<double>(lines.size());
  const Json result = {{"sentences_per_s", count / best},
                       {"tokens_per_s", static_cast<double>(tokens) / best},
                       {"sentences", lines.size()},
                       {"tokens", tokens},
                       {"load_ms", load * 1e3}};
  if (args.json)
    std::printf("%s\n", dump_json(result).c_str());
  else
    for (const auto& [key, value] : result.items()) std::printf("%-16s %s\n", key.c_str(), dump_json(value).c_str());
}

}  // namespace

void add_bench_embed(CLI::App& bench) {
  const auto args = std::make_shared<BenchEmbedArgs>();
  CLI::App* verb = bench.add_subcommand("embed", "Sentences a second, tokenizing included; the best of some rounds.");
  verb->add_option("--model", args->model, "directory of sentence-transformers")->required();
  verb->add_option("FILE", args->file, "text; lines of more than 20 characters are the sentences")->required();
  verb->add_option("--sentences", args->sentences, "the first so many")->check(positive())->capture_default_str();
  verb->add_option("--batch", args->batch, "sentences together, sorted by length")
      ->check(positive())
      ->capture_default_str();
  verb->add_option("--max-tokens", args->max_tokens, "of a sentence")->check(positive())->capture_default_str();
  verb->add_option("--rounds", args->rounds, "times to embed it all")->check(positive())->capture_default_str();
  verb->add_flag("--json", args->json, "one JSON object on standard output");
  verb->callback([args] { run(*args); });
}

}  // namespace gradus::cli
