#include "models/text/word2vec.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>

#include "base/error.h"
#include "base/parallel.h"
#include "base/random.h"
#include "kernels/word2vec.h"
#include "models/text/word2vec_tables.h"
#include "ops/create.h"

namespace gradus {

namespace {

constexpr int64_t kChunkWords = 10'000;

void check(const WordCorpus& corpus, const Word2VecOptions& o) {
  const auto demand = [](bool good, const char* what) {
    if (!good) throw ValueError("word2vec", what);
  };
  demand(!corpus.words.empty(), "the corpus has no words.");
  demand(o.size >= 1 && o.size <= 100'000, "size must lie in 1 … 100000.");
  demand(o.window >= 1 && o.window <= 10'000, "window must lie in 1 … 10000.");
  demand(o.negative >= 0 && o.negative <= 1000, "negative must lie in 0 … 1000.");
  demand(o.negative > 0 || o.hierarchical, "neither negative sampling nor hierarchical softmax is asked for.");
  demand(o.epochs >= 1, "epochs must be at least 1.");
  demand(o.sample >= 0, "sample must not be negative.");
  demand(o.alpha > 0 && o.min_alpha >= 0 && o.alpha < 1e3, "alpha must be positive, min_alpha not negative.");
}

/// xorshift64* (Vigna 2016): one multiplication a number, for draws that need no more.
class Draws {
 public:
  explicit Draws(uint64_t seed) : state_(seed | 1) {}
  uint64_t next() {
    state_ ^= state_ >> 12, state_ ^= state_ << 25, state_ ^= state_ >> 27;
    return state_ * 0x2545F4914F6CDD1Du;
  }
  int64_t below(int64_t n) { return static_cast<int64_t>(((next() >> 32) * static_cast<uint64_t>(n)) >> 32); }

 private:
  uint64_t state_;
};

class Training {
 public:
  Training(const WordCorpus& corpus, const Word2VecOptions& options)
      : corpus_(corpus), o_(options), width_((o_.size + kWord2VecLanes - 1) / kWord2VecLanes * kWord2VecLanes) {
    const auto words = static_cast<int64_t>(corpus.words.size());
    input_ = zeros({words, width_});
    const RandomKey key{o_.seed, stream_name("word2vec")};
    parallel_for(words, 1024, [&](int64_t begin, int64_t end) {
      for (int64_t w = begin; w < end; ++w)
        for (int64_t i = 0; i < o_.size; ++i)
          input_.data<float>()[w * width_ + i] =
              static_cast<float>((2 * key.uniform(w * o_.size + i) - 1) / static_cast<double>(o_.size));
    });
    if (o_.negative > 0) {
      negative_ = zeros({words, width_});
      noise_.emplace(noise_distribution(corpus.counts, o_.noise_exponent));
    }
    if (o_.hierarchical) {
      hierarchical_ = zeros({std::max<int64_t>(words - 1, 1), width_});
      tree_.emplace(corpus.counts);
    }
    const auto total = static_cast<int64_t>(corpus.ids.size());
    for (int64_t count : corpus.counts)
      keep_.push_back(static_cast<uint32_t>(keep_probability(count, total, o_.sample) * 4294967295.0));
    // Sentences in groups of about ten thousand words: what a thread takes at a time.
    const auto sentences = static_cast<int64_t>(corpus.sentences.size()) - 1;
    chunks_.push_back(0);
    for (int64_t s = 1; s <= sentences; ++s)
      if (s == sentences || corpus.sentences[s] - corpus.sentences[chunks_.back()] >= kChunkWords) chunks_.push_back(s);
  }

  Word2Vec run() {
    const auto chunks = static_cast<int64_t>(chunks_.size()) - 1;
    for (int64_t epoch = 0; epoch < o_.epochs; ++epoch)
      parallel_for(chunks, 1, [&](int64_t begin, int64_t end) {
        for (int64_t c = begin; c < end; ++c) chunk(epoch, c);
      });
    return {WordVectors(corpus_.words, unpadded(input_)), unpadded(negative_), unpadded(hierarchical_)};
  }

 private:
  /// What one thread works with.
  struct Work {
    std::vector<int32_t> kept, context, targets[2];
    std::vector<float> labels, steps, hidden, error, sum;
    int now = 0;  // which of the two lists of targets is in use; the other is drawn ahead
  };

  void chunk(int64_t epoch, int64_t c) {
    const auto total = static_cast<double>(corpus_.ids.size());
    const int64_t first = corpus_.sentences[chunks_[c]];
    const double done =
        (static_cast<double>(epoch) + static_cast<double>(first) / total) / static_cast<double>(o_.epochs);
    const auto rate = static_cast<float>(o_.alpha - (o_.alpha - std::min(o_.min_alpha, o_.alpha)) * done);
    Draws draws(RandomKey{o_.seed, stream_name("word2vec.chunk")}.fold(epoch).bits(c));
    Work work;
    work.hidden.resize(width_), work.error.resize(width_), work.sum.resize(width_);
    work.labels.assign(static_cast<size_t>(o_.negative) + 1, 0.0f);
    work.labels[0] = 1;
    work.steps.resize(work.labels.size());
    for (int64_t s = chunks_[c]; s < chunks_[c + 1]; ++s) sentence(s, rate, draws, work);
    report(corpus_.sentences[chunks_[c + 1]] - first);
  }

  void report(int64_t words) {
    if (!o_.progress) return;
    const std::lock_guard<std::mutex> lock(mutex_);
    done_ += words;
    o_.progress(done_, static_cast<int64_t>(corpus_.ids.size()) * o_.epochs);
  }

  void sentence(int64_t s, float rate, Draws& draws, Work& work) {
    work.kept.clear();
    for (int64_t i = corpus_.sentences[s]; i < corpus_.sentences[s + 1]; ++i) {
      const int32_t id = corpus_.ids[i];
      if (keep_[id] == 0xFFFFFFFFu || static_cast<uint32_t>(draws.next() >> 32) <= keep_[id]) work.kept.push_back(id);
    }
    const auto n = static_cast<int64_t>(work.kept.size());
    for (int64_t i = 0; i < n; ++i) {
      const int64_t reach = o_.window - draws.below(o_.window);  // uniform on 1 … window
      const int64_t begin = std::max<int64_t>(i - reach, 0), end = std::min(i + reach + 1, n);
      const int32_t centre = work.kept[i];
      if (o_.skip_gram) {
        if (o_.negative > 0 && end - begin > 1) draw_targets(centre, draws, work.targets[work.now]);
        for (int64_t j = begin; j < end; ++j)
          if (j != i) skip_gram(work.kept[j], centre, j + 1 + (j + 1 == i) < end, rate, draws, work);
      } else if (end - begin > 1) {
        work.context.clear();
        for (int64_t j = begin; j < end; ++j)
          if (j != i) work.context.push_back(work.kept[j]);
        if (o_.negative > 0) draw_targets(centre, draws, work.targets[work.now]);
        bag_of_words(centre, rate, work);
      }
    }
  }

  /// The centre word and `negative` noise words; noise that hits the centre is left out. The rows are fetched into the
  /// cache while other work is done.
  void draw_targets(int32_t centre, Draws& draws, std::vector<int32_t>& targets) const {
    targets.clear();
    targets.push_back(centre);
    for (int64_t k = 0; k < o_.negative; ++k) {
      const int32_t word = noise_->draw(draws.next());
      if (word == centre) continue;
      targets.push_back(word);
      const float* row = negative_.data<float>() + word * width_;
      for (int64_t i = 0; i < width_; i += 16) __builtin_prefetch(row + i, 1);
    }
  }

  void skip_gram(int32_t context, int32_t centre, bool more, float rate, Draws& draws, Work& work) const {
    float* row = input_.data<float>() + context * width_;
    if (o_.negative > 0) {
      const std::vector<int32_t>& targets = work.targets[work.now];
      if (more) draw_targets(centre, draws, work.targets[1 - work.now]);
      work.now = 1 - work.now;
      learn(row, negative_.data<float>(), targets, work.labels.data(), rate, work);
      word2vec_scatter(input_.data<float>(), &context, 1, width_, work.error.data());
    }
    if (o_.hierarchical) {
      climb(row, centre, rate, work);
      word2vec_scatter(input_.data<float>(), &context, 1, width_, work.error.data());
    }
  }

  void bag_of_words(int32_t centre, float rate, Work& work) const {
    const auto n = static_cast<int64_t>(work.context.size());
    const float scale = o_.cbow_mean ? 1.0f / static_cast<float>(n) : 1.0f;
    word2vec_gather(input_.data<float>(), work.context.data(), n, width_, scale, work.hidden.data());
    std::fill(work.sum.begin(), work.sum.end(), 0.0f);
    const auto add = [&work] {
      for (size_t i = 0; i < work.sum.size(); ++i) work.sum[i] += work.error[i];
    };
    if (o_.negative > 0) {
      learn(work.hidden.data(), negative_.data<float>(), work.targets[work.now], work.labels.data(), rate, work);
      add();
    }
    if (o_.hierarchical) climb(work.hidden.data(), centre, rate, work), add();
    word2vec_scatter(input_.data<float>(), work.context.data(), n, width_, work.sum.data());
  }

  void learn(const float* hidden, float* output, const std::vector<int32_t>& targets, const float* labels, float rate,
             Work& work) const {
    word2vec_example({.hidden = hidden,
                      .error = work.error.data(),
                      .output = output,
                      .targets = targets.data(),
                      .labels = labels,
                      .steps = work.steps.data(),
                      .count = static_cast<int64_t>(targets.size()),
                      .width = width_,
                      .rate = rate});
  }

  /// Hierarchical softmax: at each inner node on the way to the word, the label is 1 - its bit.
  void climb(const float* hidden, int32_t word, float rate, Work& work) const {
    const auto& nodes = tree_->nodes(word);
    const auto& code = tree_->code(word);
    std::vector<float> labels(code.size());
    for (size_t i = 0; i < code.size(); ++i) labels[i] = 1.0f - static_cast<float>(code[i]);
    if (work.steps.size() < code.size()) work.steps.resize(code.size());
    if (nodes.empty()) return std::fill(work.error.begin(), work.error.end(), 0.0f);
    learn(hidden, hierarchical_.data<float>(), nodes, labels.data(), rate, work);
  }

  Tensor unpadded(const Tensor& rows) const {
    if (!rows.defined()) return {};
    Tensor out = empty({rows.shape()[0], o_.size});
    for (int64_t w = 0; w < rows.shape()[0]; ++w)
      std::copy_n(rows.data<float>() + w * width_, o_.size, out.data<float>() + w * o_.size);
    return out;
  }

  const WordCorpus& corpus_;
  const Word2VecOptions& o_;
  int64_t width_;
  Tensor input_, negative_, hierarchical_;
  std::optional<AliasTable> noise_;
  std::optional<HuffmanTree> tree_;
  std::vector<uint32_t> keep_;
  std::vector<int64_t> chunks_;
  std::mutex mutex_;
  int64_t done_ = 0;
};

}  // namespace

Word2Vec train_word2vec(const WordCorpus& corpus, const Word2VecOptions& options) {
  check(corpus, options);
  return Training(corpus, options).run();
}

}  // namespace gradus
