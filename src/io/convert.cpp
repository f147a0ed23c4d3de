#include "io/convert.h"

#include <zlib.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/json.h"
#include "io/convert_types.h"
#include "io/gguf_config.h"
#include "io/gguf_model.h"
#include "io/gguf_tokenizer.h"
#include "io/gguf_types.h"
#include "io/safetensors_writer.h"

namespace gradus {
namespace fs = std::filesystem;

namespace {

constexpr uint64_t kDefaultShard = 5'000'000'000, kLargestText = 16u << 20;

bool is_weights(const std::string& name) {
  for (const char* ending : {".safetensors", ".safetensors.index.json", ".bin", ".bin.index.json", ".pth", ".pt",
                             ".gguf", ".h5", ".msgpack", ".onnx", ".ot"})
    if (name.ends_with(ending)) return true;
  return false;
}

// A checkpoint under Hugging Face's names.
struct Source {
  fs::path path;
  std::unique_ptr<TensorFile> file;
  const GgufModel* gguf = nullptr;
  Json config;  // null when there is none

  explicit Source(const fs::path& where) : path(where) {
    auto opened = open_tensors(path);
    if (std::string_view(opened->format()) == "gguf") {
      auto model = std::make_unique<GgufModel>(path);
      gguf = model.get();
      config = model->config();
      file = std::move(model);
      return;
    }
    file = std::move(opened);
    if (!fs::is_directory(path) || !fs::exists(path / "config.json")) return;
    config = read_json(path / "config.json");
    if (!config.is_object())
      throw FileError("convert",
                      (path / "config.json").string() + " holds " + config.type_name() + ", expected an object.");
  }
  bool folder() const { return fs::is_directory(path); }
};

uint64_t target_bytes(const StoredTensor& t) {
  const auto count = static_cast<uint64_t>(t.shape.count());
  if (!t.quant) return count * size_of(t.dtype);
  const QuantLayout& layout = layout_of(*t.quant);
  return count / static_cast<uint64_t>(layout.block) * static_cast<uint64_t>(layout.bytes);
}

// Passes bytes on and remembers their checksum.
template <class Writer>
struct Sink {
  Writer& writer;
  uLong checksum = crc32_z(0, nullptr, 0);
  static void take(void* self, const void* data, size_t bytes) {
    auto& sink = *static_cast<Sink*>(self);
    sink.checksum = crc32_z(sink.checksum, static_cast<const Bytef*>(data), bytes);
    sink.writer.write(data, bytes);
  }
};

class Conversion {
 public:
  Conversion(const ConvertOptions& options, ConvertReport& report) : options_(options), report_(report) {}

  void to_gguf(const fs::path& source_path, const fs::path& destination);
  void to_folder(const fs::path& source_path, const fs::path& destination);
  void to_safetensors(const fs::path& source_path, const fs::path& destination);

 private:
  struct Job {
    StoredTensor target;  // what is written
    size_t index = 0;     // in the source
    GgufChange change = GgufChange::none;
    std::vector<float> values;  // instead of a source
  };
  void announce(const std::string& name, size_t total) {
    if (options_.on_tensor) options_.on_tensor(name, report_.tensors, total);
    ++report_.tensors;
  }
  template <class Writer>
  void write(const TensorFile& file, const Job& job, int64_t heads, Writer& writer);
  void check(const TensorFile& written) const;
  std::vector<Job> float_jobs(const Source& source) const;
  void copy_others(const Source& source, const fs::path& destination);
  void unpack_texts(const Source& source, const fs::path& destination);
  void write_config(const Source& source, const fs::path& destination, const std::vector<Job>& jobs);
  void write_shards(const Source& source, const fs::path& destination, std::vector<Job> jobs);
  void quantize_gguf(const fs::path& source, const fs::path& destination);
  void finish_gguf(const TensorFile& file, const fs::path& destination, std::vector<GgufField> fields,
                   const std::vector<Job>& jobs, const Json& config);

