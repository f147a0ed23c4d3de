#pragma once
#include <memory>
#include <string>

#include "models/heads.h"
#include "models/model.h"
#include "models/text/head_losses.h"

namespace gradus {

/// One side of an encoder–decoder's input.
struct SequenceInput {
  Tensor ids;     ///< (B, T) i64
  Tensor embeds;  ///< (B, T, width), in place of looking ids up
  Tensor mask;    ///< (B, T) bool, false for padding
  bool defined() const { return ids.defined() || embeds.defined(); }
  Shape shape() const {
    const Tensor& x = ids.defined() ? ids : embeds;
    return {x.size(0), x.size(1)};
  }
};

/// Encoder and decoder over a shared table of words.
class Seq2SeqBody {
 public:
  virtual ~Seq2SeqBody() = default;
  /// (B, T, width)
  virtual Tensor encode(const SequenceInput& in, const Context& context) const = 0;
  /// (B, Tt, width), each position seeing those before it and all of `memory` (B, Ts, width) that `memory_mask` shows.
  virtual Tensor decode(const SequenceInput& in, const Tensor& memory, const Tensor& memory_mask,
                        const Context& context) const = 0;
  virtual Tensor words() const = 0;
};

/// A body's facts and its head, filled in by the family.
struct Seq2SeqSpec {
  const char* family = "";
  Head head = Head::none;
  int64_t vocab = 0, width = 0;
  int64_t max_positions = 0;  ///< 0: no limit
  int64_t start = -1, pad = -1, eos = -1;
  double init_std = 0.02, dropout = 0;
  double output_scale = 1;        ///< on the decoder's states before the output layer
  bool tied = true;               ///< the output layer is the table of words unless a checkpoint holds another
  bool logits_bias = false;       ///< the buffer final_logits_bias
  bool decode_the_input = false;  ///< without decoder_input_ids any head reads the input, shifted
  double label_smoothing = 0;     ///< of the loss while training (Szegedy et al. 2016)
  Labelling labelling;
};

/// Body and head as one model, whose parameters lie in the store that the body was made in.
std::unique_ptr<Model> make_seq2seq(Seq2SeqSpec spec, std::unique_ptr<Seq2SeqBody> body,
                                    std::shared_ptr<Parameters> parameters, std::string text);

}  // namespace gradus
