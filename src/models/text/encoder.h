#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/heads.h"
#include "models/model.h"
#include "models/text/head_losses.h"
#include "nn/activation.h"
#include "nn/layers.h"

namespace gradus {

/// What an encoder reads: input_ids or inputs_embeds; undefined tensors mean everything visible, segment 0, positions
/// 0, 1, 2, …
struct EncoderInput {
  Tensor input_ids;       ///< (B, T) i64
  Tensor inputs_embeds;   ///< (B, T, width), in place of looking ids up
  Tensor attention_mask;  ///< (B, T) bool, false for padding
  Tensor token_type_ids;  ///< (B, T) i64
  Tensor position_ids;    ///< (B or 1, T) i64
  int64_t batch() const { return (input_ids.defined() ? input_ids : inputs_embeds).size(0); }
  int64_t time() const { return (input_ids.defined() ? input_ids : inputs_embeds).size(1); }
};

/// Embeddings and bidirectional blocks.
class EncoderBody {
 public:
  virtual ~EncoderBody() = default;
  /// (B, T, width)
  virtual Tensor hidden(const EncoderInput& in, const Context& context) const = 0;
  /// The table of word embeddings (vocab, width), to which an output layer may be tied.
  virtual Tensor words() const = 0;

  /// The states of texts that are laid end to end, without padding between them: ids (N) i64, `lengths` adding up to N
  /// -> (N, width). For running, without gradients.
  virtual Tensor packed_hidden(const Tensor& ids, const std::vector<int64_t>& lengths) const;
  /// Keeps joined copies of weights that packed_hidden() uses together. Call it again when they change.
  virtual void fuse() {}
};

/// Where the head for masked tokens lies in a checkpoint: norm(act(dense x)), then the product with a table of words.
struct MaskedLmNames {
  std::string dense, norm, weight, bias;
  std::string spare_bias;  ///< what a tied checkpoint keeps in place of `bias`; empty: the same name
};
/// Where a classifier lies: an optional dense layer with activation and norm, then the output layer.
struct ClassifierNames {
  std::string dense, norm, out;  ///< empty: none
  Activation act = nullptr;      ///< after `dense`
  bool dropout_before_dense = false;
};

/// A body's facts and its head, filled in by the family.
struct EncoderSpec {
  const char* family = "";  ///< for errors
  std::string base;         ///< scope of the body: "bert", or empty for a body without a head
  Head head = Head::none;
  int64_t vocab = 0, width = 0, max_positions = 0;
  int64_t token_types = 0;                           ///< 0: the family has none
  double eps = 1e-12, init_std = 0.02, dropout = 0;  ///< dropout before an output layer
  Labelling labelling;
  bool tied = true;
  bool pooler = false;  ///< tanh(pooler.dense x) of the first token, below the scope of the body
  MaskedLmNames words;
  Activation words_act = nullptr;
  ClassifierNames classifier;
  bool norm_bias = true, dense_bias = true, decoder_bias = true;
  bool mean_pooling = false;              ///< classify the mean of the visible tokens instead of the first
  bool first_visible = false;             ///< of several choices, classify the first token that is no padding
  std::optional<int64_t> sparse_ignored;  ///< with labels, logits only where they differ from this
};

/// Body and head as one model, whose parameters lie in the store that the body was made in.
std::unique_ptr<Model> make_encoder(EncoderSpec spec, std::unique_ptr<EncoderBody> body,
                                    std::shared_ptr<Parameters> parameters, std::string text);

/// An encoder with its head: what make_encoder() makes.
class EncoderModel : public Model {
 public:
  virtual const EncoderBody& body() const = 0;
  virtual EncoderBody& body() = 0;
  virtual const EncoderSpec& spec() const = 0;

 protected:
  using Model::Model;
};

}  // namespace gradus