  const ConvertOptions& options_;
  ConvertReport& report_;
  struct Written {
    StoredTensor tensor;
    uLong checksum;
  };
  std::vector<Written> written_;
};

template <class Writer>
void Conversion::write(const TensorFile& file, const Job& job, int64_t heads, Writer& writer) {
  Sink<Writer> sink{writer};
  if (!job.values.empty()) {
    Sink<Writer>::take(&sink, job.values.data(), job.values.size() * sizeof(float));
  } else {
    const StoredTensor& stored = file.tensors()[job.index];
    report_.bytes_read += stored.bytes;
    const bool untouched = stored.quant && stored.quant == job.target.quant && job.change == GgufChange::none;
    const std::string_view bytes = untouched ? file.bytes_of(job.index) : std::string_view();
    if (!bytes.empty()) {
      Sink<Writer>::take(&sink, bytes.data(), bytes.size());
    } else {
      Tensor x = file.load(job.index);
      // One is added in f32, which the norms of a GGUF file are.
      if (job.change == GgufChange::add_one && x.dtype() != Dtype::f32) {
        const Tensor wide = empty(x.shape());
        for (int64_t i = 0; i < x.count(); ++i)
          wide.data<float>()[i] =
              dispatch_all(x.dtype(), [&](auto tag) { return static_cast<float>(x.data<decltype(tag)>()[i]); });
        x = wide;
      }
      convert_bytes(arranged_for_gguf(x, job.change, heads, stored.name), {job.target.dtype, job.target.quant},
                    stored.name, &sink, Sink<Writer>::take);
    }
  }
  report_.bytes_written += target_bytes(job.target);
  written_.push_back({job.target, sink.checksum});
}

// The result, opened anew, must hold what was written.
void Conversion::check(const TensorFile& file) const {
  const auto fail = [&](const std::string& what) {
    throw FileError("convert", file.describe() + ": " + what, "the disk or the memory may be faulty; convert again.");
  };
  if (file.tensors().size() != written_.size()) fail("holds another number of tensors than was written.");
  for (const Written& w : written_) {
    const auto at = file.find(w.tensor.name);
    if (!at) fail("lacks \"" + w.tensor.name + "\".");
    const StoredTensor& t = file.tensors()[*at];
    if (!(t.shape == w.tensor.shape) || t.quant != w.tensor.quant || (!t.quant && t.dtype != w.tensor.dtype))
      fail("\"" + w.tensor.name + "\" has another shape or type than was written.");
    const std::string_view bytes = file.bytes_of(*at);
    if (crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()) != w.checksum)
      fail("the bytes of \"" + w.tensor.name + "\" differ from what was written.");
  }
}

// --- GGUF ---

// general.file_type, by the type most matrices have.
uint32_t file_type(const std::vector<StoredTensor>& tensors) {
  std::map<std::string, uint64_t> counts;
  for (const StoredTensor& t : tensors)
    if (t.shape.rank() >= 2) counts[t.quant ? layout_of(*t.quant).name : name_of(t.dtype)] += t.shape.count();
  const std::pair<const char*, uint32_t> kTypes[] = {
      {"f32", 0},   {"f16", 1},   {"q4_0", 2},  {"q4_1", 3},  {"q8_0", 7},  {"q5_0", 8}, {"q5_1", 9},
      {"q2_k", 10}, {"q3_k", 12}, {"q4_k", 15}, {"q5_k", 17}, {"q6_k", 18}, {"bf16", 32}};
  uint32_t best = 0;
  uint64_t most = 0;
  for (const auto& [name, number] : kTypes)
    if (counts[name] > most) most = counts[name], best = number;
  return best;
}

TargetType wanted_for(const StoredTensor& t, const std::string& gguf_name, const ConvertOptions& o) {
  const bool embedding = gguf_name == "token_embd.weight" || gguf_name == "output.weight";
  const std::string& name = embedding && !o.embedding_type.empty() ? o.embedding_type : o.type;
  if (!name.empty()) return gguf_type_of(t, gguf_name, target_type(name, true));
  if (t.quant) return {Dtype::f32, t.quant};
  return t.shape.rank() < 2 && is_floating(t.dtype) ? TargetType{Dtype::f32, {}} : TargetType{t.dtype, {}};
}

void Conversion::finish_gguf(const TensorFile& file, const fs::path& destination, std::vector<GgufField> fields,
                             const std::vector<Job>& jobs, const Json& config) {
  std::vector<StoredTensor> tensors;
  for (const Job& job : jobs) tensors.push_back(job.target);
  fields.push_back(GgufField::of_integer("general.file_type", file_type(tensors)));
  const auto integer = [&](std::initializer_list<const char*> keys) -> int64_t {
    for (const char* key : keys)
      if (config.is_object() && config.contains(key) && config.at(key).is_number_integer())
        return config.at(key).get<int64_t>();
    return 0;
  };
  const int64_t heads = integer({"num_attention_heads"}),
                kv_heads = integer({"num_key_value_heads", "num_attention_heads"});
  GgufWriter writer(destination, fields, tensors);
  for (const Job& job : jobs) {
    announce(job.target.name, jobs.size());
    write(file, job, job.change == GgufChange::permute_q ? heads : kv_heads, writer);
  }
  writer.commit();
  report_.files.push_back(destination.filename().string());
  check(Gguf(destination));
}

void Conversion::quantize_gguf(const fs::path& source_path, const fs::path& destination) {
  const Gguf source(source_path);
  std::vector<GgufField> fields;
  for (const GgufField& f : source.fields())
    if (f.key() != "general.file_type" && f.key() != "general.alignment") fields.push_back(f);
  if (!source.field("general.quantization_version"))
    fields.push_back(GgufField::of_integer("general.quantization_version", 2));
  std::vector<Job> jobs;
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    Job job{source.tensors()[i], i, GgufChange::none, {}};
    const TargetType type = wanted_for(job.target, job.target.name, options_);
    job.target.dtype = type.dtype;
    job.target.quant = type.quant;
    jobs.push_back(std::move(job));
  }
  finish_gguf(source, destination, std::move(fields), jobs, {});
}

