#include "infer/beam_search.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/error.h"
#include "infer/decoding.h"

namespace gradus {

namespace {

constexpr double kOut = -1e9;  // far below any score, as transformers has it

struct Beam {
  std::vector<int32_t> ids;
  double score = kOut;
  bool finished = false;
  int64_t from = 0;  // the beam that it continues
};

// The best n by score, earlier ones first among equals.
std::vector<Beam> best_of(std::vector<Beam> all, size_t n) {
  std::stable_sort(all.begin(), all.end(), [](const Beam& a, const Beam& b) { return a.score > b.score; });
  if (all.size() > n) all.resize(n);
  return all;
}

// log softmax of one row, behind the processors.
std::vector<double> log_probabilities(const float* logits, int64_t vocab, const SamplingOptions& sampling,
                                      const std::vector<int32_t>& seen) {
  Candidates c = Candidates::of(logits, vocab);
  const double best = c.best();
  double total = 0;
  for (const Candidate& x : c.items) total += std::exp(x.logit - best);
  const double log_total = std::log(total) + best;
  for (Candidate& x : c.items) x.logit = static_cast<float>(x.logit - log_total);
  add_bias(c, sampling.logit_bias);
  penalise_repetition(c, seen, sampling.repetition_penalty);
  std::vector<double> p(static_cast<size_t>(vocab), -INFINITY);
  for (const Candidate& x : c.items) p[static_cast<size_t>(x.id)] = x.logit;
  return p;
}

class Search {
 public:
  Search(const std::vector<int32_t>& prompt, const GenerateOptions& options, const BeamOptions& beams, int64_t steps,
         int64_t vocab)
      : prompt_(prompt),
        options_(options),
        beams_(beams),
        count_(static_cast<size_t>(beams.num_beams)),
        steps_(steps),
        vocab_(vocab),
        running_(count_),
        found_(count_) {
    running_[0].score = 0;  // the others wait: all would choose the same
  }

  const std::vector<Beam>& running() const { return running_; }
  // The open ones when the search was stopped before any was finished.
  const std::vector<Beam>& found() const { return found_[0].ids.empty() ? running_ : found_; }

  // Takes the logits behind the running beams (all the same before the first step); false when the search is over.
  bool advance(const Tensor& logits) {
    const size_t wanted = std::max<size_t>(2, 1 + options_.eos.size()) * count_;
    std::vector<Beam> top = continuations(logits, wanted);
    ++length_;
    bool all_stop = true;
    for (Beam& b : top) {
      b.finished = ends(b.ids.back()) || length_ >= steps_;
      all_stop &= b.finished;
    }
    // The next beams are the best of those that go on.
    std::vector<Beam> open = top;
    for (Beam& b : open)
      if (b.finished) b.score += kOut;
    running_ = best_of(std::move(open), count_);
    collect(top);
    const double best_length = beams_.early_stopping == EarlyStopping::never && beams_.length_penalty > 0
                                   ? static_cast<double>(steps_)
                                   : static_cast<double>(length_);
    const double possible = running_[0].score / std::pow(best_length, beams_.length_penalty);
    double worst = found_[0].score;
    for (const Beam& b : found_) worst = std::min(worst, b.score);
    improvable_ = improvable_ && std::any_of(found_.begin(), found_.end(),
                                             [&](const Beam& b) { return possible > (b.finished ? worst : kOut); });
    return improvable_ && !(full() && beams_.early_stopping == EarlyStopping::yes) && !all_stop;
  }

 private:
  bool ends(int32_t id) const { return std::find(options_.eos.begin(), options_.eos.end(), id) != options_.eos.end(); }
  bool full() const {
    return std::all_of(found_.begin(), found_.end(), [](const Beam& b) { return b.finished; });
  }

  std::vector<Beam> continuations(const Tensor& logits, size_t wanted) const {
    struct Next {
      double score;
      int64_t place;  // beam * vocab + token
    };
    std::vector<Next> all;
    for (int64_t b = 0; b < static_cast<int64_t>(count_); ++b) {
      const Beam& beam = running_[static_cast<size_t>(b)];
      std::vector<int32_t> seen = prompt_;
      seen.insert(seen.end(), beam.ids.begin(), beam.ids.end());
      const int64_t row = logits.size(0) == 1 ? 0 : b;
      const auto p = log_probabilities(logits.data<float>() + row * vocab_, vocab_, options_.sampling, seen);
      for (int64_t id = 0; id < vocab_; ++id) all.push_back({p[static_cast<size_t>(id)] + beam.score, b * vocab_ + id});
    }
    wanted = std::min(wanted, all.size());
    std::partial_sort(
        all.begin(), all.begin() + static_cast<ptrdiff_t>(wanted), all.end(),
        [](const Next& a, const Next& b) { return a.score != b.score ? a.score > b.score : a.place < b.place; });
    std::vector<Beam> top;
    for (size_t i = 0; i < wanted; ++i) {
      const int64_t from = all[i].place / vocab_;
      top.push_back({running_[static_cast<size_t>(from)].ids, all[i].score, false, from});
      top.back().ids.push_back(static_cast<int32_t>(all[i].place % vocab_));
    }
    return top;
  }

