#include "infer/generate.h"

#include <algorithm>
#include <chrono>

#include "autograd/autograd.h"
#include "base/error.h"
#include "infer/stop_strings.h"
#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// One text in the making.
class Sequence {
 public:
  Sequence(const Tokenizer& tokenizer, const std::vector<int32_t>& prompt, const GenerateOptions& options)
      : seen(prompt), tokenizer_(tokenizer), decoder_(tokenizer), stops_(options.stop), eos_(options.eos) {}

  std::vector<int32_t> seen;  ///< prompt and text
  Continuation result;
  bool done = false;

  /// Takes the next token and gives the text that became certain.
  std::string push(int32_t id) {
    seen.push_back(id);
    result.ids.push_back(id);
    if (std::find(eos_.begin(), eos_.end(), id) != eos_.end()) return finish(StopReason::eos);
    if (id >= tokenizer_.vocab_size()) return "";  // a row of the output layer that stands for no token
    return add(stops_.push(decoder_.push(id)));
  }

  /// Ends the text and gives what was held back.
  std::string finish(StopReason reason) {
    if (done) return "";
    done = true;
    result.reason = reason;
    std::string rest = stops_.push(decoder_.finish());
    rest += stops_.finish();
    result.text += rest;
    return rest;
  }

 private:
  std::string add(std::string text) {
    result.text += text;
    if (stops_.stopped()) {
      done = true;
      result.reason = StopReason::stop_string;
      result.stop = stops_.matched();
    }
    return text;
  }

  const Tokenizer& tokenizer_;
  StreamDecoder decoder_;
  StopStrings stops_;
  const std::vector<int32_t>& eos_;
};

// The cache of one sequence, given to each of `batch` that go on from there.
KvCache repeat(const CausalLm& model, const KvCache& one, int64_t batch, int64_t capacity) {
  KvCache all = model.make_cache(batch, capacity);
  all.length = one.length;
  for (size_t i = 0; i < one.layers.size(); ++i)
    for (const auto& [from, to] :
         {std::pair{&one.layers[i].k, &all.layers[i].k}, {&one.layers[i].v, &all.layers[i].v}}) {
      const Tensor target = narrow(*to, 1, 0, one.length);
      kernels(to->device()).copy({.x = expand(narrow(*from, 1, 0, one.length), target.shape()), .y = target});
    }
  return all;
}

// Logits (B, vocab) f32 behind the last of the tokens (B, T).
Tensor next_logits(const CausalLm& model, const Tensor& ids, KvCache& cache) {
  LmInput in;
  in.input_ids = ids;
  in.cache = &cache;
  const Tensor hidden = model.hidden(in, {});
  return contiguous(cast(model.logits(select(hidden, 1, hidden.size(1) - 1)), Dtype::f32));
}

void check(const GenerateOptions& o, const std::vector<int32_t>& prompt, int64_t positions) {
  o.sampling.check();
  if (o.max_new_tokens < -1)
    throw ValueError("generate", "max_new_tokens is " + std::to_string(o.max_new_tokens) + ", expected -1 or more.");
  if (o.sequences < 1)
    throw ValueError("generate", "sequences is " + std::to_string(o.sequences) + ", expected 1 or more.");
  if (o.prefill_chunk < 1)
    throw ValueError("generate", "prefill_chunk is " + std::to_string(o.prefill_chunk) + ", expected 1 or more.");
  if (prompt.empty())
    throw ValueError("generate", "the prompt is empty.", "begin with the model's first token (bos or eos).");
  const auto length = static_cast<int64_t>(prompt.size());
  if (positions > 0 && length >= positions && o.max_new_tokens != 0)
    throw ValueError("generate",
                     "the prompt has " + std::to_string(length) + " tokens, and the model " +
                         std::to_string(positions) + " positions for prompt and text together.",
                     "shorten the prompt.");
}

}  // namespace

const char* name_of(StopReason reason) {
  switch (reason) {
    case StopReason::eos: return "eos";
    case StopReason::stop_string: return "stop_string";
    case StopReason::length: return "length";
    case StopReason::positions: return "positions";
    case StopReason::interrupted: break;
  }
  return "interrupted";
}

std::vector<Continuation> generate(const CausalLm& model, const Tokenizer& tokenizer,
                                   const std::vector<int32_t>& prompt, const GenerateOptions& options,
                                   const OnText& on_text, GenerateTiming* timing) {
  const NoGrad no_grad;
  const LmShape shape = model.shape();
  check(options, prompt, shape.max_positions);
  const auto length = static_cast<int64_t>(prompt.size());
  const int64_t room = shape.max_positions > 0 ? shape.max_positions - length : int64_t{1} << 40;
  const int64_t wanted = options.max_new_tokens < 0 ? room : options.max_new_tokens;
  const int64_t steps = std::min(wanted, room);
  const StopReason at_end = wanted <= room && options.max_new_tokens >= 0 ? StopReason::length : StopReason::positions;

  GenerateTiming spent;
  spent.prompt_tokens = length;
  std::vector<Sequence> texts(static_cast<size_t>(options.sequences), Sequence(tokenizer, prompt, options));
  bool going = true;
  const auto report = [&](int64_t sequence, const std::string& text) {
    if (on_text && !on_text(sequence, text)) going = false;
  };

  Clock::time_point began = Clock::now();
  const int64_t capacity = length + std::max<int64_t>(steps - 1, 0);
  const bool single = options.sequences == 1;
  KvCache cache = model.make_cache(1, single ? capacity : length);
  Tensor logits;
  for (int64_t at = 0; at < length && going; at += options.prefill_chunk) {
    const int64_t n = std::min(options.prefill_chunk, length - at);
    const std::vector<int64_t> ids(prompt.begin() + at, prompt.begin() + at + n);
    logits = next_logits(model, from_vector(ids, {1, n}), cache);
    report(0, "");
  }
  spent.prefill_seconds = seconds_since(began);

  began = Clock::now();
  if (!single && steps > 1 && going) cache = repeat(model, cache, options.sequences, capacity);
  std::vector<int64_t> last(texts.size(), prompt.back());
  for (int64_t step = 0; step < steps && going; ++step) {
    for (size_t i = 0; i < texts.size(); ++i) {
      Sequence& text = texts[i];
      if (text.done) continue;  // its row is computed with the others and not looked at
      const int64_t row = logits.size(0) == 1 ? 0 : static_cast<int64_t>(i);
      const int32_t id = sample(options.sampling, logits.data<float>() + row * shape.vocab, shape.vocab, text.seen,
                                static_cast<int64_t>(i), step);
      last[i] = id;
      ++spent.new_tokens;
      report(static_cast<int64_t>(i), text.push(id));
    }
    const bool all_done = std::all_of(texts.begin(), texts.end(), [](const Sequence& t) { return t.done; });
    if (all_done || step + 1 == steps || !going) break;
    logits = next_logits(model, from_vector(last, {options.sequences, 1}), cache);
    ++spent.decode_steps;
  }
  const StopReason reason = going ? at_end : StopReason::interrupted;
  std::vector<Continuation> results;
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::string rest = texts[i].finish(reason);
    if (on_text && !rest.empty()) on_text(static_cast<int64_t>(i), rest);
    results.push_back(std::move(texts[i].result));
  }
  spent.decode_seconds = seconds_since(began);
  if (timing) *timing = spent;
  return results;
}

}  // namespace gradus
