#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tensor/tensor.h"

namespace gradus {

/// Words with a vector each: what Word2Vec and its kin learn.
class WordVectors {
 public:
  /// `vectors` (words, size) f32. Throws ShapeError when they do not fit, ValueError when a word stands twice.
  WordVectors(std::vector<std::string> words, Tensor vectors);
  WordVectors(WordVectors&&) = default;
  WordVectors& operator=(WordVectors&&) = default;
  WordVectors(const WordVectors&) = delete;

  int64_t count() const { return static_cast<int64_t>(words_.size()); }
  int64_t size() const { return vectors_.shape()[1]; }
  const std::vector<std::string>& words() const { return words_; }
  const Tensor& vectors() const { return vectors_; }
  /// -1 when there is no such word.
  int64_t find(std::string_view word) const;
  /// find(), or throws ValueError.
  int64_t at(std::string_view word) const;
  const float* row(int64_t i) const { return vectors_.data<float>() + i * size(); }

  double cosine(int64_t a, int64_t b) const;
  struct Neighbour {
    int64_t word;
    double cosine;
  };
  /// The `top` words whose vectors point most nearly where the sum of unit vectors of `plus` less those of `minus`
  /// does, without these words themselves; of the first `among` words (0: of all). "a is to b as c to": plus b, c,
  /// minus a (3CosAdd, Mikolov et al. 2013, 1301.3781).
  std::vector<Neighbour> nearest(const std::vector<int64_t>& plus, const std::vector<int64_t>& minus, int64_t top,
                                 int64_t among = 0) const;

  /// The files of the word2vec program: "COUNT SIZE", then a word and its numbers a line, as text or as little-endian
  /// f32. A file whose name ends in .bin is binary. Throws FileError naming file, word and what is wrong.
  static WordVectors load(const std::filesystem::path& path);
  static WordVectors load(const std::filesystem::path& path, bool binary);
  /// Text gives each number the digits that read back as the same f32. Throws FileError; ValueError for a word that is
  /// empty or holds white space, which the format cannot hold.
  void save(const std::filesystem::path& path) const;
  void save(const std::filesystem::path& path, bool binary) const;

 private:
  std::vector<std::string> words_;
  Tensor vectors_;
  std::vector<float> inverse_norm_;
  std::unordered_map<std::string_view, int64_t> index_;  // points into words_
};

}  // namespace gradus
