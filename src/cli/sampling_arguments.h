#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "infer/beam_search.h"
#include "infer/generation_config.h"

namespace CLI {
class App;
}

namespace gradus::cli {

/// What generate and chat ask alike, under llama.cpp's names.
struct SamplingArguments {
  std::optional<double> temperature, top_p, min_p, typical_p, repeat_penalty;
  std::optional<int64_t> top_k;
  double presence_penalty = 0, frequency_penalty = 0, mirostat_tau = 5, mirostat_eta = 0.1;
  int64_t repeat_last_n = -1;
  int mirostat = 0;
  std::optional<uint64_t> seed;
  std::vector<std::string> logit_bias, stop;
  std::string grammar, grammar_file, json_schema, json_schema_file, cache_type = "model";
  bool json_object = false;
  std::string draft_model;
  int64_t draft_tokens = 8, chunk = 512;

  void add_to(CLI::App& verb);
  /// The command line first, then generation_config.json, then the defaults of the help text. Without a seed a new one.
  SamplingOptions sampling(const GenerationConfig& config) const;
  /// All but eos, max_new_tokens and sequences. `draft` receives the draft model, which must outlive the options.
  GenerateOptions options(const GenerationConfig& config, Dtype dtype, std::unique_ptr<CausalLm>& draft) const;
};

constexpr double kDefaultTemperature = 0.8;

}  // namespace gradus::cli