void Conversion::to_gguf(const fs::path& source_path, const fs::path& destination) {
  const Source source(source_path);
  if (source.gguf) return quantize_gguf(source_path, destination);
  if (source.config.is_null())
    throw FileError("convert", source_path.string() + " has no config.json, without which a GGUF file cannot be made.",
                    "name the model's folder.");
  const Json& config = source.config;
  const std::string model_type = config.is_object() && config.contains("model_type") && config["model_type"].is_string()
                                     ? config["model_type"].get<std::string>()
                                     : "";
  const std::string architecture = gguf_architecture(model_type);
  if (architecture.empty()) {
    std::string known;
    for (const std::string& name : gguf_architectures()) known += (known.empty() ? "" : ", ") + name;
    throw FileError("convert",
                    source_path.string() + ": \"model_type\" is \"" + model_type + "\", which has no GGUF form here.",
                    "there is one for mistral, " + known + ".");
  }
  std::vector<GgufField> fields = {
      GgufField::of_text("general.architecture", architecture), GgufField::of_text("general.type", "model"),
      GgufField::of_text("general.name", fs::weakly_canonical(source_path).filename().string()),
      GgufField::of_integer("general.quantization_version", 2)};
  for (GgufField& f : gguf_config_fields(config, architecture)) fields.push_back(std::move(f));

  std::vector<Job> jobs;
  int64_t vocabulary = 0;
  for (size_t i = 0; i < source.file->tensors().size(); ++i) {
    const StoredTensor& t = source.file->tensors()[i];
    const auto name = gguf_name(architecture, t.name);
    if (!name) {
      report_.notes.push_back("GGUF has no place for \"" + t.name + "\" of " + model_type + "; it was left out.");
      continue;
    }
    Job job{t, i, name->change, {}};
    job.target.name = name->name;
    if (name->change == GgufChange::transpose && t.shape.rank() == 2) job.target.shape = {t.shape[1], t.shape[0]};
    const TargetType type = wanted_for(job.target, name->name, options_);
    job.target.dtype = type.dtype;
    job.target.quant = type.quant;
    if (name->name == "token_embd.weight" && t.shape.rank() == 2) vocabulary = t.shape[0];
    jobs.push_back(std::move(job));
  }
  for (auto& [name, values] : gguf_rope_tensors(config)) {
    Job job;
    job.target.name = name;
    job.target.shape = {static_cast<int64_t>(values.size())};
    job.values = std::move(values);
    jobs.push_back(std::move(job));
  }

  std::string unmapped;
  std::vector<GgufField> tokenizer;
  if (source.folder()) tokenizer = gguf_tokenizer_fields(source_path, vocabulary, &unmapped);
  if (tokenizer.empty()) report_.notes.emplace_back("there is no tokenizer.json; the file holds no tokenizer.");
  if (!unmapped.empty())
    report_.notes.push_back("llama.cpp has no word for the tokenizer (" + unmapped +
                            "); Gradus reads it from the tokenizer.json inside.");
  for (GgufField& f : tokenizer) fields.push_back(std::move(f));
  std::vector<fs::path> texts;
  for (const auto& entry : fs::directory_iterator(source_path)) texts.push_back(entry.path());
  std::sort(texts.begin(), texts.end());
  for (const fs::path& path : texts) {
    const std::string name = path.filename().string();
    if (!fs::is_regular_file(path) || is_weights(name) || name == "tokenizer.json" ||
        fs::file_size(path) > kLargestText)
      continue;
    fields.push_back(GgufField::of_text(gguf_key_of_file(name), read_file(path)));
  }
  finish_gguf(*source.file, destination, std::move(fields), jobs, config);
}

