#include "text/unigram_trainer.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/parallel.h"
#include "text/unicode.h"
#include "text/unigram_lattice.h"

namespace gradus {

namespace {

using Pieces = std::vector<std::pair<std::string, double>>;
constexpr int64_t kGrain = 512;  // words a task; sums are joined in this order on any number of threads

std::vector<std::string> characters_of(std::string_view text) {
  std::vector<std::string> out;
  const char *p = text.data(), *end = p + text.size();
  while (p < end) {
    const Utf8Step step = decode_utf8(p, end);
    out.emplace_back(p, step.length);
    p += step.length;
  }
  return out;
}

/// psi(x) = d/dx log Gamma(x): by its recurrence up to 7, then the asymptotic series (Abramowitz & Stegun 6.3.18).
double digamma(double x) {
  double result = 0;
  for (; x < 7; ++x) result -= 1 / x;
  const double y = 1 / (x * x);
  return result + std::log(x) - 0.5 / x -
         y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y / 132))));
}

void normalise(Pieces& pieces) {
  double sum = 0;
  for (const auto& [text, score] : pieces) sum += score;
  for (auto& [text, score] : pieces) score = std::log(score) - std::log(sum);
}

/// All characters, and the substrings that stand twice or more and are followed by different things; scored by
/// count * length.
Pieces seeds(const WordFrequencies& words, const UnigramTraining& settings) {
  // A suffix is a place in the row of all words' characters; its first max_piece_length characters, up to the word's
  // end, are what counts.
  struct Place {
    uint32_t word, begin;  // byte in the word
  };
  std::map<std::string, int64_t> characters;
  for (const std::string& c : characters_of(settings.initial_alphabet)) characters[c] += 0;
  std::vector<Place> places;
  for (uint32_t w = 0; w < words.size(); ++w) {
    uint32_t begin = 0;
    for (const std::string& c : characters_of(words[w].first)) {
      characters[c] += words[w].second;
      places.push_back({w, begin});
      begin += static_cast<uint32_t>(c.size());
    }
  }
  const auto window = [&](const Place& p) {
    std::string_view s = std::string_view(words[p.word].first).substr(p.begin);
    size_t n = 0;
    for (int left = settings.max_piece_length; left > 0 && n < s.size(); --left)
      n += static_cast<size_t>(decode_utf8(s.data() + n, s.data() + s.size()).length);
    return s.substr(0, n);
  };
  std::sort(places.begin(), places.end(), [&](const Place& a, const Place& b) {
    const int c = window(a).compare(window(b));
    return c != 0 ? c < 0 : a.word != b.word ? a.word < b.word : a.begin < b.begin;
  });
  // Neighbours share their common prefix. A stack holds the prefixes that are open, the longest on top, each with the
  // count of its places; when the next place shares less, they are done. Those that end open are right-maximal.
  struct Open {
    size_t length;
    int64_t count;
  };
  Pieces found;
  std::vector<Open> open;
  std::string_view before;
  int64_t before_count = 0;
  const auto close_to = [&](size_t length) {
    int64_t carried = before_count;
    while (!open.empty() && open.back().length > length) {
      const Open top = open.back();
      open.pop_back();
      carried += top.count;
      const auto text = before.substr(0, top.length);
      const auto n = static_cast<int64_t>(characters_of(text).size());
      if (n > 1 && carried > 1) found.emplace_back(text, static_cast<double>(carried * n));
    }
    if (length == 0) return;
    if (open.empty() || open.back().length < length) open.push_back({length, 0});
    open.back().count += carried;
  };
  for (const Place& place : places) {
    const std::string_view now = window(place);
    size_t shared = 0;
    while (shared < before.size() && shared < now.size() && before[shared] == now[shared]) ++shared;
    while (shared > 0 && shared < now.size() && (static_cast<unsigned char>(now[shared]) & 0xC0) == 0x80) --shared;
    close_to(shared);
    before = now, before_count = words[place.word].second;
  }
  close_to(0);
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  Pieces pieces;
  for (const auto& [text, count] : characters)
    pieces.emplace_back(text, static_cast<double>(std::max<int64_t>(count, 1)));
  std::stable_sort(pieces.begin(), pieces.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  const auto room = std::max<int64_t>(settings.seed_size - static_cast<int64_t>(pieces.size()), 0);
  if (static_cast<int64_t>(found.size()) > room) found.resize(room);
  pieces.insert(pieces.end(), found.begin(), found.end());
  normalise(pieces);
  return pieces;
}

std::vector<double> scores_of(const Pieces& pieces) {
  std::vector<double> out;
  for (const auto& [text, score] : pieces) out.push_back(score);
  return out;
}

/// The expected count of each piece under the current probabilities; returns the log-likelihood of the words.
double expected_counts(const WordFrequencies& words, const Pieces& pieces, std::vector<double>& expected) {
  const PieceTrie trie(pieces);
  const std::vector<double> scores = scores_of(pieces);
  const auto n = static_cast<int64_t>(words.size());
  // At most 16 partial sums, whatever the number of threads, joined in their order.
  const int64_t grain = std::max(kGrain, (n + 15) / 16);
  const int64_t parts = (n + grain - 1) / grain;
  std::vector<std::vector<double>> partial(parts);
  std::vector<double> likelihood(parts);
  parallel_for(n, grain, [&](int64_t begin, int64_t end) {
    const int64_t part = begin / grain;
    partial[part].assign(pieces.size(), 0);
    UnigramLattice lattice;
    for (int64_t w = begin; w < end; ++w)
      if (lattice.build(words[w].first, trie)) {
        const auto weight = static_cast<double>(words[w].second);
        likelihood[part] += weight * lattice.expect(scores, weight, partial[part]);
      }
  });
  expected.assign(pieces.size(), 0);
  double total = 0;
  for (int64_t part = 0; part < parts; ++part) {
    total += likelihood[part];
    for (size_t i = 0; i < expected.size(); ++i) expected[i] += partial[part][i];
  }
  return total;
}

/// New probabilities from expected counts; pieces that are hardly ever used go. Bayesian as in SentencePiece: the
/// digamma function makes rare pieces rarer (a sparse Dirichlet prior).
Pieces maximised(const Pieces& pieces, const std::vector<double>& expected, const std::set<std::string>& required) {
  constexpr double kLeast = 0.5;
  Pieces out;
  double sum = 0;
  for (size_t i = 0; i < pieces.size(); ++i) {
    const bool needed = required.count(pieces[i].first) > 0;
    if (expected[i] < kLeast && !needed) continue;
    out.emplace_back(pieces[i].first, std::max(expected[i], kLeast));
    sum += out.back().second;
  }
  const double log_sum = digamma(sum);
  for (auto& [text, score] : out) score = digamma(score) - log_sum;
  return out;
}

/// Drops the pieces whose absence costs the least likelihood, down to `wanted`.
Pieces pruned(const WordFrequencies& words, const Pieces& pieces, int64_t wanted,
              const std::set<std::string>& required) {
  const PieceTrie trie(pieces);
  const std::vector<double> scores = scores_of(pieces);
  const auto n = static_cast<int64_t>(words.size());
  std::vector<int64_t> used(pieces.size()), holding(pieces.size());  // by the best cuts: places, and words' counts
  std::mutex mutex;
  parallel_for(n, kGrain, [&](int64_t begin, int64_t end) {
    UnigramLattice lattice;
    std::vector<std::pair<int32_t, int64_t>> places, holders;
    for (int64_t w = begin; w < end; ++w) {
      if (!lattice.build(words[w].first, trie)) continue;
      std::vector<int32_t> cut = lattice.best(scores);
      for (int32_t piece : cut) places.emplace_back(piece, words[w].second);
      std::sort(cut.begin(), cut.end());
      cut.erase(std::unique(cut.begin(), cut.end()), cut.end());
      for (int32_t piece : cut) holders.emplace_back(piece, words[w].second);
    }
    const std::lock_guard<std::mutex> lock(mutex);  // whole numbers: their order does not matter
    for (const auto& [piece, count] : places) used[piece] += count;
    for (const auto& [piece, count] : holders) holding[piece] += count;
  });
  double sum = 0, all = 0;
  for (int64_t count : used) sum += static_cast<double>(count);
  for (const auto& [word, count] : words) all += static_cast<double>(count);
  const double log_sum = std::log(sum);

  struct Candidate {
    size_t piece;
    double loss;
  };
  std::vector<Candidate> candidates;
  std::vector<size_t> kept;
  UnigramLattice lattice;
  for (size_t p = 0; p < pieces.size(); ++p) {
    if (required.count(pieces[p].first)) {
      kept.push_back(p);
      continue;
    }
    if (used[p] == 0) continue;
    lattice.build(pieces[p].first, trie);
    const std::vector<int32_t> instead = lattice.best(scores, static_cast<int32_t>(p));
    if (instead.empty()) {
      kept.push_back(p);
      continue;
    }
    // What the likelihood loses when each use of the piece is cut as `instead`:
    //   F (log p(piece) - sum_i log p'(instead_i)), p' with the piece's count given to them.
    const auto uses = static_cast<double>(used[p]);
    const double log_piece = std::log(uses) - log_sum;
    const double log_sum_instead = std::log(sum + uses * static_cast<double>(instead.size() - 1));
    double log_instead = 0;
    for (int32_t i : instead) log_instead += std::log(static_cast<double>(used[i]) + uses) - log_sum_instead;
    candidates.push_back({p, static_cast<double>(holding[p]) / all * (log_piece - log_instead)});
  }
  std::stable_sort(candidates.begin(), candidates.end(), [](const auto& a, const auto& b) { return a.loss > b.loss; });
  for (const Candidate& c : candidates) {
    if (static_cast<int64_t>(kept.size()) >= wanted) break;
    kept.push_back(c.piece);
  }
  std::sort(kept.begin(), kept.end());
  Pieces out;
  for (size_t p : kept) out.push_back(pieces[p]);
  return out;
}

}  // namespace