  // Of the finished ones only those among the best num_beams count.
  void collect(std::vector<Beam> top) {
    const bool closed = (full() && beams_.early_stopping == EarlyStopping::yes) || !improvable_;
    const double by = std::pow(static_cast<double>(length_), beams_.length_penalty);
    for (size_t i = 0; i < top.size(); ++i) {
      Beam& b = top[i];
      b.finished = b.finished && i < count_;
      b.score = b.score / by + (closed ? kOut : 0) + (b.finished ? 0 : kOut);
    }
    std::vector<Beam> merged = std::move(found_);
    merged.insert(merged.end(), top.begin(), top.end());
    found_ = best_of(std::move(merged), count_);
  }

  const std::vector<int32_t>& prompt_;
  const GenerateOptions& options_;
  const BeamOptions& beams_;
  size_t count_;
  int64_t steps_, vocab_, length_ = 0;
  bool improvable_ = true;
  std::vector<Beam> running_, found_;
};

void check(const GenerateOptions& o, const BeamOptions& b, const std::vector<int32_t>& prompt, int64_t room) {
  const auto require = [](bool good, const std::string& what) {
    if (!good) throw ValueError("beam search", what);
  };
  o.sampling.check();
  require(b.num_beams >= 1 && b.num_beams <= 4096,
          "num_beams is " + std::to_string(b.num_beams) + ", expected 1 to 4096.");
  require(o.sequences >= 1 && o.sequences <= b.num_beams,
          std::to_string(o.sequences) + " texts are wanted of " + std::to_string(b.num_beams) + " beams.");
  require(std::isfinite(b.length_penalty), "length_penalty must be a number.");
  require(!o.grammar && !o.draft && o.prompt_cache.empty() && o.logprobs < 0,
          "works without grammar, draft model, prompt cache and log-probabilities.");
  require(!prompt.empty(), "the prompt is empty.");
  require(room >= 1, "the prompt fills the model's positions.");
  require(o.max_new_tokens >= -1, "max_new_tokens is " + std::to_string(o.max_new_tokens) + ", expected -1 or more.");
}

}  // namespace

std::vector<Continuation> beam_search(const CausalLm& model, const Tokenizer& tokenizer,
                                      const std::vector<int32_t>& prompt, const GenerateOptions& options,
                                      const BeamOptions& beams, const OnText& on_text, GenerateTiming* timing) {
  using Clock = std::chrono::steady_clock;
  const auto since = [](Clock::time_point t) { return std::chrono::duration<double>(Clock::now() - t).count(); };
  const LmShape shape = model.shape();
  const auto length = static_cast<int64_t>(prompt.size());
  const int64_t room = shape.max_positions > 0 ? shape.max_positions - length : int64_t{1} << 30;
  check(options, beams, prompt, room);
  const int64_t steps = options.max_new_tokens < 0 ? room : std::min(options.max_new_tokens, room);
  GenerateTiming spent;
  spent.prompt_tokens = length;

  Clock::time_point began = Clock::now();
  bool going = true;
  const auto go_on = [&] { return going = !on_text || on_text(0, ""); };
  Decoding decoding(model, 1, length + steps, options.cache_type);
  Tensor logits = decoding.prefill({prompt}, options.prefill_chunk, go_on);
  spent.prefill_seconds = since(began);
  began = Clock::now();
  Search search(prompt, options, beams, steps, shape.vocab);
  while (going && steps > 0 && search.advance(logits) && go_on()) {
    std::vector<int64_t> from;
    std::vector<int32_t> last;
    for (const Beam& b : search.running()) {
      from.push_back(decoding.rows() == 1 ? 0 : b.from);
      last.push_back(b.ids.back());
    }
    decoding.select_rows(from);
    logits = decoding.step(last);
    ++spent.decode_steps;
  }
  std::vector<Continuation> results;
  for (const Beam& b : search.found()) {
    if (static_cast<int64_t>(results.size()) == options.sequences) break;
    Sequence text(tokenizer, prompt, options.eos, options.stop);
    for (int32_t id : b.ids)
      if (!text.done) text.push(id);
    text.finish(going ? StopReason::length : StopReason::interrupted);
    text.result.score = b.score;
    spent.new_tokens += static_cast<int64_t>(text.result.ids.size());
    if (on_text) on_text(static_cast<int64_t>(results.size()), text.result.text);
    results.push_back(std::move(text.result));
  }
  spent.decode_seconds = since(began);
  if (timing) *timing = spent;
  return results;
}

}  // namespace gradus
