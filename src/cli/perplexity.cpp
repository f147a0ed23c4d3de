// gradus perplexity
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "cli/text_io.h"
#include "cli/verbs.h"
#include "infer/model_files.h"
#include "infer/perplexity.h"
#include "text/tokenizer.h"

namespace gradus::cli {

namespace {

struct PerplexityArguments {
  std::string model, file, prompt, dtype = "f32";
  PerplexityOptions options;
  bool json = false;
};

void run_perplexity(const PerplexityArguments& args) {
  const Tokenizer tokenizer = load_tokenizer(args.model);
  const auto model = load_causal_lm(args.model, {.dtype = dtype_from_name(args.dtype), .trainable = false});
  const std::string text = args.file.empty() ? args.prompt : read_input(args.file);
  const std::vector<int32_t> ids = tokenizer.encode(text, {.parse_special_tokens = false});
  watch_interrupts();
  std::optional<Progress> progress;
  if (is_terminal(STDERR_FILENO)) progress.emplace(static_cast<int64_t>(ids.size()), 0, "token");
  const Perplexity p = perplexity(*model, ids, args.options, [&](int64_t done, int64_t) {
    if (progress) progress->update(done, {});
    return !interrupted();
  });
  if (progress) progress->finish();
  if (interrupted()) throw CLI::RuntimeError(kInterrupted);
  const double bits = text.empty() ? 0 : p.nats / std::log(2.0) / static_cast<double>(text.size());
  if (args.json)
    write_output(dump_json(Json{{"perplexity", p.value()},
                                {"standard_error", p.standard_error()},
                                {"loss", p.loss()},
                                {"bits_per_byte", bits},
                                {"tokens", p.tokens},
                                {"bytes", text.size()},
                                {"ctx_size", p.context},
                                {"stride", p.stride}}) +
                 "\n");
  else
    write_output(
        fmt::format("perplexity     {:.4f} ± {:.4f}\nloss           {:.4f} nats a token\nbits per byte  {:.4f}\n"
                    "tokens         {}, in windows of {}, {} apart\n",
                    p.value(), p.standard_error(), p.loss(), bits, p.tokens, p.context, p.stride));
}

}  // namespace

void add_perplexity(CLI::App& app) {
  const auto args = std::make_shared<PerplexityArguments>();
  CLI::App* verb =
      app.add_subcommand("perplexity", "How surprised a language model is by a text: exp of the mean loss.");
  verb->footer(
      "The text is read through a sliding window; each token but the first is predicted once, from at least\n"
      "ctx-size - stride tokens before it. Several documents, each on its own: gradus eval.\n"
      "Example: gradus perplexity --model runs/fortunes -f held_out.txt --ctx-size 256 --json");
  verb->add_option("-m,--model", args->model, "folder with config.json, model.safetensors, tokenizer.json")->required();
  auto* file = verb->add_option("-f,--file,FILE", args->file, "the text; - : standard input");
  auto* prompt = verb->add_option("-p,--prompt", args->prompt, "the text itself");
  file->excludes(prompt);
  verb->add_option("-c,--ctx-size", args->options.context,
                   "tokens of a window; default: the model's positions, 2048 at most")
      ->check(CLI::Range(int64_t{2}, int64_t{1} << 30));
  verb->add_option("--ppl-stride,--stride", args->options.stride,
                   "tokens from one window's beginning to the next one's; default: half a window")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  verb->add_option("--dtype", args->dtype, "type to compute in")
      ->check(CLI::IsMember({"f32", "f64", "bf16", "f16"}))
      ->capture_default_str();
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->callback([args, file, prompt] {
    if (file->count() + prompt->count() == 0) throw CLI::RequiredError("-f or -p");
    run_perplexity(*args);
  });
}

}  // namespace gradus::cli
