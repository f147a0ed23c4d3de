#pragma once
#include <cstdint>
#include <vector>

#include "base/random.h"
#include "tensor/tensor.h"

namespace gradus {

/// Documents as token ids, laid end to end. Each begins with the end-of-text token: it is what the model reads before
/// the first word, and (as the beginning of the next one) what it must predict after the last.
struct TokenDocuments {
  std::vector<int32_t> ids;
  std::vector<int64_t> begin;  ///< document i is ids[begin[i]] … ids[begin[i + 1] - 1]; one more entry than documents
  int32_t separator = 0;

  explicit TokenDocuments(int32_t end_of_text = 0) : begin{0}, separator(end_of_text) {}
  void add(const std::vector<int32_t>& tokens);
  int64_t count() const { return static_cast<int64_t>(begin.size()) - 1; }
  int64_t tokens() const { return begin.back(); }
  /// Changes when any token or boundary does.
  uint64_t fingerprint() const;
};

/// What a decoder learns from: rows of T tokens.
struct LmBatch {
  Tensor input_ids;  ///< (B, T) i64
  Tensor labels;     ///< (B, T) i64, already shifted: entry t is the token that follows entry t; -100 is not predicted
  Tensor first;      ///< (B, T) i32: the first position that each may see; undefined: all before it
  Tensor position_ids;  ///< (B, T) i64, from 0 in every document; undefined: from 0 in every row
  int64_t targets = 0;  ///< labels that are not -100
};

struct PackingOptions {
  int64_t block_size = 256;               ///< T
  bool cross_document_attention = false;  ///< tokens see the documents before theirs in the row
  bool reset_positions = true;            ///< positions count from the document's beginning
  RandomKey shuffle;                      ///< epoch e takes the documents in an order drawn from (shuffle, e)
};

/// An endless stream of rows without padding: the epochs follow one another, rows cut the stream every T tokens. Every
/// token is read once and predicted once an epoch; the row that an epoch's end falls into goes on with the next epoch.
/// The row at a position is a pure function of documents, options and position: setting it resumes exactly.
class PackedStream {
 public:
  /// Keeps a reference to `documents`. Throws ValueError when they are empty or block_size < 1.
  PackedStream(const TokenDocuments& documents, const PackingOptions& options);

  LmBatch next(int64_t rows);
  /// Tokens read so far, over all epochs.
  int64_t position() const { return position_; }
  void set_position(int64_t position);
  int64_t tokens_per_epoch() const { return documents_.tokens(); }
  /// Epochs done, with a fraction.
  double epoch() const { return static_cast<double>(position_) / static_cast<double>(tokens_per_epoch()); }

 private:
  struct Cursor {
    int64_t place, offset;  // in order_, in that document
  };
  void shuffle(int64_t epoch);
  void advance(Cursor& cursor, int64_t& epoch);

  const TokenDocuments& documents_;
  PackingOptions options_;
  int64_t position_ = 0, epoch_ = -1, shuffled_ = -1;
  Cursor cursor_{0, 0};
  std::vector<int64_t> order_;
};

/// A random order of 0 … n-1 (Fisher-Yates).
std::vector<int64_t> random_order(int64_t n, RandomKey key);

/// Batches of up to `rows` rows for evaluation: each document is whole unless longer than block_size (then cut), sees
/// only itself, and counts positions from 0; what is left of a row is padding that is not predicted. Long documents
/// first, each into the fullest row that it fits. A batch is made when it is asked for.
class WholeDocuments {
 public:
  /// Keeps a reference to `documents`. Throws ValueError for sizes below 1.
  WholeDocuments(const TokenDocuments& documents, int64_t block_size, int64_t rows);
  int64_t batches() const;
  LmBatch batch(int64_t i) const;

 private:
  struct Piece {
    int64_t begin, length;
  };
  const TokenDocuments& documents_;
  int64_t block_size_, rows_;
  std::vector<std::vector<Piece>> packed_;
};

}  // namespace gradus
