// reader_fuzz: good files, mutated at random, for every reader of foreign bytes. Each must be read or refused with a
// gradus::Error; anything else is a bug: another exception, a signal, a sanitizer's report, memory without bound.
//   reader_fuzz [--calls N] [--seed S] [--only NAME]      N mutated files for each reader
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "io/gguf_model.h"
#include "io/gguf_tokenizer.h"
#include "io/pickle.h"
#include "io/safetensors.h"
#include "io/torch_file.h"
#include "io/zip.h"

namespace gradus::fuzz {
namespace {

const std::string kGolden = GRADUS_TEST_DIR "/golden/";

class Mutator {
 public:
  Mutator(uint64_t seed, uint64_t run) : key_(RandomKey{seed, 0}.fold(run)) {}

  std::string operator()(std::string file) {
    for (uint64_t rounds = 1 + below(4); rounds > 0 && !file.empty(); --rounds) mutate(file);
    return file;
  }

 private:
  uint64_t below(uint64_t n) { return key_.below(n, next_++); }
  template <class T>
  void put(std::string& file, T value) {
    if (file.size() < sizeof(T)) return;
    std::memcpy(file.data() + place(file.size() - sizeof(T) + 1), &value, sizeof(T));
  }
  // Headers stand at the beginning, directories of archives at the end.
  uint64_t place(uint64_t n) {
    switch (below(4)) {
      case 0: return below(n);
      case 1: return n - 1 - below(std::min<uint64_t>(n, 512));
      default: return below(std::min<uint64_t>(n, 512));
    }
  }
  void mutate(std::string& file) {
    constexpr uint64_t kOdd[] = {0,
                                 1,
                                 7,
                                 31,
                                 32,
                                 255,
                                 256,
                                 65535,
                                 0x7fffffff,
                                 0x80000000,
                                 0xffffffff,
                                 uint64_t{1} << 40,
                                 uint64_t{1} << 61,
                                 (uint64_t{1} << 63) - 1,
                                 uint64_t{1} << 63,
                                 ~uint64_t{0}};
    const uint64_t odd = kOdd[below(std::size(kOdd))];
    switch (below(9)) {
      case 0: file[place(file.size())] = static_cast<char>(below(256)); break;
      case 1: file[place(file.size())] ^= static_cast<char>(1 << below(8)); break;
      case 2: put(file, static_cast<uint32_t>(odd)); break;
      case 3: put(file, odd); break;
      case 4: put(file, static_cast<uint16_t>(odd)); break;
      case 5: put(file, static_cast<uint8_t>(below(40))); break;
      case 6: file.resize(below(file.size() + 1)); break;
      case 7: file.erase(place(file.size()), 1 + below(24)); break;
      default: {
        const uint64_t from = place(file.size());
        file.insert(place(file.size()), file.substr(from, 1 + below(48)));
      }
    }
  }