// --- safetensors ---

// The float type that all matrices share, for what GGUF keeps in f32.
std::optional<Dtype> common_type(const TensorFile& file) {
  std::optional<Dtype> common;
  for (const StoredTensor& t : file.tensors()) {
    if (t.shape.rank() < 2) continue;
    if (t.quant || (common && *common != t.dtype)) return std::nullopt;
    common = t.dtype;
  }
  return common;
}

std::vector<Conversion::Job> Conversion::float_jobs(const Source& source) const {
  const std::optional<Dtype> norms = source.gguf ? common_type(*source.file) : std::nullopt;
  std::vector<Job> jobs;
  for (size_t i = 0; i < source.file->tensors().size(); ++i) {
    Job job{source.file->tensors()[i], i, GgufChange::none, {}};
    if (is_floating(job.target.dtype)) {
      if (!options_.type.empty())
        job.target.dtype = target_type(options_.type, false).dtype;
      else if (norms && job.target.shape.rank() < 2)
        job.target.dtype = *norms;
    }
    job.target.quant.reset();
    jobs.push_back(std::move(job));
  }
  return jobs;
}

void Conversion::to_safetensors(const fs::path& source_path, const fs::path& destination) {
  const Source source(source_path);
  std::vector<Job> jobs = float_jobs(source);
  std::sort(jobs.begin(), jobs.end(), [](const Job& a, const Job& b) {
    return written_before(a.target.dtype, a.target.name, b.target.dtype, b.target.name);
  });
  std::vector<StoredTensor> tensors;
  for (const Job& job : jobs) tensors.push_back(job.target);
  TextPairs metadata = source.file->metadata();
  if (metadata.empty()) metadata = {{"format", "pt"}};
  SafetensorsWriter writer(destination, tensors, metadata);
  for (const Job& job : jobs) {
    announce(job.target.name, jobs.size());
    write(*source.file, job, 0, writer);
  }
  writer.commit();
  report_.files.push_back(destination.filename().string());
  check(*open_tensors(destination));
}

