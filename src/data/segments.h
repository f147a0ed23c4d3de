#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "base/random.h"
#include "data/packing.h"
#include "data/shuffled.h"
#include "tensor/tensor.h"

namespace gradus {

/// Tokens with a meaning of their own in a masked batch.
struct MaskTokens {
  int32_t cls = 0, sep = 0, mask = 0, pad = 0;
  std::vector<int32_t> ordinary;  ///< all others: those that a random replacement is drawn from
};

/// What a masked language model learns from: [CLS] A [SEP], or [CLS] A [SEP] B [SEP], padded to the longest row.
struct MaskedBatch {
  Tensor input_ids;            ///< (B, T) i64, masked
  Tensor attention_mask;       ///< (B, T) i64, 0 for padding
  Tensor token_type_ids;       ///< (B, T) i64, 1 for B and its [SEP]
  Tensor labels;               ///< (B, T) i64: what stood at the chosen places, -100 elsewhere
  Tensor next_sentence_label;  ///< (B) i64: 0 when B follows A, 1 when it is from elsewhere; undefined without pairs
  int64_t targets = 0;         ///< chosen places
  int64_t tokens = 0;          ///< padding left out
};

struct MaskingOptions {
  int64_t block_size = 128;   ///< tokens of a row at most, special ones included
  bool pairs = true;          ///< two segments, of which half do not belong together
  double probability = 0.15;  ///< share of the places that are chosen, at least one a row
  double masked = 0.8;        ///< share of the chosen that becomes the mask token
  double replaced = 0.1;      ///< share that becomes a random token; the rest stays
  RandomKey key;              ///< of order, cuts, partners and places
};

/// An endless stream of masked rows (Devlin et al. 2018, section 3.1 and appendix A.2). Each document is cut into
/// pieces that fit a row; an epoch takes each piece once, in an order of its own. With pairs a piece is cut once more,
/// into A and B, and half of the time B is taken from another document in its stead. Places are chosen anew each time a
/// piece comes round (dynamic masking, Liu et al. 2019). Row i is a pure function of documents, options and i.
class MaskedStream {
 public:
  /// Keeps a reference to `documents`. Throws ValueError when no piece is long enough, or no row could hold one.
  MaskedStream(const TokenDocuments& documents, MaskTokens special, const MaskingOptions& options);

  MaskedBatch next(int64_t rows);
  /// Rows read so far, over all epochs.
  int64_t position() const { return order_->position(); }
  void set_position(int64_t position) { order_->set_position(position); }
  int64_t rows_per_epoch() const { return static_cast<int64_t>(pieces_.size()); }
  double epoch() const { return order_->epoch(); }

 private:
  struct Piece {
    int64_t begin, length, document;
  };
  struct Row {
    std::vector<int64_t> ids, types, labels;
    int64_t other = 0;
  };
  Row next_row();
  void add_segments(Row& row, const Piece& piece, RandomKey key) const;
  void mask(Row& row, RandomKey key) const;

  const TokenDocuments& documents_;
  MaskTokens special_;
  MaskingOptions options_;
  std::vector<Piece> pieces_;
  std::optional<ShuffledIndices> order_;
};

}  // namespace gradus