  RandomKey key_;
  uint64_t next_ = 0;
};

// A small language model with a tokenizer of each kind.
std::string gguf_seed(const char* tokenizer) {
  const std::string path =
      (std::filesystem::temp_directory_path() / ("gradus-fuzz-" + std::to_string(getpid()))).string();
  std::vector<GgufField> fields = {GgufField::of_text("general.architecture", "llama"),
                                   GgufField::of_integer("llama.embedding_length", 32),
                                   GgufField::of_integer("llama.block_count", 1),
                                   GgufField::of_integer("llama.attention.head_count", 2),
                                   GgufField::of_integer("llama.context_length", 16),
                                   GgufField::of_integer("llama.feed_forward_length", 32),
                                   GgufField::of_text("tokenizer.ggml.model", tokenizer),
                                   GgufField::of_text("tokenizer.ggml.pre", "smollm"),
                                   GgufField::of_texts("tokenizer.ggml.tokens", {"<s>", "a", "b", "ab", "\u2581a"}),
                                   GgufField::of_integers("tokenizer.ggml.token_type", {3, 1, 1, 1, 1}),
                                   GgufField::of_numbers("tokenizer.ggml.scores", {0, -1, -2, -3, -4}),
                                   GgufField::of_texts("tokenizer.ggml.merges", {"a b"}),
                                   GgufField::of_integer("tokenizer.ggml.bos_token_id", 0),
                                   GgufField::of_flag("tokenizer.ggml.add_bos_token", true)};
  std::vector<StoredTensor> tensors(3);
  tensors[0].name = "token_embd.weight", tensors[0].shape = {5, 32}, tensors[0].quant = QuantFormat::q8_0;
  tensors[1].name = "blk.0.attn_q.weight", tensors[1].shape = {32, 32}, tensors[1].quant = QuantFormat::q4_0;
  tensors[2].name = "output_norm.weight", tensors[2].shape = {32};
  GgufWriter writer(path, fields, tensors);
  const std::string zeros(5 * 34 + 32 * 18 + 32 * 4, '\0');
  writer.write(zeros.data(), 5 * 34);
  writer.write(zeros.data(), 32 * 18);
  writer.write(zeros.data(), 32 * 4);
  writer.commit();
  std::string bytes = read_file(path);
  std::filesystem::remove(path);
  return bytes;
}

void load_all(const TensorFile& file) {
  for (size_t i = 0; i < file.tensors().size(); ++i) {
    const Tensor t = file.load(i);
    if (t.count() > 0 && t.contiguous()) {  // every byte is there
      const auto* p = static_cast<const unsigned char*>(t.raw());
      volatile unsigned sum = p[0];
      sum = sum + p[t.bytes() - 1];
    }
    file.packed(i);
  }
}

// Readers that want a file get one in memory.
std::string scratch_path() {
  return (std::filesystem::is_directory("/dev/shm") ? "/dev/shm/gradus-fuzz-" : "/tmp/gradus-fuzz-") +
         std::to_string(getpid());
}
template <class F>
void with_file(const std::string& bytes, const char* ending, const F& f) {
  struct File {
    std::string path;
    ~File() { unlink(path.c_str()); }
  } file{scratch_path() + ending};
  FILE* out = std::fopen(file.path.c_str(), "wb");
  if (!out) return;
  std::fwrite(bytes.data(), 1, bytes.size(), out);
  std::fclose(out);
  f(file.path);
}

struct Reader {
  const char* name;
  std::vector<std::string> seeds;
  void (*read)(const std::string& bytes);
};

std::vector<Reader> readers() {
  return {
      {"gguf", {gguf_seed("gpt2"), gguf_seed("llama")}, [](const std::string& b) { parse_gguf(b, "fuzz"); }},
      {"gguf-model",
       {gguf_seed("gpt2"), gguf_seed("llama"), gguf_seed("bert")},
       [](const std::string& b) {
         with_file(b, ".gguf", [](const std::string& path) {
           const GgufModel model(path);
           load_all(model);
           gguf_tokenizer_files(model.file());
         });
       }},
      {"safetensors",
       {read_file(kGolden + "io.safetensors")},
       [](const std::string& b) { parse_safetensors_header(b, "fuzz"); }},
      {"torch", {read_file(kGolden + "files/weights.pth")}, [](const std::string& b) { parse_torch_file(b, "fuzz"); }},
      {"torch-load",
       {read_file(kGolden + "files/weights.pth")},
       [](const std::string& b) {
         with_file(b, ".pth", [](const std::string& path) { load_all(*open_tensors(path)); });
       }},
      {"pickle",
       {std::string("\x80\x02}q\0X\x01\0\0\0aq\1ccollections\nOrderedDict\nq\2)Rq\3s.", 45)},
       [](const std::string& b) { Pickle(b, "fuzz"); }},
      {"numpy",
       {read_file(kGolden + "files/arrays.npz"), read_file(kGolden + "files/one.npy"),
        read_file(kGolden + "files/stored.npz")},
       [](const std::string& b) { parse_numpy(b, "fuzz"); }},
      {"numpy-load",
       {read_file(kGolden + "files/arrays.npz"), read_file(kGolden + "files/stored.npz")},
       [](const std::string& b) {
         with_file(b, ".npz", [](const std::string& path) { load_all(*open_tensors(path)); });
       }},
  };
}

int run(uint64_t runs, uint64_t seed, const char* only) {
  int failures = 0;
  for (const Reader& reader : readers()) {
    if (only && std::strcmp(only, reader.name) != 0) continue;
    uint64_t read = 0;
    for (uint64_t i = 0; i < runs; ++i) {
      const std::string bytes = Mutator(seed, i)(reader.seeds[i % reader.seeds.size()]);
      try {
        reader.read(bytes);
        ++read;
      } catch (const Error&) {
      } catch (const std::exception& e) {
        std::fprintf(stderr, "%s, seed %llu, run %llu: %s\n", reader.name, static_cast<unsigned long long>(seed),
                     static_cast<unsigned long long>(i), e.what());
        if (++failures > 20) return 1;
      }
    }
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    std::printf("%-12s %llu files, %llu of them read, peak %ld MB\n", reader.name,
                static_cast<unsigned long long>(runs), static_cast<unsigned long long>(read), used.ru_maxrss / 1024);
    // The files have a few kilobytes: nothing may ask for much more than they could hold.
    if (used.ru_maxrss > 2 * 1024 * 1024) return 1;
  }
  return failures > 0;
}

}  // namespace
}  // namespace gradus::fuzz

int main(int argc, char** argv) {
  uint64_t runs = 10000, seed = 1;
  const char* only = nullptr;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (!std::strcmp(argv[i], "--calls")) runs = std::strtoull(argv[i + 1], nullptr, 10);
    if (!std::strcmp(argv[i], "--seed")) seed = std::strtoull(argv[i + 1], nullptr, 10);
    if (!std::strcmp(argv[i], "--only")) only = argv[i + 1];
  }
  return gradus::fuzz::run(runs, seed, only);
}
