#include "io/torch_file.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "base/json.h"
#include "io/foreign_array.h"
#include "io/pickle.h"
#include "io/zip.h"

namespace gradus {
namespace fs = std::filesystem;

namespace {

struct Placed {
  StoredTensor tensor;
  ForeignArray array;
};

// Finds the tensors of a state dict.
class StateDict {
 public:
  StateDict(std::string_view archive, const std::string& name)
      : archive_(archive), name_(name), entries_(parse_zip(archive, name)) {
    const auto at =
        std::find_if(entries_.begin(), entries_.end(), [](const ZipEntry& e) { return e.name.ends_with("/data.pkl"); });
    if (at == entries_.end())
      fail("holds no data.pkl.", "is it a file that torch.save wrote? TorchScript archives are not read.");
    prefix_ = at->name.substr(0, at->name.size() - std::strlen("data.pkl"));
    std::string buffer;
    for (const ZipEntry& e : entries_) {
      by_name_[e.name] = &e;
      if (e.name == prefix_ + "byteorder" && unzip(archive, e, name, buffer, 16) != "little")
        fail("was written by a big-endian machine.", "save it again on a little-endian one.");
    }
    constexpr uint64_t kLargestPickle = uint64_t{1} << 25;  // names and sizes of a million tensors
    if (at->bytes > kLargestPickle) fail("has a data.pkl of " + std::to_string(at->bytes) + " bytes.");
    const std::string_view bytes = unzip(archive, *at, name, buffer);
    const Pickle pickle(bytes, name + ", data.pkl");
    pickle_ = &pickle;
    walk(pickle.root(), "");
    pickle_ = nullptr;
  }
  std::vector<Placed> tensors;

 private:
  using Value = Pickle::Value;
  using Kind = Pickle::Kind;

  [[noreturn]] void fail(const std::string& what, const char* hint = "the file is damaged; fetch it again.") const {
    throw FileError("torch", name_ + ": " + what, hint);
  }
  bool calls(const Value& v, std::string_view name) const {
    return v.kind == Kind::call && pickle_->at(v.items[0]).text == name;
  }
  // A dict, or an OrderedDict that was called without arguments and filled afterwards.
  void walk(const Value& v, const std::string& path) {
    constexpr size_t kDeepest = 16;
    const bool ordered = calls(v, "collections.OrderedDict");
    if (v.kind != Kind::dict && !ordered) {
      if (path.empty()) fail("holds no dict of tensors.", "save the model's state_dict().");
      return;
    }
    if (!seen_.insert(&v).second) return;
    if (++depth_ > kDeepest) fail("nests dicts deeper than 16 levels.");
    for (size_t i = ordered ? 2 : 0; i + 1 < v.items.size(); i += 2) {
      const Value &key = pickle_->at(v.items[i]), &value = pickle_->at(v.items[i + 1]);
      if (key.kind != Kind::text) continue;
      const std::string name = path.empty() ? key.text : path + "." + key.text;
      if (const Value* t = tensor_of(value))
        add(name, *t);
      else
        walk(value, name);
    }
    --depth_;
  }
  const Value* tensor_of(const Value& v) const {
    if (calls(v, "torch._utils._rebuild_tensor_v2") || calls(v, "torch._utils._rebuild_tensor")) return &v;
    if (!calls(v, "torch._utils._rebuild_parameter")) return nullptr;
    const Value& arguments = pickle_->at(v.items[1]);
    if (arguments.items.empty()) return nullptr;
    const Value& inner = pickle_->at(arguments.items[0]);
    return calls(inner, "torch._utils._rebuild_tensor_v2") ? &inner : nullptr;
  }

  std::vector<int64_t> integers(const Value& v, const std::string& name) const {
    std::vector<int64_t> out;
    if (v.kind != Kind::tuple) fail("the tensor \"" + name + "\" has no tuple of sizes.");
    for (const size_t i : v.items) {
      if (pickle_->at(i).kind != Kind::integer) fail("the tensor \"" + name + "\" has a size that is no integer.");
      out.push_back(pickle_->at(i).integer);
    }
    return out;
  }

