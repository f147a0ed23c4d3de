#include "infer/sequence.h"

#include <algorithm>
#include <cmath>

#include "infer/sampler.h"

namespace gradus {

const char* name_of(StopReason reason) {
  switch (reason) {
    case StopReason::eos: return "eos";
    case StopReason::stop_string: return "stop_string";
    case StopReason::length: return "length";
    case StopReason::positions: return "positions";
    case StopReason::grammar: return "grammar";
    case StopReason::interrupted: break;
  }
  return "interrupted";
}

Sequence::Sequence(const Tokenizer& tokenizer, const std::vector<int32_t>& prompt, const std::vector<int32_t>& eos,
                   const std::vector<std::string>& stop)
    : seen(prompt), tokenizer_(tokenizer), decoder_(tokenizer), stops_(stop), eos_(eos) {}

bool Sequence::ends(int32_t id) const { return std::find(eos_.begin(), eos_.end(), id) != eos_.end(); }

std::string Sequence::push(int32_t id) {
  seen.push_back(id);
  result.ids.push_back(id);
  if (ends(id)) return finish(StopReason::eos);
  if (id >= tokenizer_.vocab_size()) return "";  // a row of the output layer that stands for no token
  return add(stops_.push(decoder_.push(id)));
}

std::string Sequence::finish(StopReason reason) {
  if (done) return "";
  done = true;
  result.reason = reason;
  std::string rest = stops_.push(decoder_.finish());
  rest += stops_.finish();
  result.text += rest;
  return rest;
}

std::string Sequence::add(std::string text) {
  result.text += text;
  if (stops_.stopped()) {
    done = true;
    result.reason = StopReason::stop_string;
    result.stop = stops_.matched();
  }
  return text;
}

StepLogprobs logprobs_of(const float* logits, int64_t vocab, int32_t picked, int64_t n) {
  Candidates c = Candidates::of(logits, vocab);
  const double best = c.best();
  double total = 0;
  for (const Candidate& x : c.items) total += std::exp(x.logit - best);
  const double log_total = std::log(total) + best;
  StepLogprobs step;
  step.picked = {picked, logits[picked] - log_total};
  c.keep_best(static_cast<size_t>(n));
  if (n > 0)
    for (const Candidate& x : c.items) step.top.push_back({x.id, x.logit - log_total});
  return step;
}

}  // namespace gradus
