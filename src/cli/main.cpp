#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>

#include "base/error.h"
#include "base/version.h"
#include "cli/interrupt.h"
#include "cli/usage.h"
#include "cli/verbs.h"

namespace {

constexpr int kFailed = 1, kUsage = 2;

// One line a verb, in the order that --help lists them.
// clang-format off
constexpr gradus::cli::AddVerb kVerbs[] = {
    gradus::cli::add_train,
    gradus::cli::add_generate,
    gradus::cli::add_chat,
    gradus::cli::add_eval,
    gradus::cli::add_perplexity,
    gradus::cli::add_run,
    gradus::cli::add_embed,
    gradus::cli::add_fill_mask,
    gradus::cli::add_classify,
    gradus::cli::add_tokenizer,
    gradus::cli::add_tokenize,
    gradus::cli::add_detokenize,
    gradus::cli::add_plot,
    gradus::cli::add_compare,
    gradus::cli::add_sweep,
    gradus::cli::add_inspect,
    gradus::cli::add_convert,
    gradus::cli::add_quantize,
    gradus::cli::add_doctor,
    gradus::cli::add_bench,
    gradus::cli::add_profile,
    gradus::cli::add_lab,
    gradus::cli::add_word2vec,
};
// clang-format on

int run(int argc, char** argv) {
  CLI::App app{"Gradus: train, fine-tune, run and inspect neural networks without Python.", "gradus"};
  app.set_version_flag("--version", std::string("gradus ") + gradus::version());
  app.require_subcommand(1);
  for (const auto add : kVerbs) add(app);
  if (const std::string unknown = gradus::cli::unknown_verb(app, argc, argv); !unknown.empty()) {
    std::fprintf(stderr, "%s\n", unknown.c_str());
    return kUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& e) {  // --help and --version
    return app.exit(e);
  } catch (const CLI::RuntimeError& e) {  // how a verb asks for an exit code of its own
    return e.get_exit_code();
  } catch (const CLI::ParseError& e) {
    app.exit(e);
    return kUsage;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  gradus::cli::exit_on_interrupt();
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fflush(stdout);
    std::fprintf(stderr, "gradus: %s\n", e.what());
    return kFailed;
  }
}
