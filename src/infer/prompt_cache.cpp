#include "infer/prompt_cache.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "io/safetensors.h"
#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

namespace {

constexpr const char* kFormat = "gradus prompt cache 1";

// FNV-1a over the configuration and the beginning of every parameter: another model's keys are of no use.
std::string fingerprint(const CausalLm& model) {
  uint64_t hash = 14695981039346656037u;
  const auto take = [&](std::string_view bytes) {
    for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  };
  take(model.config());
  constexpr int64_t kSample = 1024;
  for (const Parameter& p : model.parameters().all()) {
    const Tensor flat = contiguous(p.value.detach());
    const size_t bytes = static_cast<size_t>(std::min(flat.count(), kSample)) * size_of(flat.dtype());
    take(std::string_view(static_cast<const char*>(flat.raw()), bytes));
  }
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

const char* const kParts[] = {"k", "v", "k_scale", "v_scale"};

std::string name_of_part(size_t layer, size_t part) { return "layers." + std::to_string(layer) + "." + kParts[part]; }

std::string metadata(const Safetensors& file, const char* key) {
  for (const auto& [name, value] : file.metadata())
    if (name == key) return value;
  return "";
}

}  // namespace

void save_prompt_cache(const std::filesystem::path& file, const CausalLm& model, Decoding& decoding) {
  KvCache& cache = decoding.cache();
  NamedTensors tensors;
  tensors.emplace_back("tokens", from_vector(decoding.text(0), {cache.length}));
  std::vector<int64_t> dropped;
  for (size_t i = 0; i < cache.layers.size(); ++i) {
    const std::vector<Tensor*> parts = cache.layers[i].parts();
    dropped.push_back(cache.layers[i].dropped);
    for (size_t p = 0; p < parts.size(); ++p)
      tensors.emplace_back(name_of_part(i, p), narrow(*parts[p], 1, 0, cache.length - dropped.back()));
  }
  tensors.emplace_back("dropped", from_vector(dropped, {static_cast<int64_t>(dropped.size())}));
  write_safetensors(file, tensors, {{"format", kFormat}, {"model", fingerprint(model)}});
}

int64_t load_prompt_cache(const std::filesystem::path& path, const CausalLm& model, const std::vector<int32_t>& prompt,
                          Decoding& decoding) {
  if (!std::filesystem::exists(path)) return 0;
  const auto refuse = [&](const std::string& what, const char* hint = "remove the file to begin anew.") {
    throw FileError("prompt cache", path.string() + " " + what, hint);
  };
  const Safetensors file(path);
  if (metadata(file, "format") != kFormat) refuse("is no prompt cache.", "name another file.");
  if (metadata(file, "model") != fingerprint(model)) refuse("belongs to another model.");
  const Tensor stored = file.load("tokens"), forgotten = file.load("dropped");
  KvCache& cache = decoding.cache();
  if (stored.dtype() != Dtype::i32 || stored.rank() != 1 || forgotten.dtype() != Dtype::i64 ||
      forgotten.count() != static_cast<int64_t>(cache.layers.size()))
    refuse("holds tokens and layers that do not fit the model.");
  const auto tokens = stored.to_vector<int32_t>();
  const auto dropped = forgotten.to_vector<int64_t>();
  const auto length = static_cast<int64_t>(tokens.size());
  const auto longest = std::min(tokens.size(), prompt.size() - 1);
  int64_t common = 0;
  while (common < static_cast<int64_t>(longest) &&
         tokens[static_cast<size_t>(common)] == prompt[static_cast<size_t>(common)])
    ++common;
  KvCache filled = cache;  // the same buffers
  for (size_t i = 0; i < filled.layers.size(); ++i) {
    KvCache::Layer& layer = filled.layers[i];
    const std::vector<Tensor*> parts = layer.parts();
    if (dropped[i] < 0 || dropped[i] > length || (dropped[i] > 0 && layer.window == 0)) return 0;
    const int64_t kept = layer.window > 0 ? length - dropped[i] : common;
    if (kept > layer.k.size(1)) return 0;  // it was made with more room
    for (size_t p = 0; p < parts.size(); ++p) {
      const Tensor from = file.load(name_of_part(i, p));
      Shape wanted = parts[p]->shape();
      wanted[1] = length - dropped[i];
      if (from.dtype() != parts[p]->dtype() || !(from.shape() == wanted))
        refuse("holds \"" + name_of_part(i, p) + "\" as " + from.describe() + ", which does not fit the cache.",
               "keep to one --cache-type and --dtype, or remove the file.");
      kernels(from.device()).copy({.x = narrow(from, 1, 0, kept), .y = narrow(*parts[p], 1, 0, kept)});
    }
    layer.dropped = dropped[i];
  }
  filled.length = length;
  if (!filled.can_cut(common)) return 0;
  filled.cut(common);
  decoding.restore(std::move(filled), {tokens.begin(), tokens.begin() + common});
  return common;
}

}  // namespace gradus
