// gradus convert, gradus quantize
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/json.h"
#include "cli/format.h"
#include "cli/progress.h"
#include "cli/usage.h"
#include "cli/verbs.h"
#include "io/convert.h"

namespace gradus::cli {

namespace {

struct Arguments {
  std::string source, destination, type, embedding_type;
  double shard_gigabytes = 0;
  bool json = false;
};

constexpr const char* kTypes =
    "f32, f16, bf16; in a GGUF file also q8_0, q4_0, q4_1, q5_0, q5_1, q2_k, q3_k, q4_k, q5_k, q6_k";

void convert(const Arguments& args) {
  ConvertOptions options;
  options.type = args.type;
  options.embedding_type = args.embedding_type;
  options.max_shard_bytes = static_cast<uint64_t>(args.shard_gigabytes * 1e9);
  std::optional<Progress> progress;
  options.on_tensor = [&](const std::string& name, size_t done, size_t total) {
    if (!is_terminal(STDERR_FILENO)) return;
    if (!progress) progress.emplace(static_cast<int64_t>(total), 0, "tensor");
    progress->update(static_cast<int64_t>(done), {{"", name}});
  };
  const ConvertReport report = convert_checkpoint(args.source, args.destination, options);
  if (progress) progress->finish();
  for (const std::string& note : report.notes) std::fprintf(stderr, "note: %s\n", note.c_str());
  const std::string text = args.json ? dump_json(Json{{"destination", args.destination},
                                                      {"tensors", report.tensors},
                                                      {"bytes_read", report.bytes_read},
                                                      {"bytes_written", report.bytes_written},
                                                      {"files", report.files},
                                                      {"notes", report.notes}}) +
                                           "\n"
                                     : fmt::format("{}: {} tensors, {} -> {}, checked\n", args.destination,
                                                   report.tensors, human_bytes(static_cast<double>(report.bytes_read)),
                                                   human_bytes(static_cast<double>(report.bytes_written)));
  std::fwrite(text.data(), 1, text.size(), stdout);
}

CLI::App* add_verb(CLI::App& app, const char* name, const char* what, const std::shared_ptr<Arguments>& args) {
  CLI::App* verb = app.add_subcommand(name, what);
  verb->add_option("SRC", args->source, "Hugging Face folder, .gguf, .safetensors, .bin, .pth, .npz")->required();
  verb->add_option("DST", args->destination, "a file that ends in .gguf or .safetensors, or a folder")->required();
  verb->add_option("--token-embedding-type", args->embedding_type,
                   "another type for embedding and output matrix (GGUF)");
  verb->add_flag("--json", args->json, "what was done, as one JSON object on stdout");
  return verb;
}

}  // namespace

void add_convert(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  CLI::App* verb = add_verb(app, "convert", "Convert a checkpoint between Hugging Face folders and GGUF files.", args);
  verb->footer(
      "What no option changes is copied byte for byte: folder -> folder, and folder -> GGUF -> folder.\n"
      "Tensors are converted one at a time, and the result is read again and compared.\n"
      "Example: gradus convert SmolLM2-135M smollm2.gguf --type q8_0");
  verb->add_option("--type,--outtype", args->type, std::string(kTypes) + "; default: as stored");
  verb->add_option("--max-shard-size", args->shard_gigabytes, "cut a folder's weights into files of so many GB")
      ->check(positive());
  verb->callback([args] { convert(*args); });
}

void add_quantize(CLI::App& app) {
  const auto args = std::make_shared<Arguments>();
  CLI::App* verb =
      add_verb(app, "quantize", "Pack the matrices of a model into blocks of small integers (GGUF).", args);
  verb->footer("Example: gradus quantize smollm2-f16.gguf smollm2-q4.gguf --type q4_k");
  verb->add_option("TYPE,--type", args->type, kTypes)->required();
  verb->callback([args] { convert(*args); });
}

}  // namespace gradus::cli
