#include "cli/sampling_arguments.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <random>

#include "base/error.h"
#include "base/json.h"
#include "cli/text_io.h"
#include "cli/usage.h"
#include "infer/json_schema.h"

namespace gradus::cli {

namespace {

// "15+2.5", "15-1" or "15-inf": llama.cpp's TOKEN_ID(+/-)BIAS.
std::pair<int32_t, double> bias_of(const std::string& text) {
  const size_t sign = text.find_first_of("+-", 1);
  try {
    if (sign == text.npos) throw std::invalid_argument(text);
    size_t used = 0, used_bias = 0;
    const int id = std::stoi(text.substr(0, sign), &used);
    const double bias = std::stod(text.substr(sign), &used_bias);
    if (used != sign || used_bias != text.size() - sign || id < 0) throw std::invalid_argument(text);
    return {id, bias};
  } catch (const std::logic_error&) {
    throw ValueError("generate", "the logit bias \"" + text + "\" is not TOKEN_ID+BIAS or TOKEN_ID-BIAS.",
                     "for example 15+1.5, or 15-inf to forbid the token.");
  }
}

}  // namespace

void SamplingArguments::add_to(CLI::App& verb) {
  const auto share = CLI::Range(0.0, 1.0);
  verb.add_option("--temp,--temperature", temperature,
                  "0: always the likeliest token; default " + fmt::format("{}", kDefaultTemperature))
      ->check(not_negative());
  verb.add_option("--top-k", top_k, "only the k likeliest tokens; 0: off, the default")->check(not_negative());
  verb.add_option("--top-p", top_p, "only the likeliest tokens that together reach p; 1: off, the default")
      ->check(share);
  verb.add_option("--min-p", min_p, "only tokens at least p times as likely as the likeliest; 0: off, the default")
      ->check(share);
  verb.add_option("--typical,--typical-p", typical_p,
                  "only the tokens of nearly expected surprise that together reach p; 1: off, the default")
      ->check(share);
  verb.add_option("--repeat-penalty,--repetition-penalty", repeat_penalty,
                  "divides positive and multiplies negative logits of tokens that occurred; 1: off, the default")
      ->check(positive());
  verb.add_option("--presence-penalty", presence_penalty, "taken from logits of tokens that occurred; 0: off")
      ->capture_default_str();
  verb.add_option("--frequency-penalty", frequency_penalty, "the same for each time that they did; 0: off")
      ->capture_default_str();
  verb.add_option("--repeat-last-n", repeat_last_n, "tokens that the penalties look at; -1: all, 0: none")
      ->check(CLI::Range(int64_t{-1}, int64_t{1} << 40))
      ->capture_default_str();
  verb.add_option("--mirostat", mirostat, "in the place of the filters: 1 or 2; 0: off")
      ->check(CLI::Range(0, 2))
      ->capture_default_str();
  verb.add_option("--mirostat-ent", mirostat_tau, "the surprise that Mirostat holds to, in bits")
      ->check(positive())
      ->capture_default_str();
  verb.add_option("--mirostat-lr", mirostat_eta, "how fast it learns")->check(not_negative())->capture_default_str();
  verb.add_option("-l,--logit-bias", logit_bias,
                  "TOKEN_ID+BIAS or TOKEN_ID-BIAS, as 15-inf; may be given several times")
      ->take_all()
      ->expected(1);
  verb.add_option("-s,--seed", seed, "of the random numbers; default: a new one each time");
  verb.add_option("--stop,-r,--reverse-prompt", stop, "end before this string; may be given several times")
      ->take_all()
      ->expected(1);
  auto* grammar_option = verb.add_option("--grammar", grammar, "what the text may be, in llama.cpp's GBNF");
  auto* file_option = verb.add_option("--grammar-file", grammar_file, "the same from a file");
  auto* schema_option = verb.add_option("-j,--json-schema", json_schema, "the text is JSON that fits this JSON schema");
  auto* schema_file_option = verb.add_option("--json-schema-file,--jf", json_schema_file, "the same from a file");
  auto* object_option = verb.add_flag("--json-object", json_object, "the text is a JSON value");
  const std::vector<CLI::Option*> all{grammar_option, file_option, schema_option, schema_file_option, object_option};
  for (size_t i = 0; i < all.size(); ++i)
    for (size_t j = i + 1; j < all.size(); ++j) all[i]->excludes(all[j]);
  verb.add_option("--cache-type", cache_type, "keys and values are kept as: model (its dtype) or q8_0")
      ->check(CLI::IsMember({"model", "q8_0"}))
      ->capture_default_str();
  verb.add_option("--model-draft,--md", draft_model, "a smaller model of the same vocabulary that guesses ahead");
  verb.add_option("--draft,--draft-max", draft_tokens, "tokens that it guesses")
      ->check(CLI::Range(int64_t{1}, KvCache::kTakeBack / 2))
      ->capture_default_str();
  verb.add_option("--batch-size,-b", chunk, "tokens of a prompt that are read at a time")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30))
      ->capture_default_str();
}

SamplingOptions SamplingArguments::sampling(const GenerationConfig& config) const {
  SamplingOptions s;
  s.temperature = temperature.value_or(config.temperature.value_or(kDefaultTemperature));
  s.top_k = top_k.value_or(config.top_k.value_or(0));
  s.top_p = top_p.value_or(config.top_p.value_or(1));
  s.min_p = min_p.value_or(config.min_p.value_or(0));
  s.typical_p = typical_p.value_or(1);
  s.repetition_penalty = repeat_penalty.value_or(config.repetition_penalty.value_or(1));
  s.presence_penalty = presence_penalty;
  s.frequency_penalty = frequency_penalty;
  s.repeat_last_n = repeat_last_n;
  s.mirostat = mirostat;
  s.mirostat_tau = mirostat_tau;
  s.mirostat_eta = mirostat_eta;
  for (const std::string& text : logit_bias) s.logit_bias.insert_or_assign(bias_of(text).first, bias_of(text).second);
  s.seed = seed ? *seed : std::random_device()();
  return s;
}

GenerateOptions SamplingArguments::options(const GenerationConfig& config, Dtype dtype,
                                           std::unique_ptr<CausalLm>& draft) const {
  GenerateOptions o;
  o.sampling = sampling(config);
  o.stop = stop;
  o.prefill_chunk = chunk;
  o.cache_type = cache_type == "q8_0" ? KvType::q8_0 : KvType::model;
  std::string gbnf = !grammar_file.empty() ? read_input(grammar_file) : grammar;
  if (json_object) gbnf = grammar_of_json();
  if (!json_schema.empty()) gbnf = grammar_of_json_schema(parse_json(json_schema, "--json-schema"));
  if (!json_schema_file.empty())
    gbnf = grammar_of_json_schema(parse_json(read_input(json_schema_file), json_schema_file));
  if (!gbnf.empty()) o.grammar = std::make_shared<Grammar>(Grammar::parse(gbnf));
  if (!draft_model.empty()) {
    draft = load_causal_lm(draft_model, {.dtype = dtype, .trainable = false, .packed_weights = dtype == Dtype::f32});
    o.draft = draft.get();
    o.draft_tokens = draft_tokens;
  }
  return o;
}

}  // namespace gradus::cli