void Conversion::write_shards(const Source& source, const fs::path& destination, std::vector<Job> jobs) {
  const uint64_t most = options_.max_shard_bytes ? options_.max_shard_bytes : kDefaultShard;
  std::vector<std::vector<Job>> shards(1);
  uint64_t filled = 0, total = 0;
  const size_t all = jobs.size();
  for (Job& job : jobs) {
    const uint64_t bytes = target_bytes(job.target);
    if (filled > 0 && filled + bytes > most) {
      shards.emplace_back();
      filled = 0;
    }
    filled += bytes;
    total += bytes;
    shards.back().push_back(std::move(job));
  }
  TextPairs metadata = source.file->metadata();
  if (metadata.empty()) metadata = {{"format", "pt"}};
  std::map<std::string, std::string> places;
  for (size_t i = 0; i < shards.size(); ++i) {
    char name[64] = "model.safetensors";
    if (shards.size() > 1) std::snprintf(name, sizeof(name), "model-%05zu-of-%05zu.safetensors", i + 1, shards.size());
    std::sort(shards[i].begin(), shards[i].end(), [](const Job& a, const Job& b) {
      return written_before(a.target.dtype, a.target.name, b.target.dtype, b.target.name);
    });
    std::vector<StoredTensor> tensors;
    for (const Job& job : shards[i]) {
      tensors.push_back(job.target);
      places[job.target.name] = name;
    }
    SafetensorsWriter writer(destination / name, tensors, metadata);
    for (const Job& job : shards[i]) {
      announce(job.target.name, all);
      write(*source.file, job, 0, writer);
    }
    writer.commit();
    report_.files.emplace_back(name);
  }
  if (shards.size() > 1) {
    write_json(destination / "model.safetensors.index.json",
               {{"metadata", {{"total_size", total}}}, {"weight_map", places}});
    report_.files.emplace_back("model.safetensors.index.json");
  }
  check(*open_tensors(destination / (shards.size() > 1 ? "model.safetensors.index.json" : "model.safetensors")));
}

void Conversion::copy_others(const Source& source, const fs::path& destination) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(source.path))
    if (entry.is_regular_file() && !is_weights(entry.path().filename().string())) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    const fs::path relative = fs::relative(file, source.path);
    if (relative == "config.json") continue;
    std::error_code error;
    fs::create_directories((destination / relative).parent_path(), error);
    write_file_atomic(destination / relative, read_file(file));
    report_.files.push_back(relative.string());
  }
}

void Conversion::unpack_texts(const Source& source, const fs::path& destination) {
  const auto put = [&](const std::string& name, std::string_view text) {
    write_file_atomic(destination / name, text);
    report_.files.push_back(name);
  };
  bool tokenizer_config = false;
  for (const GgufField& f : source.gguf->file().fields()) {
    constexpr std::string_view kPrefix = "huggingface.";
    if (!f.key().starts_with(kPrefix) || f.type() != GgufType::string) continue;
    const std::string name = f.key().substr(kPrefix.size());
    if (name.empty() || name.find('/') != std::string::npos || name[0] == '.' || is_weights(name))
      throw FileError("convert", source.path.string() + ": the field \"" + f.key() + "\" names no plain file.");
    tokenizer_config |= name == "tokenizer_config.json";
    if (name != "config.json") put(name, f.text());
  }
  if (!source.gguf->file().field("tokenizer.ggml.model") && source.gguf->kept_file("tokenizer.json").empty()) return;
  try {
    const TokenizerFiles files = gguf_tokenizer_files(source.gguf->file());
    put("tokenizer.json", files.tokenizer_json);
    if (!tokenizer_config && !files.tokenizer_config_json.empty())
      put("tokenizer_config.json", files.tokenizer_config_json);
  } catch (const FileError& e) {
    report_.notes.push_back(std::string("the tokenizer was left out: ") + e.what());
  }
}

