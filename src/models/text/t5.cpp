#include "models/text/t5.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "autograd/observer.h"
#include "models/text/attention_layer.h"
#include "models/text/seq2seq.h"
#include "nn/recompute.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/shape.h"

namespace gradus {

void fields(Fields& f, T5Config& c) {
  f.integer("vocab_size", c.vocab_size, {.min = 1});
  f.integer("d_model", c.d_model, {.min = 1});
  f.integer("d_kv", c.d_kv, {.min = 1});
  f.integer("d_ff", c.d_ff, {.min = 1});
  f.integer("num_layers", c.num_layers, {.min = 0, .max = 10000});
  c.num_decoder_layers = c.num_layers;
  f.integer("num_decoder_layers", c.num_decoder_layers, {.min = 0, .max = 10000});
  f.integer("num_heads", c.num_heads, {.min = 1});
  f.integer("relative_attention_num_buckets", c.relative_attention_num_buckets, {.min = 4, .max = 1 << 20});
  f.integer("relative_attention_max_distance", c.relative_attention_max_distance, {.min = 1});
  f.number("dropout_rate", c.dropout_rate, {.min = 0, .max = 1});
  f.number("classifier_dropout", c.classifier_dropout, {.min = 0, .max = 1});
  f.number("layer_norm_epsilon", c.layer_norm_epsilon, {.min = 0});
  f.number("initializer_factor", c.initializer_factor, {.min = 0});
  f.text("feed_forward_proj", c.feed_forward_proj);
  f.token("pad_token_id", c.pad_token_id);
  std::vector<int64_t> eos{c.eos_token_id};
  f.ids("eos_token_id", eos);
  c.eos_token_id = eos.empty() ? -1 : eos[0];
  double start = -1;
  f.optional_number("decoder_start_token_id", start, {.min = 0, .max = 1e9});
  c.decoder_start_token_id = static_cast<int64_t>(start);
  bool tied = true;
  f.flag("tie_word_embeddings", tied);
  c.scale_decoder_outputs = tied;
  f.flag("scale_decoder_outputs", c.scale_decoder_outputs);
  fields(f, c.labelling);
  if (c.relative_attention_max_distance <= c.relative_attention_num_buckets / 2)
    f.refuse("relative_attention_max_distance", "must be more than half of relative_attention_num_buckets (" +
                                                    std::to_string(c.relative_attention_num_buckets) + ")");
}

int64_t relative_position_bucket(int64_t distance, bool bidirectional, int64_t buckets, int64_t max_distance) {
  int64_t bucket = 0;
  if (bidirectional) {
    buckets /= 2;
    if (distance > 0) bucket += buckets;
    distance = std::abs(distance);
  } else {
    distance = std::max<int64_t>(-distance, 0);
  }
  const int64_t exact = buckets / 2;
  if (distance < exact) return bucket + distance;
  // exact + log(distance / exact) / log(max_distance / exact) * (buckets - exact)
  const float ratio = std::log(static_cast<float>(distance) / static_cast<float>(exact)) /
                      static_cast<float>(std::log(static_cast<double>(max_distance) / static_cast<double>(exact)));
  const float step = std::min(ratio * static_cast<float>(buckets - exact), static_cast<float>(buckets));
  return bucket + std::min(exact + static_cast<int64_t>(step), buckets - 1);
}

namespace {

constexpr AttentionNames kNames{"q", "k", "v", "o"};

AttentionSizes sizes_of(const T5Config& c) {
  const double f = c.initializer_factor, width = static_cast<double>(c.d_model);
  return {.width = c.d_model,
          .heads = c.num_heads,
          .head_dim = c.d_kv,
          .init_std = f / std::sqrt(width),
          .dropout = c.dropout_rate,
          .bias = false,
          .scale = 1,
          // scores are not divided by sqrt(d_kv), so queries start smaller
          .query_std = f / std::sqrt(width * static_cast<double>(c.d_kv)),
          .output_std = f / std::sqrt(static_cast<double>(c.num_heads * c.d_kv))};
}

struct FeedForward {  // wo(act(wi x)), or wo(act(wi_0 x) * wi_1 x)
  Linear wi;
  std::optional<Linear> wi_1;
  Linear wo;
  Dropout dropout;
  Activation act;
  const char* path;

