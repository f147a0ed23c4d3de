#include "infer/generate.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/error.h"
#include "infer/decoding.h"
#include "infer/prompt_cache.h"

namespace gradus {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

void require(bool good, const std::string& what, const char* hint = "") {
  if (!good) throw ValueError("generate", what, hint);
}

void check(const GenerateOptions& o, const std::vector<std::vector<int32_t>>& prompts, const CausalLm& model) {
  o.sampling.check();
  require(o.max_new_tokens >= -1, "max_new_tokens is " + std::to_string(o.max_new_tokens) + ", expected -1 or more.");
  require(o.sequences >= 1, "sequences is " + std::to_string(o.sequences) + ", expected 1 or more.");
  require(o.prefill_chunk >= 1, "prefill_chunk is " + std::to_string(o.prefill_chunk) + ", expected 1 or more.");
  require(!prompts.empty(), "there is no prompt.");
  const int64_t positions = model.shape().max_positions;
  for (const auto& prompt : prompts) {
    require(!prompt.empty(), "the prompt is empty.", "begin with the model's first token (bos or eos).");
    const auto length = static_cast<int64_t>(prompt.size());
    require(positions <= 0 || length < positions || o.max_new_tokens == 0,
            "the prompt has " + std::to_string(length) + " tokens, and the model " + std::to_string(positions) +
                " positions for prompt and text together.",
            "shorten the prompt.");
  }
  const bool single = prompts.size() == 1 && o.sequences == 1;
  require(o.prompt_cache.empty() || prompts.size() == 1, "a prompt cache is for one prompt.");
  if (!o.draft) return;
  require(single, "speculative decoding is for one text at a time.");
  require(o.draft_tokens >= 1 && o.draft_tokens <= KvCache::kTakeBack / 2,
          "draft_tokens is " + std::to_string(o.draft_tokens) + ", expected 1 to " +
              std::to_string(KvCache::kTakeBack / 2) + ".");
  require(o.draft->shape().vocab == model.shape().vocab,
          "the draft model has " + std::to_string(o.draft->shape().vocab) + " tokens, the model " +
              std::to_string(model.shape().vocab) + ".",
          "take a draft model with the same tokenizer.");
}

// One text, what it may be, and how its tokens are picked.
class Row {
 public:
  Row(const Tokenizer& tokenizer, const std::vector<int32_t>& prompt, const GenerateOptions& options, int64_t index)
      : sequence(tokenizer, prompt, options.eos, options.stop),
        tokenizer_(tokenizer),
        options_(options),
        index_(index) {
    if (options.grammar) grammar_.emplace(options.grammar);
  }

  Sequence sequence;

  /// Picks and takes the next token; nothing when no token is allowed. Gives the text that became certain.
  std::optional<int32_t> advance(const float* logits, int64_t vocab, std::string& text) {
    const std::optional<int32_t> id = choose(logits, vocab);
    if (!id) {
      text = sequence.finish(StopReason::grammar);
      return id;
    }
    if (options_.logprobs >= 0) sequence.result.logprobs.push_back(logprobs_of(logits, vocab, *id, options_.logprobs));
    if (grammar_ && !sequence.ends(*id)) grammar_->push(tokenizer_.bytes_of(*id));
    ++position_;
    text = sequence.push(*id);
    return id;
  }

 private:
  bool allowed(int32_t id) const {
    if (sequence.ends(id)) return grammar_->complete();
    if (id >= tokenizer_.vocab_size() || tokenizer_.is_special(id)) return false;
    const std::string_view bytes = tokenizer_.bytes_of(id);
    return !bytes.empty() && grammar_->accepts(bytes);
  }

  std::optional<int32_t> choose(const float* logits, int64_t vocab) {
    Candidates all = Candidates::of(logits, vocab);
    MirostatState mirostat = mirostat_;
    int32_t id = pick(options_.sampling, filter(options_.sampling, grammar_ ? all : std::move(all), sequence.seen),
                      index_, position_, &mirostat);
    if (grammar_ && !allowed(id)) {
      // To draw again among what is allowed gives each token the share that it has there.
      const auto out = [this](const Candidate& c) { return !allowed(c.id); };
      all.items.erase(std::remove_if(all.items.begin(), all.items.end(), out), all.items.end());
      if (all.items.empty()) return std::nullopt;
      mirostat = mirostat_;
      constexpr int64_t kSecondDraw = int64_t{1} << 40;  // a random number of its own
      id = pick(options_.sampling, filter(options_.sampling, std::move(all), sequence.seen), index_ + kSecondDraw,
                position_, &mirostat);
    }
    mirostat_ = mirostat;
    return id;
  }

