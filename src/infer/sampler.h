#pragma once
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace gradus {

/// A token that may come next.
struct Candidate {
  int32_t id;
  float logit;
};

/// The tokens that are still in play. Filters work on it one after another; each keeps at least one token.
struct Candidates {
  std::vector<Candidate> items;
  /// The first `ordered` items are the best ones: by falling logit, equal ones by rising id.
  size_t ordered = 0;

  /// All of the vocabulary but tokens of logit -inf. Throws ValueError for NaN and +inf, and when nothing is left.
  static Candidates of(const float* logits, int64_t vocab);
  /// Brings the best n (or all) to the front, in order.
  void order(size_t n);
  /// Keeps the best n. Keeps all when n is not smaller than their number.
  void keep_best(size_t n);
  /// The largest logit.
  float best() const;
};

/// CTRL (Keskar et al. 2019) section 4.1, as Hugging Face applies it: the logit of every token in `seen`, counted once
/// however often it is there, is divided by `penalty` when positive and multiplied by it when negative.
void penalise_repetition(Candidates& c, const std::vector<int32_t>& seen, double penalty);
/// Takes `presence` from the logit of every token in `seen`, and `frequency` for each time it is there (OpenAI's API).
void penalise_frequency(Candidates& c, const std::vector<int32_t>& seen, double presence, double frequency);
/// Adds to the logits of tokens; a bias of -inf takes one out of play. Throws ValueError when none is left.
void add_bias(Candidates& c, const std::map<int32_t, double>& bias);
/// logit / temperature; temperature > 0.
void apply_temperature(Candidates& c, double temperature);
/// The k most likely tokens (Fan et al. 2018); of equal ones those with lower ids. 0: all.
void keep_top_k(Candidates& c, int64_t k);
/// Nucleus (Holtzman et al. 2020): the most likely tokens until their probabilities together reach p, the one that
/// reaches it included. 1: all.
void keep_top_p(Candidates& c, double p);
/// Tokens at least p times as likely as the likeliest (Nguyen et al. 2024). 0: all.
void keep_min_p(Candidates& c, double p);
/// Locally typical tokens (Meister et al. 2023): those whose surprise -log p is nearest to the entropy, until their
/// probabilities together reach p, the one that reaches it and its equals included. 1: all.
void keep_typical(Candidates& c, double p);
/// One token with probability softmax(logit), chosen by u in [0, 1).
int32_t draw(const Candidates& c, double u);

/// How to pick the next token. The steps run in this order, which is Hugging Face's: logit bias, repetition, presence
/// and frequency penalties, temperature, top-k, top-p, min-p, typical, and the draw among what is left. With Mirostat
/// (Basu et al. 2021) it stands in the place of the four filters, as in llama.cpp.
struct SamplingOptions {
  std::map<int32_t, double> logit_bias = {};
  double repetition_penalty = 1;                       ///< 1: off
  double presence_penalty = 0, frequency_penalty = 0;  ///< 0: off
  int64_t repeat_last_n = -1;                          ///< the penalties look at so many last tokens; -1: all
  double temperature = 1;     ///< 0: the likeliest token, the lowest id of equal ones; the filters do not matter
  int64_t top_k = 0;          ///< 0: off
  double top_p = 1;           ///< 1: off
  double min_p = 0;           ///< 0: off
  double typical_p = 1;       ///< 1: off
  int mirostat = 0;           ///< 0: off, 1, or 2
  double mirostat_tau = 5;    ///< the surprise that it holds to, in bits
  double mirostat_eta = 0.1;  ///< how fast it learns
  uint64_t seed = 0;

  /// Throws ValueError naming the setting and its range.
  void check() const;
};

/// What Mirostat remembers of one text.
struct MirostatState {
  double mu = 0;  ///< the largest surprise allowed; 0 before the first token: 2 tau
};

/// The candidates after all steps but the draw (and Mirostat). `seen` is the text so far, prompt included.
Candidates filter(const SamplingOptions& options, Candidates c, const std::vector<int32_t>& seen);
/// The last step: a token out of what is left, by a random number that is a function of (seed, sequence, position).
int32_t pick(const SamplingOptions& options, Candidates c, int64_t sequence, int64_t position,
             MirostatState* state = nullptr);

/// Picks from logits (vocab). `seen` is the text so far, prompt included. The random number is a function of
/// (seed, sequence, position) alone, so that the same logits give the same text whatever else runs. Without `state`
/// Mirostat begins anew.
/// Throws ValueError for logits that are NaN or +inf, or all -inf.
int32_t sample(const SamplingOptions& options, const float* logits, int64_t vocab, const std::vector<int32_t>& seen,
               int64_t sequence, int64_t position, MirostatState* state = nullptr);

}  // namespace gradus
