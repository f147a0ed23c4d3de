#include "io/tensor_file.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "io/gguf.h"
#include "io/safetensors.h"
#include "io/torch_file.h"

namespace gradus {
namespace fs = std::filesystem;

namespace {

class SafetensorsTensors final : public TensorFile {
 public:
  explicit SafetensorsTensors(const fs::path& path) : path_(path.string()), file_(path) {
    for (const TensorInfo& t : file_.tensors())
      tensors_.push_back({t.name, t.shape, t.dtype, {}, safetensors_name(t.dtype), t.bytes()});
  }
  const char* format() const override { return "safetensors"; }
  const std::vector<StoredTensor>& tensors() const override { return tensors_; }
  std::string describe() const override { return path_; }
  Tensor load(size_t index) const override { return file_.map(tensors_.at(index).name); }
  QuantTensor packed(size_t index) const override {
    const StoredTensor& t = tensors_.at(index);
    if (t.shape.rank() != 2 || (t.dtype != Dtype::f16 && t.dtype != Dtype::bf16)) return {};
    return QuantTensor(file_.storage(t.name), t.dtype == Dtype::f16 ? QuantFormat::f16 : QuantFormat::bf16, t.shape[0],
                       t.shape[1]);
  }
  std::string_view bytes_of(size_t index) const override { return file_.bytes(tensors_.at(index).name); }
  TextPairs metadata() const override { return file_.metadata(); }
  std::vector<fs::path> files() const override { return file_.files(); }

 private:
  std::string path_;
  Safetensors file_;
  std::vector<StoredTensor> tensors_;
};

bool begins_with(const fs::path& path, std::string_view mark) {
  const MappedFile file(path);
  return file.size() >= mark.size() &&
         std::string_view(reinterpret_cast<const char*>(file.data()), mark.size()) == mark;
}

}  // namespace

QuantTensor TensorFile::packed(size_t) const { return {}; }
std::string_view TensorFile::bytes_of(size_t) const { return {}; }
std::vector<fs::path> TensorFile::files() const { return {fs::path(describe())}; }

std::optional<size_t> TensorFile::find(std::string_view name) const {
  const std::vector<StoredTensor>& all = tensors();
  if (by_name_.size() != all.size()) {
    by_name_.resize(all.size());
    std::iota(by_name_.begin(), by_name_.end(), size_t{0});
    std::sort(by_name_.begin(), by_name_.end(), [&](size_t a, size_t b) { return all[a].name < all[b].name; });
  }
  const auto at = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                   [&](size_t i, std::string_view n) { return all[i].name < n; });
  return at != by_name_.end() && all[*at].name == name ? std::optional(*at) : std::nullopt;
}

std::unique_ptr<TensorFile> open_tensors(const fs::path& path) {
  if (fs::is_directory(path)) {
    for (const char* name :
         {"model.safetensors", "model.safetensors.index.json", "pytorch_model.bin", "pytorch_model.bin.index.json"})
      if (fs::exists(path / name)) return open_tensors(path / name);
    throw FileError("load", path.string() + " holds no weights that Gradus reads.",
                    "it reads model.safetensors, pytorch_model.bin, and shards of either with their index.json.");
  }
  const std::string name = path.filename().string();
  if (name.ends_with(".safetensors") || name.ends_with(".safetensors.index.json"))
    return std::make_unique<SafetensorsTensors>(path);
  if (name.ends_with(".bin.index.json")) return open_torch_index(path);
  for (const char* ending : {".bin", ".pth", ".pt"})
    if (name.ends_with(ending)) return open_torch_file(path);
  if (name.ends_with(".npz") || name.ends_with(".npy")) return open_numpy(path);
  if (name.ends_with(".gguf") || begins_with(path, "GGUF")) return std::make_unique<Gguf>(path);
  throw FileError("load", path.string() + " is of no kind that Gradus reads tensors from.",
                  "it reads .safetensors, .gguf, .bin, .pth, .pt, .npz, .npy.");
}

}  // namespace gradus
