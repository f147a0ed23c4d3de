#include "text/unigram.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/error.h"
#include "text/unicode.h"

namespace gradus {

namespace {
constexpr double kUnknownPenalty = 10;
constexpr uint32_t kUnreached = 0xFFFFFFFFu;
}  // namespace

Unigram::Unigram(const Vocabulary& vocabulary, std::vector<double> scores, UnigramSettings settings)
    : vocabulary_(vocabulary), scores_(std::move(scores)), settings_(settings) {
  double least = std::numeric_limits<double>::infinity();
  for (double score : scores_) least = std::min(least, score);
  unknown_score_ = least - kUnknownPenalty;
  for (int32_t id = 0; id < vocabulary.size(); ++id) {
    const std::string_view text = vocabulary[id];
    if (!text.empty() && vocabulary.find(text) == id) trie_.mark(trie_.extend(0, text), id);
  }
  trie_.finish();
  for (int b = 0; b < 256; ++b)
    fallback_[b] = settings.byte_fallback ? vocabulary.find(fallback_token(static_cast<unsigned char>(b))) : -1;
}

void Unigram::no_unknown_token() {
  throw ValueError("tokenizer", "a character has no token, and the model has no unknown token.",
                   "set model.unk_id in the tokenizer.json.");
}

// best(j) = max over tokens w that end at j of best(j - |w|) + score(w); the first of equals stays.
void Unigram::find_best_path(std::string_view word, EncodeScratch& scratch) const {
  auto& path = scratch.path;
  path.assign(word.size() + 1, {0, 0, kUnreached});
  const auto offer = [&path](size_t end, double score, int32_t id, size_t begin) {
    EncodeScratch::PathNode& node = path[end];
    if (node.begin == kUnreached || score > node.score) node = {score, id, static_cast<uint32_t>(begin)};
  };
  for (size_t at = 0; at < word.size();) {
    const double here = path[at].score;
    const size_t length = static_cast<size_t>(decode_utf8(word.data() + at, word.data() + word.size()).length);
    bool single = false;
    trie_.each_prefix(word.substr(at), scratch.work, [&](int32_t id, size_t n) {
      offer(at + n, scores_[id] + here, id, at);
      single = single || n == length;
    });
    if (!single) {
      // HF asks for the unknown token only where it would be taken.
      const EncodeScratch::PathNode& node = path[at + length];
      if (node.begin == kUnreached || unknown_score_ + here > node.score) {
        if (settings_.unknown_id < 0) no_unknown_token();
        offer(at + length, unknown_score_ + here, settings_.unknown_id, at);
      }
    }
    at += length;
  }
}

template <class F>
void Unigram::cut(std::string_view word, EncodeScratch& scratch, const F& token) const {
  find_best_path(word, scratch);
  // Turn the links round, so that the path can be walked forwards: each node on it then knows where its token ends.
  auto& path = scratch.path;
  uint32_t end = static_cast<uint32_t>(word.size()), next_end = end;
  int32_t next_id = -1;
  for (uint32_t at = end;;) {
    const EncodeScratch::PathNode node = path[at];
    path[at].id = next_id, path[at].begin = next_end;
    if (at == 0) break;
    next_id = node.id, next_end = at;
    at = node.begin;
  }
  for (uint32_t at = 0; at < end;) {
    const int32_t id = path[at].id;
    uint32_t stop = path[at].begin;
    if (settings_.unknown_id < 0 || id != settings_.unknown_id) {
      token(id, at, stop);
      at = stop;
      continue;
    }
    while (stop < end && path[stop].id == settings_.unknown_id) stop = path[stop].begin;
    const std::string_view piece = word.substr(at, stop - at);
    const int known = vocabulary_.find(piece);
    const auto has_token = [this](char c) { return fallback_[static_cast<unsigned char>(c)] >= 0; };
    if (known >= 0) {
      token(known, at, stop);
    } else if (settings_.byte_fallback && std::all_of(piece.begin(), piece.end(), has_token)) {
      for (char c : piece) token(fallback_[static_cast<unsigned char>(c)], at, stop);
    } else {
      token(settings_.unknown_id, at, stop);
    }
    at = stop;
  }
}

void Unigram::encode_word(std::string_view word, EncodeScratch& scratch) const {
  cut(word, scratch, [&scratch](int32_t id, uint32_t, uint32_t) { scratch.push(id); });
}

void Unigram::encode_tokens(std::string_view word, EncodeScratch& scratch, std::vector<WordToken>& out) const {
  cut(word, scratch, [&out](int32_t id, uint32_t begin, uint32_t end) { out.push_back({id, begin, end}); });
}

}  // namespace gradus