  // _rebuild_tensor_v2(storage, storage_offset, size, stride, …); a storage is the persistent id
  // ("storage", class, key, location, number of elements).
  void add(const std::string& name, const Value& call) {
    const Value& arguments = pickle_->at(call.items[1]);
    if (arguments.items.size() < 4) fail("the tensor \"" + name + "\" lacks arguments.");
    const Value &storage = pickle_->at(arguments.items[0]), &offset = pickle_->at(arguments.items[1]);
    if (storage.kind != Kind::persistent || offset.kind != Kind::integer)
      fail("the tensor \"" + name + "\" has no storage.");
    const Value& id = pickle_->at(storage.items[0]);
    if (id.kind != Kind::tuple || id.items.size() < 3 || pickle_->at(id.items[1]).kind != Kind::global ||
        pickle_->at(id.items[2]).kind != Kind::text)
      fail("the tensor \"" + name + "\" has a storage of unknown form.");
    const std::string& type = pickle_->at(id.items[1]).text;
    const auto entry = by_name_.find(prefix_ + "data/" + pickle_->at(id.items[2]).text);
    if (entry == by_name_.end()) fail("the storage of \"" + name + "\" is missing.");
    if (entry->second->deflated) fail("the storage of \"" + name + "\" is packed.");
    const std::vector<int64_t> sizes = integers(pickle_->at(arguments.items[2]), name),
                               strides = integers(pickle_->at(arguments.items[3]), name);
    Placed p;
    p.tensor.name = name;
    p.tensor.stored_type = type;
    p.array.element = foreign_element(type);
    if (p.array.element == ForeignElement::none) fail("the tensor \"" + name + "\" is of the type " + type + ".");
    p.array.begin = entry->second->begin;
    p.array.bytes = entry->second->bytes;
    place_foreign(p.array, offset.integer, sizes, strides, name_ + ": the tensor \"" + name + "\"");
    p.tensor.shape = p.array.shape;
    p.tensor.dtype = dtype_of_element(p.array.element);
    p.tensor.bytes = static_cast<uint64_t>(p.array.shape.count()) * bytes_of_element(p.array.element);
    if (!names_.insert(name).second) fail("the tensor \"" + name + "\" stands twice.");
    tensors.push_back(std::move(p));
  }

  std::string_view archive_;
  const std::string& name_;
  std::vector<ZipEntry> entries_;
  std::string prefix_;
  std::map<std::string, const ZipEntry*> by_name_;
  const Pickle* pickle_ = nullptr;
  std::set<const Value*> seen_;
  std::set<std::string> names_;
  size_t depth_ = 0;
};

class TorchFile final : public TensorFile {
 public:
  explicit TorchFile(const fs::path& path) : path_(path.string()), mapping_(make_ref<Mapping>(path)) {
    const std::string_view bytes = mapping_->bytes();
    if (bytes.starts_with("\x80\x02\x8a\x0a"))
      throw FileError("torch", path_ + ": was written by a PyTorch before 1.6.",
                      "load it there and torch.save its state_dict() again.");
    StateDict dict(bytes, path_);
    for (Placed& p : dict.tensors) {
      tensors_.push_back(std::move(p.tensor));
      arrays_.push_back(std::move(p.array));
    }
  }
  const char* format() const override { return "pytorch"; }
  const std::vector<StoredTensor>& tensors() const override { return tensors_; }
  std::string describe() const override { return path_; }
  Tensor load(size_t index) const override { return load_foreign(arrays_.at(index), mapping_); }

 private:
  std::string path_;
  Ref<Mapping> mapping_;
  std::vector<StoredTensor> tensors_;
  std::vector<ForeignArray> arrays_;
};

// Several files, each with the tensors that an index gives it.
class Shards final : public TensorFile {
 public:
  explicit Shards(const fs::path& path) : path_(path.string()) {
    const Json index = read_json(path);
    if (!index.is_object() || !index.contains("weight_map") || !index["weight_map"].is_object())
      throw FileError("torch", path_ + ": lacks the object \"weight_map\".",
                      "it should map tensor names to file names.");
    std::map<std::string, size_t> opened;
    for (const auto& [name, file] : index["weight_map"].items()) {
      const std::string shard = file.is_string() ? file.get<std::string>() : "";
      if (shard.empty() || shard.find('/') != std::string::npos || shard == "..")
        throw FileError("torch", path_ + ": weight_map of \"" + name + "\" is no plain file name.");
      if (!opened.count(shard)) {
        opened[shard] = parts_.size();
        parts_.push_back(open_torch_file(path.parent_path() / shard));
      }
      const size_t part = opened[shard];
      const auto at = parts_[part]->find(name);
      if (!at)
        throw FileError("torch", path_ + ": \"" + name + "\" should be in " + shard + " but is not.",
                        "fetch the shards again.");
      tensors_.push_back(parts_[part]->tensors()[*at]);
      places_.emplace_back(part, *at);
    }
  }
  const char* format() const override { return "pytorch"; }
  const std::vector<StoredTensor>& tensors() const override { return tensors_; }
  std::string describe() const override { return path_; }
  Tensor load(size_t index) const override { return parts_[places_.at(index).first]->load(places_[index].second); }
  std::vector<fs::path> files() const override {
    std::vector<fs::path> out;
    for (const auto& part : parts_) out.emplace_back(part->describe());
    return out;
  }

 private:
  std::string path_;
  std::vector<std::unique_ptr<TensorFile>> parts_;
  std::vector<StoredTensor> tensors_;
  std::vector<std::pair<size_t, size_t>> places_;
};

}  // namespace

std::unique_ptr<TensorFile> open_torch_file(const fs::path& path) { return std::make_unique<TorchFile>(path); }
std::unique_ptr<TensorFile> open_torch_index(const fs::path& path) { return std::make_unique<Shards>(path); }

std::vector<StoredTensor> parse_torch_file(std::string_view archive, const std::string& name) {
  std::vector<StoredTensor> out;
  for (Placed& p : StateDict(archive, name).tensors) out.push_back(std::move(p.tensor));
  return out;
}

}  // namespace gradus
