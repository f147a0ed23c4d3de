#include "io/safetensors.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "io/safetensors_writer.h"

namespace gradus {
namespace fs = std::filesystem;

Safetensors::Safetensors(const fs::path& path) : path_(path) {
  if (fs::is_directory(path)) {
    if (fs::exists(path / "model.safetensors"))
      add_file(path / "model.safetensors");
    else if (fs::exists(path / "model.safetensors.index.json"))
      add_index(path / "model.safetensors.index.json");
    else
      throw FileError("safetensors",
                      path.string() + " holds neither model.safetensors nor model.safetensors.index.json.",
                      "name the folder of a model, or a .safetensors file.");
  } else if (path.extension() == ".json") {
    add_index(path);
  } else {
    add_file(path);
  }
  sort_names();
}

void Safetensors::add_file(const fs::path& path) {
  mappings_.push_back(make_ref<Mapping>(path));
  const MappedFile& file = mappings_.back()->file;
  SafetensorsHeader header =
      parse_safetensors_header({reinterpret_cast<const char*>(file.data()), file.size()}, path.string());
  for (TensorInfo& t : header.tensors) {
    t.shard = static_cast<int>(files_.size());
    tensors_.push_back(std::move(t));
  }
  if (metadata_.empty()) metadata_ = std::move(header.metadata);
  files_.push_back(path);
  data_begin_.push_back(header.data_begin);
}

// {"metadata": {"total_size": …}, "weight_map": {tensor name: file name}}
void Safetensors::add_index(const fs::path& path) {
  const Json index = read_json(path);
  const std::string where = path.string();
  const auto map = index.is_object() ? index.find("weight_map") : index.end();
  if (!index.is_object() || map == index.end() || !map->is_object())
    throw FileError("safetensors", where + ": lacks the object \"weight_map\".",
                    "it should map tensor names to file names.");
  std::map<std::string, std::vector<std::string>> shards;
  for (const auto& [name, file] : map->items()) {
    if (!file.is_string()) throw FileError("safetensors", where + ": weight_map of \"" + name + "\" is no file name.");
    shards[file.get<std::string>()].push_back(name);
  }
  for (auto& [file, names] : shards) {
    if (file.empty() || file.find('/') != std::string::npos || file == "." || file == "..")
      throw FileError("safetensors", where + ": \"" + file + "\" is no plain file name.",
                      "shards lie beside their index.");
    const size_t before = tensors_.size();
    add_file(path.parent_path() / file);
    std::sort(names.begin(), names.end());
    const auto unlisted = [&](const TensorInfo& t) { return !std::binary_search(names.begin(), names.end(), t.name); };
    tensors_.erase(std::remove_if(tensors_.begin() + static_cast<std::ptrdiff_t>(before), tensors_.end(), unlisted),
                   tensors_.end());
    if (tensors_.size() - before == names.size()) continue;
    for (const std::string& name : names)
      if (std::none_of(tensors_.begin() + static_cast<std::ptrdiff_t>(before), tensors_.end(),
                       [&](auto& t) { return t.name == name; }))
        throw FileError("safetensors", where + ": \"" + name + "\" should be in " + file + " but is not.",
                        "fetch the shards again.");
  }
}

void Safetensors::sort_names() {
  by_name_.resize(tensors_.size());
  for (size_t i = 0; i < by_name_.size(); ++i) by_name_[i] = i;
  std::sort(by_name_.begin(), by_name_.end(), [&](size_t a, size_t b) { return tensors_[a].name < tensors_[b].name; });
}

const TensorInfo* Safetensors::find(std::string_view name) const {
  const auto at = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                   [&](size_t i, std::string_view n) { return tensors_[i].name < n; });
  return at != by_name_.end() && tensors_[*at].name == name ? &tensors_[*at] : nullptr;
}