// config.json as it was, but for the type when that changed.
void Conversion::write_config(const Source& source, const fs::path& destination, const std::vector<Job>& jobs) {
  if (source.config.is_null()) return;
  report_.files.emplace_back("config.json");
  std::string as_read;
  if (source.folder()) as_read = read_file(source.path / "config.json");
  if (source.gguf) as_read = source.gguf->kept_file("config.json");
  std::map<Dtype, int64_t> counts;
  for (const Job& job : jobs)
    if (is_floating(job.target.dtype)) counts[job.target.dtype] += job.target.shape.count();
  const auto most =
      std::max_element(counts.begin(), counts.end(), [](auto& a, auto& b) { return a.second < b.second; });
  const char* name = most == counts.end() || most->first == Dtype::f32 ? "float32"
                     : most->first == Dtype::bf16                      ? "bfloat16"
                     : most->first == Dtype::f16                       ? "float16"
                                                                       : "float64";
  Json config = source.config;
  const char* key = config.contains("torch_dtype") ? "torch_dtype" : "dtype";
  const bool same = !as_read.empty() && (options_.type.empty() || (config.contains(key) && config[key] == name)) &&
                    (!source.gguf || !config.contains(key) || config[key] == name);
  if (same) return write_file_atomic(destination / "config.json", as_read);
  config[key] = name;
  write_json(destination / "config.json", config);
}

void Conversion::to_folder(const fs::path& source_path, const fs::path& destination) {
  const Source source(source_path);
  std::error_code error;
  fs::create_directories(destination, error);
  if (error)
    throw FileError("convert", "cannot make the folder " + destination.string() + ": " + error.message() + ".");
  if (source.folder() && fs::equivalent(source_path, destination))
    throw ValueError("convert", "source and destination are the same folder.", "name another destination.");
  std::vector<Job> jobs = float_jobs(source);
  const bool as_is = options_.type.empty() && options_.max_shard_bytes == 0 &&
                     std::string_view(source.file->format()) == "safetensors" && source.folder();
  if (as_is) {
    std::vector<fs::path> files = source.file->files();
    if (fs::exists(source_path / "model.safetensors.index.json") && !fs::exists(source_path / "model.safetensors"))
      files.push_back(source_path / "model.safetensors.index.json");
    for (const fs::path& file : files) {
      const MappedFile bytes(file);
      AtomicFile copy(destination / file.filename());
      copy.write(bytes.data(), bytes.size());
      copy.commit();
      report_.files.push_back(file.filename().string());
    }
    for (const Job& job : jobs) {
      announce(job.target.name, jobs.size());
      const std::string_view bytes = source.file->bytes_of(job.index);
      report_.bytes_read += bytes.size();
      report_.bytes_written += bytes.size();
      written_.push_back(
          {job.target, crc32_z(crc32_z(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()), bytes.size())});
    }
    check(*open_tensors(destination / files.back().filename()));
  } else {
    write_shards(source, destination, jobs);
  }
  if (source.folder()) copy_others(source, destination);
  if (source.gguf) unpack_texts(source, destination);
  write_config(source, destination, jobs);
}

}  // namespace

ConvertReport convert_checkpoint(const fs::path& source, const fs::path& destination, const ConvertOptions& options) {
  if (!fs::exists(source)) throw FileError("convert", source.string() + " does not exist.", "check the path.");
  if (fs::exists(destination) && fs::is_regular_file(source) && fs::equivalent(source, destination))
    throw ValueError("convert", "source and destination are the same file.", "name another destination.");
  ConvertReport report;
  Conversion conversion(options, report);
  if (destination.extension() == ".gguf")
    conversion.to_gguf(source, destination);
  else if (destination.extension() == ".safetensors")
    conversion.to_safetensors(source, destination);
  else
    conversion.to_folder(source, destination);
  return report;
}

}  // namespace gradus
