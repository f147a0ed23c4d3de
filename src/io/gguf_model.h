#pragma once
#include <memory>

#include "base/json.h"
#include "io/gguf.h"
#include "io/gguf_names.h"

namespace gradus {

/// A GGUF file seen as a Hugging Face folder: the tensors under Hugging Face's names and in its layout (rows of query
/// and key heads in their own order, GPT-2's matrices as (in, out), Gemma's norms without the one).
class GgufModel final : public TensorFile {
 public:
  /// Throws FileError for a file without model or with an architecture that has no mapping.
  explicit GgufModel(const std::filesystem::path& path);

  const Gguf& file() const { return file_; }
  const Json& config() const;
  /// A text file of the folder that the file was made from ("generation_config.json"), or empty.
  std::string_view kept_file(const std::string& name) const;

  const char* format() const override { return "gguf"; }
  const std::vector<StoredTensor>& tensors() const override { return tensors_; }
  std::string describe() const override { return file_.describe(); }
  Tensor load(size_t index) const override;
  /// Of transposed matrices the blocks as they lie: (out, in).
  QuantTensor packed(size_t index) const override;
  /// Only of tensors that lie as Hugging Face has them.
  std::string_view bytes_of(size_t index) const override;

 private:
  struct Place {
    size_t index;
    GgufChange change;
  };
  int64_t permuted_heads(size_t index, int64_t rows) const;

  Gguf file_;
  std::shared_ptr<const Json> config_;
  std::vector<StoredTensor> tensors_;
  std::vector<Place> places_;
  int64_t heads_ = 0, kv_heads_ = 0;
};

/// Reorders the rows of each of `heads` heads from Hugging Face's order to GGUF's, or back: rows (heads D), of `bytes`
/// bytes each.
void permute_rows(const std::byte* from, std::byte* to, int64_t rows, int64_t heads, size_t bytes, bool to_gguf);

}  // namespace gradus
