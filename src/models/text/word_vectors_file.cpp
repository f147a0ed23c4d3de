// The files of the word2vec program, read and written.
#include <algorithm>
#include <charconv>
#include <cstring>
#include <unordered_set>

#include "base/error.h"
#include "base/file.h"
#include "models/text/word_vectors.h"

namespace gradus {

namespace {

constexpr const char* kHint = "the file must be in the text or binary format of the word2vec program.";

class VectorReader {
 public:
  VectorReader(const std::filesystem::path& path, bool binary)
      : file_(path),
        name_(path.string()),
        binary_(binary),
        p_(reinterpret_cast<const char*>(file_.data())),
        end_(p_ + file_.size()) {}

  WordVectors read() {
    const int64_t count = number("the number of words"), size = number("the size of the vectors");
    skip_line();
    // A word takes a byte, a blank and its numbers: no file can claim more than it holds.
    const auto left = static_cast<uint64_t>(end_ - p_);
    const uint64_t least = binary_ ? 4 : 2;
    if (count < 1 || size < 1 || static_cast<uint64_t>(size) > left / least ||
        static_cast<uint64_t>(count) > left / (static_cast<uint64_t>(size) * least))
      fail("claims " + std::to_string(count) + " words of " + std::to_string(size) + " numbers, more than its " +
           std::to_string(file_.size()) + " bytes hold");
    Tensor vectors = empty({count, size}, Dtype::f32);
    std::vector<std::string> words;
    words.reserve(count);
    std::unordered_set<std::string> seen;
    for (int64_t i = 0; i < count; ++i) {
      words.push_back(word(i));
      if (!seen.insert(words.back()).second) fail("the word \"" + words.back() + "\" stands twice");
      float* row = vectors.data<float>() + i * size;
      binary_ ? read_bytes(words.back(), row, size) : read_numbers(words.back(), row, size);
    }
    while (p_ < end_ && (*p_ == '\n' || *p_ == '\r' || *p_ == ' ')) ++p_;
    if (p_ != end_) fail("goes on behind its last word");
    return WordVectors(std::move(words), std::move(vectors));
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw FileError("word vectors", name_ + ": " + what + ".", kHint);
  }
  int64_t number(const char* what) {
    while (p_ < end_ && *p_ == ' ') ++p_;
    int64_t n = 0;
    const auto [after, error] = std::from_chars(p_, end_, n);
    if (error != std::errc()) fail(std::string("the first line must hold ") + what);
    p_ = after;
    return n;
  }
  void skip_line() {
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\r')) ++p_;
    if (p_ == end_ || *p_ != '\n') fail("the first line must hold two numbers and nothing else");
    ++p_;
  }
  std::string word(int64_t i) {
    while (p_ < end_ && *p_ == '\n') ++p_;  // binary files may end their rows with a line break
    const char* begin = p_;
    while (p_ < end_ && *p_ != ' ' && *p_ != '\n') ++p_;
    if (p_ == end_ || *p_ != ' ' || p_ == begin)
      fail("word " + std::to_string(i) + " is missing or not followed by a blank");
    return {begin, p_++};
  }
  void read_bytes(const std::string& word, float* row, int64_t size) {
    if (static_cast<uint64_t>(end_ - p_) < static_cast<uint64_t>(size) * 4)
      fail("ends inside the vector of \"" + word + "\"");
    std::memcpy(row, p_, static_cast<size_t>(size) * 4);
    p_ += size * 4;
  }
  void read_numbers(const std::string& word, float* row, int64_t size) {
    for (int64_t k = 0; k < size; ++k) {
      while (p_ < end_ && *p_ == ' ') ++p_;
      const auto [after, error] = std::from_chars(p_, end_, row[k]);
      if (error == std::errc::invalid_argument)
        fail("number " + std::to_string(k) + " of \"" + word + "\" is missing or no number");
      // Too large or too small for f32: infinity or zero, as other readers take it.
      if (error == std::errc::result_out_of_range) row[k] = std::strtof(std::string(p_, after).c_str(), nullptr);
      p_ = after;
    }
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\r')) ++p_;
    if (p_ < end_ && *p_ != '\n') fail("\"" + word + "\" has more than " + std::to_string(size) + " numbers");
  }

  MappedFile file_;
  std::string name_;
  bool binary_;
  const char *p_, *end_;
};

bool is_binary(const std::filesystem::path& path) { return path.extension() == ".bin"; }

}  // namespace

WordVectors WordVectors::load(const std::filesystem::path& path) { return load(path, is_binary(path)); }
WordVectors WordVectors::load(const std::filesystem::path& path, bool binary) {
  return VectorReader(path, binary).read();
}

void WordVectors::save(const std::filesystem::path& path) const { save(path, is_binary(path)); }
void WordVectors::save(const std::filesystem::path& path, bool binary) const {
  for (const std::string& word : words_)
    if (word.empty() || word.find_first_of(" \n\t\r") != word.npos)
      throw ValueError("word vectors", "the word \"" + word + "\" cannot be written: it is empty or holds white space.",
                       "join its parts by '_', as phrases do.");
  AtomicFile file(path);
  std::string out = std::to_string(count()) + " " + std::to_string(size()) + "\n";
  const auto flush = [&] { file.write(out.data(), out.size()), out.clear(); };
  for (int64_t i = 0; i < count(); ++i) {
    out += words_[i];
    if (binary) {
      out += ' ';
      out.append(reinterpret_cast<const char*>(row(i)), static_cast<size_t>(size()) * 4);
    } else {
      char number[32];
      for (int64_t k = 0; k < size(); ++k) {
        out += ' ';
        out.append(number, std::to_chars(number, number + sizeof number, row(i)[k]).ptr);
      }
    }
    out += '\n';
    if (out.size() > (1 << 20)) flush();
  }
  flush();
  file.commit();
}

}  // namespace gradus