  FeedForward(const Scope& s, const T5Config& c, bool gated)
      : wi(s / (gated ? "wi_0" : "wi"), c.d_model, c.d_ff, in(c)),
        wi_1(gated ? std::optional<Linear>(Linear(s / "wi_1", c.d_model, c.d_ff, in(c))) : std::nullopt),
        wo(s / "wo", c.d_ff, c.d_model, {false, c.initializer_factor / std::sqrt(static_cast<double>(c.d_ff))}),
        dropout(s / "dropout", c.dropout_rate),
        act(activation_named(c.feed_forward_proj == "gated-gelu" ? "gelu_new"
                             : gated                             ? c.feed_forward_proj.substr(6)
                                                                 : c.feed_forward_proj)),
        path(s.trace_path()) {}
  static LinearOptions in(const T5Config& c) {
    return {false, c.initializer_factor / std::sqrt(static_cast<double>(c.d_model))};
  }

  Tensor operator()(const Tensor& x, const Context& context) const {
    const TraceScope trace(path);
    Tensor y = act(wi(x));
    if (wi_1) y = mul(y, (*wi_1)(x));
    return wo(dropout(y, context));
  }
};

struct Block {
  AttentionLayer self;
  RmsNorm self_norm;
  std::optional<AttentionLayer> cross;
  std::optional<RmsNorm> cross_norm;
  FeedForward feed_forward;
  RmsNorm feed_forward_norm;
  Dropout self_dropout, cross_dropout, output_dropout;
  const char* path;

  Block(const Scope& s, const T5Config& c, bool decoder)
      : self(s / "layer.0.SelfAttention", kNames, sizes_of(c)),
        self_norm(s / "layer.0.layer_norm", c.d_model, c.layer_norm_epsilon),
        cross(decoder
                  ? std::optional<AttentionLayer>(AttentionLayer(s / "layer.1.EncDecAttention", kNames, sizes_of(c)))
                  : std::nullopt),
        cross_norm(decoder ? std::optional<RmsNorm>(RmsNorm(s / "layer.1.layer_norm", c.d_model, c.layer_norm_epsilon))
                           : std::nullopt),
        feed_forward(s / (decoder ? "layer.2.DenseReluDense" : "layer.1.DenseReluDense"), c,
                     c.feed_forward_proj.rfind("gated-", 0) == 0),
        feed_forward_norm(s / (decoder ? "layer.2.layer_norm" : "layer.1.layer_norm"), c.d_model, c.layer_norm_epsilon),
        self_dropout(s / "layer.0.dropout", c.dropout_rate),
        cross_dropout(s / "layer.1.dropout", c.dropout_rate),
        output_dropout(s / "layer.2.dropout", c.dropout_rate),
        path(s.trace_path()) {}

  Tensor operator()(const Tensor& x, const Visibility& visible, const Tensor& memory, const Visibility& memory_visible,
                    const Context& context) const {
    const TraceScope trace(path);
    const Tensor normed = self_norm(x);
    Tensor y = add(x, self_dropout(self(normed, normed, visible, context), context));
    if (cross) y = add(y, cross_dropout((*cross)((*cross_norm)(y), memory, memory_visible, context), context));
    return add(y, output_dropout(feed_forward(feed_forward_norm(y), context), context));
  }
};

struct Stack {
  std::shared_ptr<std::vector<Block>> blocks = std::make_shared<std::vector<Block>>();
  Tensor bias;  // (buckets, heads), shared by all blocks; undefined when there are none
  RmsNorm final_layer_norm;
  Dropout dropout;
  int64_t buckets, max_distance;
  bool decoder;
  const char* path;

  Stack(const Scope& s, const T5Config& c, bool is_decoder)
      : final_layer_norm(filled(s, c, is_decoder) / "final_layer_norm", c.d_model, c.layer_norm_epsilon),
        dropout(s / "dropout", c.dropout_rate),
        buckets(c.relative_attention_num_buckets),
        max_distance(c.relative_attention_max_distance),
        decoder(is_decoder),
        path(s.trace_path()) {}

  // Blocks before the final norm: parameters are listed in the order of the data's way.
  const Scope& filled(const Scope& s, const T5Config& c, bool is_decoder) {
    const int64_t layers = is_decoder ? c.num_decoder_layers : c.num_layers;
    for (int64_t i = 0; i < layers; ++i) blocks->emplace_back(s / "block" / i, c, is_decoder);
    if (layers > 0)
      bias = (s / "block.0.layer.0.SelfAttention.relative_attention_bias")
                 .parameter("weight", {c.relative_attention_num_buckets, c.num_heads},
                            Init::normal_of(c.initializer_factor / std::sqrt(static_cast<double>(c.d_model))));
    return s;
  }