  const Tokenizer& tokenizer_;
  const GenerateOptions& options_;
  int64_t index_, position_ = 0;
  MirostatState mirostat_;
  std::optional<GrammarState> grammar_;
};

// The guesses of the draft model behind `text`: its likeliest tokens.
std::vector<int32_t> guess(Decoding& draft, const std::vector<int32_t>& text, int64_t count, int64_t vocab) {
  std::vector<int32_t> unread(text.begin() + draft.length(), text.end()), guesses;
  while (static_cast<int64_t>(guesses.size()) < count) {
    const Tensor logits = draft.read(unread);
    const float* last = logits.data<float>() + (logits.size(0) - 1) * vocab;
    guesses.push_back(static_cast<int32_t>(std::max_element(last, last + vocab) - last));
    unread = {guesses.back()};
  }
  return guesses;
}

class Generation {
 public:
  Generation(const CausalLm& model, const Tokenizer& tokenizer, const std::vector<std::vector<int32_t>>& prompts,
             const GenerateOptions& options, const OnText& on_text)
      : model_(model), prompts_(prompts), options_(options), on_text_(on_text), vocab_(model.shape().vocab) {
    for (const auto& prompt : prompts)
      for (int64_t i = 0; i < options.sequences; ++i)
        rows_.emplace_back(tokenizer, prompt, options, static_cast<int64_t>(rows_.size()));
    int64_t longest = 0;
    for (const auto& prompt : prompts) {
      longest = std::max(longest, static_cast<int64_t>(prompt.size()));
      timing.prompt_tokens += static_cast<int64_t>(prompt.size());
    }
    const int64_t positions = model.shape().max_positions;
    const int64_t room = positions > 0 ? std::max<int64_t>(positions - longest, 0) : int64_t{1} << 40;
    const int64_t wanted = options.max_new_tokens < 0 ? room : options.max_new_tokens;
    steps_ = std::min(wanted, room);
    at_end_ = wanted <= room && options.max_new_tokens >= 0 ? StopReason::length : StopReason::positions;
    capacity_ = longest + std::max<int64_t>(steps_ - 1, 0) + (options.draft ? options.draft_tokens + 1 : 0);
  }

  GenerateTiming timing;

  std::vector<Continuation> run() {
    Clock::time_point began = Clock::now();
    Decoding decoding(model_, static_cast<int64_t>(prompts_.size()), capacity_, options_.cache_type);
    Tensor logits = read_prompts(decoding);
    timing.prefill_seconds = seconds_since(began);
    began = Clock::now();
    if (steps_ > 0 && going_) {
      if (options_.draft)
        decode_with_draft(decoding, logits);
      else
        decode(decoding, logits);
    }
    std::vector<Continuation> results;
    for (size_t i = 0; i < rows_.size(); ++i) {
      const std::string rest = rows_[i].sequence.finish(going_ ? at_end_ : StopReason::interrupted);
      if (on_text_ && !rest.empty()) on_text_(static_cast<int64_t>(i), rest);
      results.push_back(std::move(rows_[i].sequence.result));
    }
    timing.decode_seconds = seconds_since(began);
    return results;
  }

 private:
  void report(size_t row, const std::string& text) {
    if (on_text_ && !on_text_(static_cast<int64_t>(row), text)) going_ = false;
  }

  Tensor read_prompts(Decoding& decoding) {
    const bool cached = !options_.prompt_cache.empty();
    if (cached) timing.cached_tokens = load_prompt_cache(options_.prompt_cache, model_, prompts_[0], decoding);
    const Tensor logits = decoding.prefill(prompts_, options_.prefill_chunk, [&] {
      report(0, "");
      return going_;
    });
    if (cached && going_ && timing.cached_tokens + 1 < static_cast<int64_t>(prompts_[0].size()))
      save_prompt_cache(options_.prompt_cache, model_, decoding);
    if (options_.sequences > 1 && steps_ > 1 && going_) {
      std::vector<int64_t> from;
      for (size_t i = 0; i < rows_.size(); ++i) from.push_back(static_cast<int64_t>(i) / options_.sequences);
      decoding.select_rows(from);
    }
    return logits;
  }

