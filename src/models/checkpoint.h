#pragma once
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/json.h"
#include "io/tensor_file.h"
#include "nn/parameters.h"

namespace gradus {

/// A model as it lies on disk: a Hugging Face folder (safetensors or PyTorch weights, one file or shards) or a GGUF
/// file. Tensors are found under the names that the models use: a body that was saved without its head has names
/// without the prefix that models with heads put in front ("bert."), and the other way round; early BERT files call the
/// weights of norms gamma and beta.
class CheckpointSource final : public TensorSource {
 public:
  /// Reads the configuration and the headers of the weights. Throws FileError.
  explicit CheckpointSource(const std::filesystem::path& folder_or_file);
  ~CheckpointSource() override;

  /// What config.json says, or would say for a GGUF file.
  const Json& config() const { return *config_; }
  /// Where it was read, for errors.
  const std::string& config_source() const { return config_source_; }
  const TensorFile& file() const { return *file_; }

  std::string stored_name(const std::string& name) const override;
  Tensor load(const std::string& stored) const override;
  QuantTensor packed(const std::string& stored) const override;
  std::string describe() const override;
  /// Tensors that nobody asked for.
  std::vector<std::string> unused() const;

 private:
  size_t require(const std::string& stored) const;
  std::unique_ptr<TensorFile> file_;
  std::unique_ptr<Json> config_;
  std::string config_source_;
  mutable std::set<std::string> used_;
};

/// Whether `path` is a file that begins like GGUF.
bool is_gguf(const std::filesystem::path& path);

}  // namespace gradus
