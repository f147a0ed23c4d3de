#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "io/safetensors.h"
#include "nn/attention_cache.h"
#include "nn/context.h"
#include "nn/parameters.h"

namespace gradus {

/// A configuration's facts that the floors above need, whatever the family calls them.
struct LmShape {
  int64_t vocab = 0, width = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0;
  int64_t max_positions = 0;
};

/// What a decoder reads. Undefined tensors mean: everything visible, positions 0, 1, 2, …
struct LmInput {
  Tensor input_ids;          ///< (B, T) i64
  Tensor attention_mask;     ///< (B, T) bool, false for padding; with a cache (B, cached + T)
  Tensor position_ids;       ///< (B, T) i64
  Tensor first;              ///< (B, T) i32: first visible position of each query, for packed documents
  KvCache* cache = nullptr;  ///< read and filled when given
  int64_t length = 0;        ///< the whole text is at least so long: asked by rotary positions that depend on it
};

/// What Model::forward gives beside what it always gives.
struct ForwardOptions {
  bool logits = true;          ///< false: only the loss where there is one, which may spare the logits of all positions
  bool hidden_states = false;  ///< also hidden_states.0 (after the embeddings), … , the last being last_hidden_state
};

/// A neural network with named parameters and the configuration it was made from.
class Model {
 public:
  virtual ~Model() = default;
  /// One forward pass, inputs and outputs under the names of Hugging Face's: input_ids, attention_mask, labels, … ->
  /// logits, loss, last_hidden_state, … Integers may have any integer type, masks any type; floating inputs are brought
  /// to the parameters' type. `loss` is there when its labels are, and has a history. Throws ValueError for an input
  /// that the model does not know or lacks, ShapeError and IndexError for inputs that do not fit.
  virtual NamedTensors forward(const NamedTensors& inputs, const Context& context,
                               const ForwardOptions& options = {}) const = 0;
  /// The inputs that forward() knows.
  virtual std::vector<std::string> inputs() const = 0;
  Parameters& parameters() { return *parameters_; }
  const Parameters& parameters() const { return *parameters_; }
  /// The text of config.json: what was read, with the defaults filled in and unknown keys kept.
  const std::string& config() const { return config_; }

 protected:
  Model(std::shared_ptr<Parameters> parameters, std::string config)
      : parameters_(std::move(parameters)), config_(std::move(config)) {}

 private:
  std::shared_ptr<Parameters> parameters_;  // a model around another one shares its parameters
  std::string config_;
};

/// A decoder-only language model.
class CausalLm : public Model {
 public:
  /// The states after the final norm, (B, T, width). Throws IndexError for ids outside the vocabulary, ShapeError for
  /// more positions than the model has.
  virtual Tensor hidden(const LmInput& in, const Context& context) const = 0;
  /// Rows of the output layer (vocab, width): the embedding itself when tied.
  virtual Tensor head() const = 0;
  virtual LmShape shape() const = 0;
  /// c: the logits are c tanh(logits / c), as in Gemma 2; 0: they stay.
  virtual double logit_softcap() const { return 0; }
  /// How many keys the queries of each layer see, 0: all.
  virtual std::vector<int64_t> windows() const { return std::vector<int64_t>(static_cast<size_t>(shape().layers)); }
  /// The length of a text from which on a cache filled before is of no more use (longrope); 0: there is none.
  virtual int64_t cache_expires_at() const { return 0; }

  /// An input as Hugging Face's forward pass takes it: ids and labels of any integer type, a mask of any type. When
  /// config.json says `use_cache: false` and there is no mask, positions that jump separate packed documents.
  LmInput input(const Tensor& input_ids, const Tensor& attention_mask = {}, const Tensor& position_ids = {}) const;
  /// (B, T, vocab)
  Tensor logits(const Tensor& hidden) const;
  /// The sum over all targets of -log p(target) / normaliser (0: their number), from hidden states (B, T, width) and
  /// shifted labels (B, T), without ever holding all logits.
  Tensor loss(const Tensor& hidden, const Tensor& shifted, double normaliser = 0) const;
  /// input_ids, attention_mask, position_ids, labels (shifted by one inside) -> logits, loss.
  NamedTensors forward(const NamedTensors& inputs, const Context& context,
                       const ForwardOptions& options = {}) const override;
  std::vector<std::string> inputs() const override;
  KvCache make_cache(int64_t batch, int64_t capacity, KvType type = KvType::model) const;

 protected:
  CausalLm(std::shared_ptr<Parameters> parameters, std::string config);

 private:
  bool use_cache_ = true;  // what config.json says
};

struct ModelOptions {
  Dtype dtype = Dtype::f32;
  Device device = Device::cpu;
  uint64_t seed = 0;      ///< of the initial parameters
  bool trainable = true;  ///< parameters require gradients
  /// Matrices that the file holds in 16 bits or packed blocks stay as they are (inference only, f32): linear layers
  /// multiply by them, embeddings unpack the rows they need. Needs trainable = false.
  bool packed_weights = false;
  bool body_only = false;  ///< make_model(): without its head, whatever `architectures` says
};

/// A model from a configuration (the JSON of config.json, called `source` in errors); `model_type` picks the family.
/// The parameters come from `weights`, or are initialised. Throws ValueError for an unknown family and for impossible
/// settings, naming the key; FileError for a tensor that is missing or misshapen.
std::unique_ptr<CausalLm> make_causal_lm(const Json& config, const ModelOptions& options,
                                         const std::string& source = "config", const TensorSource* weights = nullptr);

/// A model of any family with the head that `architectures` names ("BertForMaskedLM"; without it the family's usual
/// one). Throws ValueError also for a head that the family does not have.
std::unique_ptr<Model> make_model(const Json& config, const ModelOptions& options, const std::string& source = "config",
                                  const TensorSource* weights = nullptr);

/// The keys that a family's configuration knows. Throws ValueError for an unknown family.
std::vector<std::string> model_config_keys(const std::string& model_type);
/// Whether `model_type` names a family of decoder-only language models.
bool is_causal_lm(const std::string& model_type);

/// From a Hugging Face directory (config.json with safetensors or PyTorch weights, one file or shards) or a GGUF file.
/// Throws FileError naming the file and tensor. `unused` receives the names of tensors in the checkpoint that the model
/// does not have.
std::unique_ptr<CausalLm> load_causal_lm(const std::filesystem::path& path, const ModelOptions& options,
                                         std::vector<std::string>* unused = nullptr);
std::unique_ptr<Model> load_model(const std::filesystem::path& path, const ModelOptions& options,
                                  std::vector<std::string>* unused = nullptr);

/// Writes config.json, generation_config.json and model.safetensors, each atomically.
void save_model(const Model& model, const std::filesystem::path& directory);

}  // namespace gradus