UnigramVocabulary train_unigram(const WordFrequencies& words, const UnigramTraining& settings) {
  check_special_tokens(settings.special_tokens);
  if (settings.max_piece_length < 1 || settings.max_piece_length > 1000 || settings.shrinking_factor <= 0 ||
      settings.shrinking_factor >= 1 || settings.sub_iterations < 1)
    throw ValueError(
        "train tokenizer",
        "max_piece_length must lie in 1 … 1000, shrinking_factor between 0 and 1, sub_iterations above 0.");
  Pieces pieces = seeds(words, settings);
  std::set<std::string> required;
  for (const auto& [text, score] : pieces)
    if (characters_of(text).size() == 1) required.insert(text);
  std::vector<std::string> special = settings.special_tokens;
  if (!settings.unknown_token.empty() && !std::count(special.begin(), special.end(), settings.unknown_token))
    special.insert(special.begin(), settings.unknown_token);
  for (const std::string& token : special) required.erase(token);
  const auto room = settings.vocab_size - static_cast<int64_t>(special.size());
  if (room < static_cast<int64_t>(required.size()))
    throw ValueError("train tokenizer",
                     "vocab_size is " + std::to_string(settings.vocab_size) + ", expected at least " +
                         std::to_string(required.size() + special.size()) + " (special tokens and single characters).",
                     "raise --vocab-size.");
  const int64_t near = std::max<int64_t>(room * 11 / 10, 1);
  std::vector<double> expected;
  for (;;) {
    if (settings.progress) settings.progress("pieces", near, static_cast<int64_t>(pieces.size()));
    for (int i = 0; i < settings.sub_iterations; ++i) {
      expected_counts(words, pieces, expected);
      pieces = maximised(pieces, expected, required);
    }
    if (static_cast<int64_t>(pieces.size()) <= near) break;
    const auto shrunk = static_cast<int64_t>(settings.shrinking_factor * static_cast<double>(pieces.size()));
    const size_t before = pieces.size();
    pieces = pruned(words, pieces, std::max(near, shrunk), required);
    if (pieces.size() == before) break;
  }
  // The last step to the size asked for, then the probabilities once more.
  if (static_cast<int64_t>(pieces.size()) > room) pieces = pruned(words, pieces, room, required);
  expected_counts(words, pieces, expected);
  pieces = maximised(pieces, expected, required);
  std::stable_sort(pieces.begin(), pieces.end(), [](const auto& a, const auto& b) { return a.second > b.second; });

  UnigramVocabulary out;
  for (const std::string& token : special) out.pieces.emplace_back(token, 0.0);
  const auto unknown = std::find(special.begin(), special.end(), settings.unknown_token);
  if (!settings.unknown_token.empty()) out.unknown_id = static_cast<int32_t>(unknown - special.begin());
  for (auto& piece : pieces)
    if (!std::count(special.begin(), special.end(), piece.first)) out.pieces.push_back(std::move(piece));
  return out;
}

double unigram_log_likelihood(const WordFrequencies& words, const std::vector<std::pair<std::string, double>>& pieces) {
  std::vector<double> expected;
  return expected_counts(words, pieces, expected);
}

}  // namespace gradus