  // (1, H, T, T)
  Tensor position_bias(int64_t time) const {
    std::vector<int64_t> rows(static_cast<size_t>(time * time));
    for (int64_t q = 0; q < time; ++q)
      for (int64_t k = 0; k < time; ++k)
        rows[static_cast<size_t>(q * time + k)] = relative_position_bucket(k - q, !decoder, buckets, max_distance);
    return unsqueeze(permute(embedding(bias, from_vector(rows, {time, time})), {2, 0, 1}), 0);
  }

  Tensor operator()(const Tensor& embedded, const Tensor& mask, const Tensor& memory, const Tensor& memory_mask,
                    const Context& context) const {
    const TraceScope trace(path);
    Visibility visible{.mask = mask, .causal = decoder};
    if (bias.defined()) visible.bias = position_bias(embedded.size(1));
    const Visibility memory_visible{.mask = memory_mask};
    const auto block = [all = blocks, visible, memory, memory_visible, context](size_t i, const Tensor& before) {
      return (*all)[i](before, visible, memory, memory_visible, context);
    };
    return dropout(final_layer_norm(run_blocks(blocks->size(), block, dropout(embedded, context), context)), context);
  }
};

class T5Body final : public Seq2SeqBody {
 public:
  T5Body(const Scope& s, const T5Config& c, bool encoder_only)
      : words_(s.parameter(words_name(s), {c.vocab_size, c.d_model}, Init::normal_of(c.initializer_factor))),
        encoder_(s / "encoder", c, false) {
    encoder_words_ = s.store().make_tied((s / "encoder").path() + ".embed_tokens.weight", words_);
    if (encoder_only) return;
    decoder_.emplace(s / "decoder", c, true);
    decoder_words_ = s.store().make_tied((s / "decoder").path() + ".embed_tokens.weight", words_);
  }

  Tensor words() const override { return words_; }
  Tensor encode(const SequenceInput& in, const Context& context) const override {
    return encoder_(in.embeds.defined() ? in.embeds : embedding(encoder_words_, in.ids), in.mask, {}, {}, context);
  }
  Tensor decode(const SequenceInput& in, const Tensor& memory, const Tensor& memory_mask,
                const Context& context) const override {
    return (*decoder_)(in.embeds.defined() ? in.embeds : embedding(decoder_words_, in.ids), in.mask, memory,
                       memory_mask, context);
  }

 private:
  // Files keep the table once, under one of several names.
  static std::string words_name(const Scope& s) {
    const std::string prefix = s.path().empty() ? "" : s.path() + ".";
    const std::string name = s.store().first_stored(
        {prefix + "shared.weight", prefix + "encoder.embed_tokens.weight", prefix + "decoder.embed_tokens.weight"});
    return name.substr(prefix.size());
  }

  Tensor words_;
  Stack encoder_;
  std::optional<Stack> decoder_;
  Tensor encoder_words_, decoder_words_;
};

}  // namespace

std::unique_ptr<Model> make_t5(const T5Config& c, Head head, std::shared_ptr<Parameters> store, std::string text) {
  Seq2SeqSpec spec;
  spec.family = "t5";
  spec.head = head;
  spec.vocab = c.vocab_size;
  spec.width = c.d_model;
  spec.start = c.decoder_start_token_id;
  spec.pad = c.pad_token_id;
  spec.eos = c.eos_token_id;
  spec.init_std = c.initializer_factor / std::sqrt(static_cast<double>(c.d_model));
  spec.dropout = c.classifier_dropout;
  if (c.scale_decoder_outputs) spec.output_scale = 1 / std::sqrt(static_cast<double>(c.d_model));
  spec.decode_the_input = head == Head::sequence_classification || head == Head::question_answering;
  spec.labelling = c.labelling;
  const bool below = head == Head::sequence_classification || head == Head::token_classification;
  const bool encoder_only = head == Head::encoder || head == Head::token_classification;
  auto body = std::make_unique<T5Body>(Scope(*store, below ? "transformer" : ""), c, encoder_only);
  return make_seq2seq(std::move(spec), std::move(body), std::move(store), std::move(text));
}

}  // namespace gradus
