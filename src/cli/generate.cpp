// gradus generate
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/sampling_arguments.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "infer/model_files.h"

namespace gradus::cli {

namespace {

struct GenerateArguments {
  std::string model, file, separator = "---", dtype = "f32", early_stopping = "no", prompt_cache;
  std::vector<std::string> prompts;
  int64_t count = 128, sequences = 1, logprobs = -1, num_beams = 1;
  double length_penalty = 1;
  SamplingArguments sampling;
  bool ignore_eos = false, echo = false, json = false, verbose = false;
};

std::vector<std::string> prompts_of(const GenerateArguments& args) {
  if (args.file.empty()) return args.prompts.empty() ? std::vector<std::string>{""} : args.prompts;
  std::string text = read_input(args.file);
  if (!text.empty() && text.back() == '\n') text.pop_back();
  return {text};
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

Json logprob_json(const TokenLogprob& x, const Tokenizer& tokenizer) {
  return {{"id", x.id},
          {"token", x.id < tokenizer.vocab_size() ? tokenizer.decode({x.id}) : std::string()},
          {"logprob", x.logprob}};
}

Json logprobs_json(const std::vector<StepLogprobs>& steps, const Tokenizer& tokenizer) {
  Json list = Json::array();
  for (const StepLogprobs& step : steps) {
    Json one = logprob_json(step.picked, tokenizer);
    one["top_logprobs"] = Json::array();
    for (const TokenLogprob& x : step.top) one["top_logprobs"].push_back(logprob_json(x, tokenizer));
    list.push_back(one);
  }
  return list;
}

struct Prompt {
  std::string text;
  std::vector<int32_t> ids;
};

void print_json(const std::vector<Continuation>& texts, const std::vector<Prompt>& prompts,
                const GenerateArguments& args, const Tokenizer& tokenizer, const GenerateOptions& options,
                const GenerateTiming& timing) {
  for (size_t i = 0; i < texts.size(); ++i) {
    const Continuation& text = texts[i];
    const Prompt& prompt = prompts[i / static_cast<size_t>(args.sequences)];
    Json line = {{"sequence", i},     {"prompt", prompt.text}, {"prompt_token_ids", prompt.ids},
                 {"text", text.text}, {"token_ids", text.ids}, {"stop_reason", name_of(text.reason)}};
    if (text.reason == StopReason::stop_string) line["stop_string"] = text.stop;
    if (args.logprobs >= 0) line["logprobs"] = logprobs_json(text.logprobs, tokenizer);
    if (args.num_beams > 1) line["score"] = text.score;
    line["seed"] = options.sampling.seed;
    line["timing"] = timing_json(timing, static_cast<int64_t>(texts.size()));
    if (options.draft) line["timing"]["drafted"] = timing.drafted, line["timing"]["accepted"] = timing.accepted;
    if (!args.prompt_cache.empty()) line["timing"]["cached_tokens"] = timing.cached_tokens;
    print_text(dump_json(line) + "\n");
  }
}

std::vector<Continuation> make_texts(const GenerateArguments& args, const CausalLm& model, const Tokenizer& tokenizer,
                                     const std::vector<Prompt>& prompts, const GenerateOptions& options,
                                     const OnText& on_text, GenerateTiming& timing) {
  if (args.num_beams > 1) {
    if (prompts.size() != 1) throw ValueError("generate", "beam search takes one prompt.");
    const BeamOptions beams{args.num_beams, args.length_penalty,
                            args.early_stopping == "yes"     ? EarlyStopping::yes
                            : args.early_stopping == "never" ? EarlyStopping::never
                                                             : EarlyStopping::no};
    return beam_search(model, tokenizer, prompts[0].ids, options, beams, on_text, &timing);
  }
  std::vector<std::vector<int32_t>> ids;
  for (const Prompt& prompt : prompts) ids.push_back(prompt.ids);
  return generate(model, tokenizer, ids, options, on_text, &timing);
}

void run_generate(const GenerateArguments& args) {
  const Tokenizer tokenizer = load_tokenizer(args.model);
  const Dtype dtype = dtype_from_name(args.dtype);
  const auto model =
      load_causal_lm(args.model, {.dtype = dtype, .trainable = false, .packed_weights = dtype == Dtype::f32});
  const GenerationConfig config = read_generation_config(args.model, *model, tokenizer);
  std::unique_ptr<CausalLm> draft;
  GenerateOptions options = args.sampling.options(config, dtype, draft);
  options.max_new_tokens = args.count;
  options.sequences = args.sequences;
  options.logprobs = args.logprobs;
  options.prompt_cache = args.prompt_cache;
  if (!args.ignore_eos) options.eos = config.eos;
  std::vector<Prompt> prompts;
  for (const std::string& text : prompts_of(args)) prompts.push_back({text, prompt_tokens(tokenizer, config, text)});

  watch_interrupts();
  const bool stream = !args.json;
  if (stream && args.echo) print_text(prompts[0].text);
  GenerateTiming timing;
  const auto on_text = [&](int64_t sequence, std::string_view text) {
    if (stream && sequence == 0 && !text.empty()) print_text(text);
    return !interrupted();
  };
  const std::vector<Continuation> texts = make_texts(args, *model, tokenizer, prompts, options, on_text, timing);
  if (stream) {
    // The first came as it was made; the others follow.
    std::string_view last = texts.front().text;
    for (size_t i = 1; i < texts.size(); ++i) {
      print_text((!last.empty() && last.back() == '\n' ? "" : "\n") + args.separator + "\n" +
                 (args.echo ? prompts[i / static_cast<size_t>(args.sequences)].text : std::string()) + texts[i].text);
      last = texts[i].text;
    }
    const bool ended = !last.empty() && last.back() == '\n';
    if (is_terminal(STDOUT_FILENO) && !ended) print_text("\n");
  } else {
    print_json(texts, prompts, args, tokenizer, options, timing);
  }
  if (args.verbose || is_terminal(STDERR_FILENO))
    std::fprintf(
        stderr, "%s\n",
        fmt::format("prompt: {} tokens in {:.3f} s ({:.0f}/s); text: {} tokens in {:.3f} s ({:.1f}/s), ended by "
                    "{}; seed {}",
                    timing.prompt_tokens, timing.prefill_seconds, rate(timing.prompt_tokens, timing.prefill_seconds),
                    timing.new_tokens, timing.decode_seconds,
                    rate(timing.decode_steps * static_cast<int64_t>(texts.size()), timing.decode_seconds),
                    name_of(texts.front().reason), options.sampling.seed)
            .c_str());
  if (interrupted()) throw CLI::RuntimeError(kInterrupted);
}

}  // namespace

void add_generate(CLI::App& app) {
  const auto args = std::make_shared<GenerateArguments>();
  CLI::App* verb = app.add_subcommand("generate", "Continue a prompt with a language model; the text goes to stdout.");
  verb->footer(
      "The settings apply in this order: logit bias, penalties, temperature, top-k, top-p, min-p, typical. Those that\n"
      "are not given come from the model's generation_config.json when it has them. Equal seeds give equal texts.\n"
      "Example: gradus generate --model runs/fortunes -p \"Love is\" -n 100 --temp 0.8 --top-p 0.95 --stop $'\\n\\n'");
  verb->add_option("-m,--model", args->model,
                   "folder with config.json, model.safetensors, tokenizer.json, or a GGUF file")
      ->required();
  auto* prompt = verb->add_option("-p,--prompt", args->prompts,
                                  "text to continue; empty: a new text; several, one batch: give it several times")
                     ->take_all()
                     ->expected(1);
  verb->add_option("-f,--file", args->file, "read the prompt from a file (its last line break left out); - : stdin")
      ->excludes(prompt);
  verb->add_option("-n,--max-new-tokens,--predict,--n-predict", args->count,
                   "tokens at most; -1: as many as the model has positions for")
      ->check(CLI::Range(int64_t{-1}, int64_t{1} << 40))
      ->capture_default_str();
  args->sampling.add_to(*verb);
  verb->add_option("-N,--num-return-sequences", args->sequences, "texts to make of each prompt")
      ->check(CLI::Range(int64_t{1}, int64_t{4096}))
      ->capture_default_str();
  verb->add_option("--num-beams", args->num_beams, "search along so many beams instead of drawing; 1: off")
      ->check(CLI::Range(int64_t{1}, int64_t{4096}))
      ->capture_default_str();
  verb->add_option("--length-penalty", args->length_penalty, "beams: log-probability / length^this is a text's score")
      ->capture_default_str();
  verb->add_option(
          "--early-stopping", args->early_stopping,
          "beams: end with as many finished texts as beams: yes, no (when none looks better), never (when none "
          "can become better)")
      ->check(CLI::IsMember({"yes", "no", "never"}))
      ->capture_default_str();
  verb->add_option("--logprobs,--n-probs", args->logprobs,
                   "with --json: log-probabilities of the tokens, and of so many likeliest ones at each place")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 20));
  verb->add_option("--prompt-cache", args->prompt_cache,
                   "keep what was read of the prompt in this file, and read it from there next time");
  verb->add_option("--separator", args->separator, "line between the texts of -N")->capture_default_str();
  verb->add_flag("--ignore-eos", args->ignore_eos, "go on after the end-of-text token");
  verb->add_flag("--echo", args->echo, "print the prompt before the text");
  verb->add_option("--dtype", args->dtype, "type to compute in")
      ->check(CLI::IsMember({"f32", "f64", "bf16", "f16"}))
      ->capture_default_str();
  verb->add_flag("--json", args->json,
                 "one JSON object a text: text, token_ids, stop_reason (eos, stop_string, length, positions, "
                 "grammar, interrupted), prompt, prompt_token_ids, seed, timing; with --logprobs: logprobs; with "
                 "--num-beams: score");
  verb->add_flag("-v,--verbose", args->verbose, "say on stderr how long it took, also when that is no terminal");
  verb->callback([args] { run_generate(*args); });
}

}  // namespace gradus::cli
