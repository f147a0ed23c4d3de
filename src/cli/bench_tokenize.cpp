// gradus bench tokenize
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "infer/model_files.h"
#include "text/tokenizer.h"

namespace gradus::cli {

namespace {

struct BenchTokenizeArgs {
  std::string tokenizer, file;
  bool json = false;
  int rounds = 5;
};

double cpu_seconds() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

void run(const BenchTokenizeArgs& args) {
  const double before_load = cpu_seconds();
  const Tokenizer tokenizer = load_tokenizer(args.tokenizer);
  const double load = cpu_seconds() - before_load;
  const std::string text = read_input(args.file);
  if (text.empty()) throw ValueError("bench tokenize", args.file + " is empty.");
  std::vector<std::string_view> documents;  // of 50 lines
  size_t begin = 0;
  int lines = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] == '\n' && ++lines % 50 == 0) || i + 1 == text.size()) {
      documents.push_back(std::string_view(text).substr(begin, i + 1 - begin));
      begin = i + 1;
    }
  }
  std::vector<double> seconds;
  size_t tokens = 0;
  for (int round = 0; round < args.rounds; ++round) {
    const double start = cpu_seconds();
    tokens = 0;
    for (std::string_view document : documents) tokens += tokenizer.encode(document).size();
    seconds.push_back(cpu_seconds() - start);
  }
  const double first = seconds.front();
  std::nth_element(seconds.begin(), seconds.begin() + args.rounds / 2, seconds.end());
  const double megabytes = static_cast<double>(text.size()) * 1e-6;
  const Json result = {{"mb_s", megabytes / seconds[args.rounds / 2]},
                       {"first_mb_s", megabytes / first},
                       {"bytes_per_token", static_cast<double>(text.size()) / static_cast<double>(tokens)},
                       {"load_ms", load * 1e3},
                       {"tokens", tokens},
                       {"documents", documents.size()}};
  if (args.json)
    std::printf("%s\n", dump_json(result).c_str());
  else
    for (const auto& [key, value] : result.items()) std::printf("%-16s %s\n", key.c_str(), dump_json(value).c_str());
}

}  // namespace

void add_bench_tokenize(CLI::App& bench) {
  const auto args = std::make_shared<BenchTokenizeArgs>();
  CLI::App* verb =
      bench.add_subcommand("tokenize", "MB/s of encoding documents of 50 lines, one thread, processor time.");
  verb->add_option("--tokenizer", args->tokenizer,
                   "tokenizer.json, a folder with one, or a vocabulary of another form (see tokenizer convert)")
      ->required();
  verb->add_option("FILE", args->file, "text to encode")->required();
  verb->add_option("--rounds", args->rounds, "times to encode it all; the median counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  verb->add_flag("--json", args->json, "one JSON object on standard output");
  verb->callback([args] { run(*args); });
}

}  // namespace gradus::cli