  void decode(Decoding& decoding, Tensor logits) {
    std::vector<int32_t> last(rows_.size());
    for (int64_t step = 0; step < steps_ && going_; ++step) {
      // after the prompts there is a row of logits a prompt, later one a sequence
      const int64_t share = logits.size(0) == static_cast<int64_t>(rows_.size()) ? 1 : options_.sequences;
      for (size_t i = 0; i < rows_.size(); ++i) {
        Row& row = rows_[i];
        if (row.sequence.done) continue;  // it is computed with the others and not looked at
        std::string text;
        const auto id = row.advance(logits.data<float>() + static_cast<int64_t>(i) / share * vocab_, vocab_, text);
        if (id) last[i] = *id, ++timing.new_tokens;
        report(i, text);
      }
      const bool all_done = std::all_of(rows_.begin(), rows_.end(), [](const Row& r) { return r.sequence.done; });
      if (all_done || step + 1 == steps_ || !going_) break;
      logits = decoding.step(last);
      ++timing.decode_steps;
    }
  }

  void decode_with_draft(Decoding& decoding, const Tensor& first) {
    Row& row = rows_[0];
    Decoding draft(*options_.draft, 1, capacity_, options_.cache_type);
    draft.prefill(prompts_, options_.prefill_chunk);
    int64_t made = 0;
    const auto take = [&](const float* logits) {
      std::string text;
      const auto id = row.advance(logits, vocab_, text);
      if (id) ++made, ++timing.new_tokens;
      report(0, text);
      return id;
    };
    std::optional<int32_t> id = take(first.data<float>());
    while (id && !row.sequence.done && made < steps_ && going_) {
      const int64_t before = decoding.length(), expires = model_.cache_expires_at();
      int64_t count = std::min(options_.draft_tokens, steps_ - made - 1);
      // one pass must not reach from the frequencies of a short text into those of a long one
      if (before + 1 < expires) count = std::min(count, expires - 1 - (before + 1));
      std::vector<int32_t> read{*id};
      const std::vector<int32_t> guesses =
          count > 0 ? guess(draft, row.sequence.seen, count, vocab_) : std::vector<int32_t>();
      read.insert(read.end(), guesses.begin(), guesses.end());
      const Tensor logits = decoding.read(read);
      ++timing.decode_steps;
      timing.drafted += count;
      size_t kept = 0;  // guesses that are what the model picks
      while (true) {
        id = take(logits.data<float>() + static_cast<int64_t>(kept) * vocab_);
        if (!id || row.sequence.done || made >= steps_ || !going_) return;
        if (kept >= guesses.size() || *id != guesses[kept]) break;
        ++kept, ++timing.accepted;
      }
      const int64_t good = before + 1 + static_cast<int64_t>(kept);
      decoding.cut(good);
      if (draft.length() > good) draft.cut(good);
    }
  }

  const CausalLm& model_;
  const std::vector<std::vector<int32_t>>& prompts_;
  const GenerateOptions& options_;
  const OnText& on_text_;
  int64_t vocab_, steps_ = 0, capacity_ = 0;
  StopReason at_end_ = StopReason::length;
  std::vector<Row> rows_;
  bool going_ = true;
};

}  // namespace

std::vector<Continuation> generate(const CausalLm& model, const Tokenizer& tokenizer,
                                   const std::vector<std::vector<int32_t>>& prompts, const GenerateOptions& options,
                                   const OnText& on_text, GenerateTiming* timing) {
  check(options, prompts, model);
  Generation generation(model, tokenizer, prompts, options, on_text);
  std::vector<Continuation> results = generation.run();
  if (timing) *timing = generation.timing;
  return results;
}

std::vector<Continuation> generate(const CausalLm& model, const Tokenizer& tokenizer,
                                   const std::vector<int32_t>& prompt, const GenerateOptions& options,
                                   const OnText& on_text, GenerateTiming* timing) {
  return generate(model, tokenizer, std::vector<std::vector<int32_t>>{prompt}, options, on_text, timing);
}

}  // namespace gradus
