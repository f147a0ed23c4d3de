#include "infer/perplexity.h"

#include <algorithm>
#include <cmath>

#include "autograd/autograd.h"
#include "base/error.h"
#include "ops/loss.h"
#include "ops/shape.h"

namespace gradus {

double Perplexity::loss() const { return tokens > 0 ? nats / static_cast<double>(tokens) : 0; }
double Perplexity::value() const { return std::exp(loss()); }
double Perplexity::standard_error() const {
  if (tokens < 2) return 0;
  const auto n = static_cast<double>(tokens);
  const double variance = std::max(squares / n - loss() * loss(), 0.0) / (n - 1);
  return std::sqrt(variance) * value();
}

Perplexity perplexity(const CausalLm& model, const std::vector<int32_t>& tokens, PerplexityOptions options,
                      const std::function<bool(int64_t done, int64_t total)>& on_window) {
  const int64_t positions = model.shape().max_positions, total = static_cast<int64_t>(tokens.size());
  if (total < 2)
    throw ValueError("perplexity", "the text has " + std::to_string(total) + " tokens, expected at least 2.",
                     "only a token with one before it is predicted.");
  Perplexity p;
  p.context = options.context > 0 ? options.context : std::min<int64_t>(positions > 0 ? positions : 2048, 2048);
  p.stride = options.stride > 0 ? options.stride : std::max<int64_t>(p.context / 2, 1);
  if (options.context < 0 || options.stride < 0 || p.context < 2 || (positions > 0 && p.context > positions))
    throw ValueError("perplexity", "the window has " + std::to_string(p.context) +
                                       " tokens, expected 2 to the model's " + std::to_string(positions) +
                                       " positions.");
  if (p.stride > p.context)
    throw ValueError("perplexity", "the stride of " + std::to_string(p.stride) + " is more than the window's " +
                                       std::to_string(p.context) + " tokens: some would never be predicted.");
  const NoGrad no_grad;
  int64_t done = 1;  // tokens that are predicted, or have nothing before them
  for (int64_t begin = 0; done < total; begin += p.stride) {
    const int64_t end = std::min(begin + p.context, total), first = std::max(done, begin + 1);
    const std::vector<int64_t> ids(tokens.begin() + begin, tokens.begin() + end);
    LmInput in;
    in.input_ids = from_vector(ids, {1, end - begin});
    const Tensor hidden = model.hidden(in, {});
    constexpr int64_t kRows = 256;  // whose logits are held at a time
    for (int64_t at = first; at < end; at += kRows) {
      const int64_t n = std::min(kRows, end - at);
      const std::vector<int64_t> labels(tokens.begin() + at, tokens.begin() + at + n);
      const Tensor rows = reshape(narrow(hidden, 1, at - 1 - begin, n), {n, hidden.size(2)});
      for (double nats : cross_entropies(model.logits(rows), from_vector(labels, {n})).to_vector<double>()) {
        p.nats += nats;
        p.squares += nats * nats;
      }
      p.tokens += n;
    }
    done = end;
    if (on_window && !on_window(done, total)) break;
  }
  return p;
}

}  // namespace gradus