const TensorInfo& Safetensors::require(std::string_view name) const {
  if (const TensorInfo* info = find(name)) return *info;
  throw FileError("safetensors",
                  path_.string() + " has no tensor \"" + std::string(name) + "\" among its " +
                      std::to_string(tensors_.size()) + ".",
                  "gradus inspect lists what it holds.");
}

const std::byte* Safetensors::bytes_of(const TensorInfo& info) const {
  return mappings_[info.shard]->file.data() + data_begin_[info.shard] + info.begin;
}

Tensor Safetensors::load(std::string_view name) const {
  const TensorInfo& info = require(name);
  Tensor t = empty(info.shape, info.dtype);
  const std::byte* from = bytes_of(info);
  if (info.dtype == Dtype::boolean) {  // any byte may stand in the file, only 0 and 1 in a bool
    for (uint64_t i = 0; i < info.bytes(); ++i) t.data<bool>()[i] = from[i] != std::byte{0};
  } else if (info.bytes() > 0) {
    std::memcpy(t.raw(), from, info.bytes());
  }
  return t;
}

Tensor Safetensors::map(std::string_view name) const {
  const TensorInfo& info = require(name);
  const std::byte* from = bytes_of(info);
  if (info.dtype == Dtype::boolean || info.bytes() == 0 || reinterpret_cast<uintptr_t>(from) % size_of(info.dtype) != 0)
    return load(name);
  return Tensor(storage(name), info.dtype, info.shape, contiguous_strides(info.shape));
}

std::string_view Safetensors::bytes(std::string_view name) const {
  const TensorInfo& info = require(name);
  return {reinterpret_cast<const char*>(bytes_of(info)), info.bytes()};
}

Ref<Storage> Safetensors::storage(std::string_view name) const {
  const TensorInfo& info = require(name);
  return make_ref<Storage>(bytes_of(info), info.bytes(), mappings_[info.shard]);
}

NamedTensors Safetensors::load_all() const {
  NamedTensors all;
  for (const TensorInfo& info : tensors_) all.emplace_back(info.name, load(info.name));
  return all;
}

namespace {

// Elements of any view, packed in row-major order.
std::string packed(const Tensor& t) {
  std::string out(t.bytes(), '\0');
  dispatch_all(t.dtype(), [&](auto tag) {
    using T = decltype(tag);
    Shape index = Shape::filled(t.rank(), 0);
    int64_t offset = 0;
    for (int64_t i = 0; i < t.count(); ++i) {
      std::memcpy(out.data() + i * sizeof(T), t.data<T>() + offset, sizeof(T));
      for (int axis = t.rank() - 1; axis >= 0; --axis) {
        offset += t.strides()[axis];
        if (++index[axis] < t.shape()[axis]) break;
        offset -= t.shape()[axis] * t.strides()[axis];
        index[axis] = 0;
      }
    }
  });
  return out;
}

}  // namespace

void write_safetensors(const fs::path& path, const NamedTensors& tensors, const TextPairs& metadata) {
  std::vector<const std::pair<std::string, Tensor>*> order;
  for (const auto& entry : tensors) {
    const auto& [name, t] = entry;
    if (!t.defined() || t.device() != Device::cpu)
      throw ValueError("safetensors", "the tensor \"" + name + "\" " + t.describe() + " has no data to write.");
    order.push_back(&entry);
  }
  std::sort(order.begin(), order.end(),
            [](auto* a, auto* b) { return written_before(a->second.dtype(), a->first, b->second.dtype(), b->first); });
  std::vector<StoredTensor> announced;
  for (const auto* entry : order) announced.push_back({entry->first, entry->second.shape(), entry->second.dtype()});
  SafetensorsWriter file(path, announced, metadata);
  for (const auto* entry : order) {
    const Tensor& t = entry->second;
    if (t.contiguous()) {
      file.write(t.raw(), t.bytes());
    } else {
      const std::string bytes = packed(t);
      file.write(bytes.data(), bytes.size());
    }
  }
  file.commit();
}

}  // namespace gradus
