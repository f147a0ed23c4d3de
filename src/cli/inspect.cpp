#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/describe.h"
#include "cli/verbs.h"

namespace gradus::cli {

void add_inspect(CLI::App& app) {
  auto* verb = app.add_subcommand("inspect", "say what a file or folder holds: tensors, configs, tokenizers, runs");
  struct Arguments {
    std::string path;
    bool json = false;
  };
  auto args = std::make_shared<Arguments>();
  verb->add_option("PATH", args->path,
                   ".safetensors or index.json, .gguf, .bin, .pth, .npz, .npy, model or run folder, config.json, "
                   "tokenizer.json, metrics.jsonl, event file")
      ->required();
  verb->add_flag("--json", args->json, "one JSON object on stdout");
  verb->callback([args] {
    const Json description = describe(args->path);
    const std::string text = args->json ? dump_json(description) + "\n" : text_of(description);
    std::fwrite(text.data(), 1, text.size(), stdout);
  });
}

}  // namespace gradus::cli
