#pragma once
// The table of verbs. Each lives in one file, adds its subcommand to `app` and sets a callback that does the work;
// main() turns what the callback throws into messages and exit codes.
namespace CLI {
class App;
}

namespace gradus::cli {

using AddVerb = void (*)(CLI::App& app);

void add_tokenize(CLI::App& app);
void add_detokenize(CLI::App& app);
void add_tokenizer(CLI::App& app);
void add_run(CLI::App& app);
void add_train(CLI::App& app);
void add_plot(CLI::App& app);
void add_inspect(CLI::App& app);
void add_convert(CLI::App& app);
void add_quantize(CLI::App& app);
void add_doctor(CLI::App& app);
void add_bench(CLI::App& app);
void add_generate(CLI::App& app);
void add_eval(CLI::App& app);
void add_perplexity(CLI::App& app);
void add_chat(CLI::App& app);
void add_profile(CLI::App& app);
void add_lab(CLI::App& app);
void add_embed(CLI::App& app);
void add_fill_mask(CLI::App& app);
void add_classify(CLI::App& app);
void add_compare(CLI::App& app);
void add_sweep(CLI::App& app);
void add_word2vec(CLI::App& app);

/// A subcommand of `bench`.
void add_bench_tokenize(CLI::App& bench);
void add_bench_train(CLI::App& bench);
void add_bench_ops(CLI::App& bench);
void add_bench_generate(CLI::App& bench);
void add_bench_optim(CLI::App& bench);
void add_bench_embed(CLI::App& bench);

/// A subcommand of `tokenizer`.
void add_tokenizer_chat(CLI::App& tokenizer);
void add_tokenizer_convert(CLI::App& tokenizer);
void add_tokenizer_inspect(CLI::App& tokenizer);
void add_tokenizer_check(CLI::App& tokenizer);

/// A subcommand of `lab`.
void add_lab_gradient(CLI::App& lab);
void add_lab_init(CLI::App& lab);
void add_lab_attention_scale(CLI::App& lab);
void add_lab_quadratic(CLI::App& lab);
void add_lab_lr_range(CLI::App& lab);
void add_lab_spikes(CLI::App& lab);
void add_lab_surrogates(CLI::App& lab);

}  // namespace gradus::cli
