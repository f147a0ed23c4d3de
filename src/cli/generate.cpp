// gradus generate
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>

#include "base/error.h"
#include "base/json.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "infer/generate.h"
#include "infer/generation_config.h"

namespace gradus::cli {

namespace {

struct GenerateArguments {
  std::string model, prompt, file, separator = "---", dtype = "f32";
  int64_t count = 128, sequences = 1;
  std::optional<double> temperature, top_p, min_p, repeat_penalty;
  std::optional<int64_t> top_k;
  std::optional<uint64_t> seed;
  std::vector<std::string> stop;
  bool ignore_eos = false, echo = false, json = false, verbose = false;
};

constexpr double kTemperature = 0.8;

// The command line first, then generation_config.json, then the defaults of the help text.
SamplingOptions sampling(const GenerateArguments& args, const GenerationConfig& config) {
  SamplingOptions s;
  s.temperature = args.temperature.value_or(config.temperature.value_or(kTemperature));
  s.top_k = args.top_k.value_or(config.top_k.value_or(0));
  s.top_p = args.top_p.value_or(config.top_p.value_or(1));
  s.min_p = args.min_p.value_or(config.min_p.value_or(0));
  s.repetition_penalty = args.repeat_penalty.value_or(config.repetition_penalty.value_or(1));
  s.seed = args.seed ? *args.seed : std::random_device()();
  return s;
}

std::string prompt_of(const GenerateArguments& args) {
  if (args.file.empty()) return args.prompt;
  std::string text = read_input(args.file);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

double rate(int64_t count, double seconds) { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }

Json timing_json(const GenerateTiming& t, int64_t sequences) {
  return {{"prefill_s", t.prefill_seconds},
          {"decode_s", t.decode_seconds},
          {"prefill_tok_s", rate(t.prompt_tokens, t.prefill_seconds)},
          {"decode_tok_s", rate(t.decode_steps * sequences, t.decode_seconds)}};
}

void print_text(std::string_view text) {
  write_output(text);
  std::fflush(stdout);
}

void print_json(const std::vector<Continuation>& texts, const std::string& prompt, const std::vector<int32_t>& ids,
                uint64_t seed, const GenerateTiming& timing) {
  for (size_t i = 0; i < texts.size(); ++i) {
    const Continuation& text = texts[i];
    Json line = {{"sequence", i},     {"prompt", prompt},      {"prompt_token_ids", ids},
                 {"text", text.text}, {"token_ids", text.ids}, {"stop_reason", name_of(text.reason)}};
    if (text.reason == StopReason::stop_string) line["stop_string"] = text.stop;
    line["seed"] = seed;
    line["timing"] = timing_json(timing, static_cast<int64_t>(texts.size()));
    print_text(dump_json(line) + "\n");
  }
}

void run_generate(const GenerateArguments& args) {
  const Tokenizer tokenizer = Tokenizer::load(args.model);
  const auto model = load_causal_lm(args.model, {.dtype = dtype_from_name(args.dtype), .trainable = false});
  const GenerationConfig config = read_generation_config(args.model, *model, tokenizer);
  GenerateOptions options;
  options.sampling = sampling(args, config);
  options.max_new_tokens = args.count;
  options.sequences = args.sequences;
  options.stop = args.stop;
  if (!args.ignore_eos) options.eos = config.eos;
  const std::string prompt = prompt_of(args);
  const std::vector<int32_t> ids = prompt_tokens(tokenizer, config, prompt);

  watch_interrupts();
  const bool stream = !args.json;
  if (stream && args.echo) print_text(prompt);
  GenerateTiming timing;
  const auto on_text = [&](int64_t sequence, std::string_view text) {
    if (stream && sequence == 0 && !text.empty()) print_text(text);
    return !interrupted();
  };
  const std::vector<Continuation> texts = generate(*model, tokenizer, ids, options, on_text, &timing);
  if (stream) {
    // The first came as it was made; the others follow.
    std::string_view last = texts.front().text;
    for (size_t i = 1; i < texts.size(); ++i) {
      print_text((!last.empty() && last.back() == '\n' ? "" : "\n") + args.separator + "\n" +
                 (args.echo ? prompt : std::string()) + texts[i].text);
      last = texts[i].text;
    }
    const bool ended = !last.empty() && last.back() == '\n';
    if (is_terminal(STDOUT_FILENO) && !ended) print_text("\n");
  } else {
    print_json(texts, prompt, ids, options.sampling.seed, timing);
  }
  if (args.verbose || is_terminal(STDERR_FILENO))
    std::fprintf(
        stderr, "%s\n",
        fmt::format("prompt: {} tokens in {:.3f} s ({:.0f}/s); text: {} tokens in {:.3f} s ({:.1f}/s), ended by "
                    "{}; seed {}",
                    timing.prompt_tokens, timing.prefill_seconds, rate(timing.prompt_tokens, timing.prefill_seconds),
                    timing.new_tokens, timing.decode_seconds,
                    rate(timing.decode_steps * args.sequences, timing.decode_seconds), name_of(texts.front().reason),
                    options.sampling.seed)
            .c_str());
  if (interrupted()) throw CLI::RuntimeError(kInterrupted);
}

}  // namespace

void add_generate(CLI::App& app) {
  const auto args = std::make_shared<GenerateArguments>();
  CLI::App* verb = app.add_subcommand("generate", "Continue a prompt with a language model; the text goes to stdout.");
  verb->footer(
      "The settings apply in this order: repetition penalty, temperature, top-k, top-p, min-p. Those that are not\n"
      "given come from the model's generation_config.json when it has them. Equal seeds give equal texts.\n"
      "Example: gradus generate --model runs/fortunes -p \"Love is\" -n 100 --temp 0.8 --top-p 0.95 --stop $'\\n\\n'");
  verb->add_option("-m,--model", args->model, "folder with config.json, model.safetensors, tokenizer.json")->required();
  auto* prompt = verb->add_option("-p,--prompt", args->prompt, "text to continue; empty: a new text");
  verb->add_option("-f,--file", args->file, "read the prompt from a file (its last line break left out); - : stdin")
      ->excludes(prompt);
  verb->add_option("-n,--max-new-tokens", args->count, "tokens at most; -1: as many as the model has positions for")
      ->check(CLI::Range(int64_t{-1}, int64_t{1} << 40))
      ->capture_default_str();
  verb->add_option("--temp,--temperature", args->temperature,
                   "0: always the likeliest token; default " + fmt::format("{}", kTemperature))
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--top-k", args->top_k, "only the k likeliest tokens; 0: off, the default")
      ->check(CLI::NonNegativeNumber);
  verb->add_option("--top-p", args->top_p, "only the likeliest tokens that together reach p; 1: off, the default")
      ->check(CLI::Range(0.0, 1.0));
  verb->add_option("--min-p", args->min_p,
                   "only tokens at least p times as likely as the likeliest; 0: off, the default")
      ->check(CLI::Range(0.0, 1.0));
  verb->add_option("--repeat-penalty,--repetition-penalty", args->repeat_penalty,
                   "divides positive and multiplies negative logits of tokens that occurred; 1: off, the default")
      ->check(CLI::PositiveNumber);
  verb->add_option("--seed", args->seed, "of the random numbers; default: a new one each time");
  verb->add_option("--stop", args->stop, "end before this string; may be given several times")->take_all()->expected(1);
  verb->add_option("-N,--num-return-sequences", args->sequences, "texts to make")
      ->check(CLI::Range(int64_t{1}, int64_t{4096}))
      ->capture_default_str();
  verb->add_option("--separator", args->separator, "line between the texts of -N")->capture_default_str();
  verb->add_flag("--ignore-eos", args->ignore_eos, "go on after the end-of-text token");
  verb->add_flag("--echo", args->echo, "print the prompt before the text");
  verb->add_option("--dtype", args->dtype, "type to compute in")
      ->check(CLI::IsMember({"f32", "f64", "bf16", "f16"}))
      ->capture_default_str();
  verb->add_flag("--json", args->json,
                 "one JSON object a text: text, token_ids, stop_reason (eos, stop_string, length, positions, "
                 "interrupted), prompt, prompt_token_ids, seed, timing");
  verb->add_flag("-v,--verbose", args->verbose, "say on stderr how long it took, also when that is no terminal");
  verb->callback([args] { run_generate(*args); });
}

}  // namespace gradus::cli
