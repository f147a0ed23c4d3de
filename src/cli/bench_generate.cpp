// gradus bench generate
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "autograd/autograd.h"
#include "base/error.h"
#include "base/json.h"
#include "base/parallel.h"
#include "base/random.h"
#include "cli/bench_timing.h"
#include "cli/verbs.h"
#include "models/model.h"
#include "ops/shape.h"

namespace gradus::cli {

namespace {

struct BenchGenerateArgs {
  std::string model;
  int64_t prompt = 512, count = 64, rounds = 3;
  bool json = false, unpacked = false;
};

// Bytes a second that reading memory once reaches on all threads: the ceiling of decoding, which reads every weight
// once for each token.
double memory_bandwidth() {
  constexpr int64_t kBytes = int64_t{1} << 28;
  const Tensor block = empty({kBytes / 8}, Dtype::i64);
  std::memset(block.raw(), 1, block.bytes());
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    const double begin = seconds_now();
    const Tensor sums = empty({kBytes >> 20}, Dtype::i64);
    parallel_for(kBytes >> 20, 1, [&](int64_t first, int64_t last) {
      for (int64_t piece = first; piece < last; ++piece) {
        const int64_t* p = block.data<int64_t>() + piece * (1 << 17);
        int64_t sum[8] = {};
        for (int64_t i = 0; i < (1 << 17); i += 8)
          for (int64_t lane = 0; lane < 8; ++lane) sum[lane] += p[i + lane];
        for (int64_t lane = 1; lane < 8; ++lane) sum[0] += sum[lane];
        sums.data<int64_t>()[piece] = sum[0];
      }
    });
    best = std::max(best, static_cast<double>(kBytes) / (seconds_now() - begin));
  }
  return best;
}

// Bytes of weights that a token needs: all but the rows of an embedding that is looked up only.
uint64_t bytes_read_per_token(const CausalLm& model) {
  uint64_t bytes = 0;
  const void* head = model.head().id();
  for (const Parameter& p : model.parameters().all()) {
    const bool table = p.value.rank() == 2 && p.value.size(0) == model.shape().vocab && p.value.id() != head;
    if (!table) bytes += p.packed.defined() ? p.packed.bytes() : p.value.bytes();
  }
  return bytes;
}

void bench_generate(const BenchGenerateArgs& args) {
  const NoGrad no_grad;
  double begin = seconds_now();
  const auto model = load_causal_lm(args.model, {.trainable = false, .packed_weights = !args.unpacked});
  const double load = seconds_now() - begin;
  const LmShape shape = model->shape();
  if (shape.max_positions > 0 && args.prompt + args.count > shape.max_positions)
    throw ValueError("bench generate", "the model has " + std::to_string(shape.max_positions) + " positions.",
                     "choose fewer tokens with --prompt and --new.");
  const RandomKey key{1, 0};
  std::vector<int64_t> ids;
  for (int64_t i = 0; i < args.prompt; ++i)
    ids.push_back(static_cast<int64_t>(key.below(static_cast<uint64_t>(shape.vocab), static_cast<uint64_t>(i))));
  const Tensor prompt = from_vector(ids, {1, args.prompt});
  std::vector<double> prefill, decode;
  double first_token = 0;
  for (int64_t round = 0; round < args.rounds; ++round) {
    KvCache cache = model->make_cache(1, args.prompt + args.count);
    const auto next = [&](const Tensor& tokens) {
      LmInput in;
      in.input_ids = tokens;
      in.cache = &cache;
      const Tensor hidden = model->hidden(in, {});
      const Tensor logits = model->logits(select(hidden, 1, hidden.size(1) - 1));
      const auto* p = logits.data<float>();
      return static_cast<int64_t>(std::max_element(p, p + logits.count()) - p);
    };
    begin = seconds_now();
    int64_t id = next(prompt);
    prefill.push_back(seconds_now() - begin);
    if (round == 0) first_token = load + prefill.back();
    begin = seconds_now();
    for (int64_t i = 0; i < args.count; ++i) id = next(from_vector<int64_t>({id}, {1, 1}));
    decode.push_back(seconds_now() - begin);
  }
  const double decode_rate = static_cast<double>(args.count) / median(decode);
  const double bandwidth = memory_bandwidth();
  const auto bytes = static_cast<double>(bytes_read_per_token(*model));
  const Json result = {{"prefill_tok_s", static_cast<double>(args.prompt) / median(prefill)},
                       {"decode_tok_s", decode_rate},
                       {"load_s", load},
                       {"first_token_s", first_token},
                       {"weight_bytes_per_token", bytes},
                       {"memory_bytes_s", bandwidth},
                       {"bandwidth_share", bytes * decode_rate / bandwidth},
                       {"prompt", args.prompt},
                       {"new", args.count},
                       {"threads", threads()}};
  if (args.json)
    std::printf("%s\n", dump_json(result).c_str());
  else
    for (const auto& [name, value] : result.items()) std::printf("%-22s %s\n", name.c_str(), dump_json(value).c_str());
}

}  // namespace

void add_bench_generate(CLI::App& bench) {
  const auto args = std::make_shared<BenchGenerateArgs>();
  CLI::App* verb = bench.add_subcommand(
      "generate", "Tokens/s of reading a prompt and of continuing it one token at a time, on random tokens.");
  verb->footer(
      "bandwidth_share: bytes of weights read a second, of what reading memory reaches here.\n"
      "Example: gradus bench generate --model model.gguf --prompt 512 --new 64 --json");
  verb->add_option("-m,--model", args->model, "model folder or GGUF file")->required();
  verb->add_option("--prompt", args->prompt, "tokens of the prompt")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30))
      ->capture_default_str();
  verb->add_option("--new", args->count, "tokens to make")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30))
      ->capture_default_str();
  verb->add_option("--rounds", args->rounds, "times to do it; the median counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  verb->add_flag("--unpacked", args->unpacked, "unpack all weights to f32 when loading");
  verb->add_flag("--json", args->json, "one JSON object on standard output");
  verb->callback([args] { bench_generate(*args); });
}

}  // namespace gradus::cli
