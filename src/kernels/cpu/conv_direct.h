#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

// How the fast convolutions see their work. Every one of the three is a sum over products of two numbers, one of which
// is read at `place of the pixel + place of the tap`: the input for y and dw, dy for dx. Pixels are taken in tiles. The
// part of the source that a tile reads is copied, with its zeros around it, to a strip that stays in the cache; in it
// the two places are two small tables of offsets, whatever stride, dilation, padding and number of axes were.
namespace gradus::cpu {

using Place3 = std::array<int64_t, 3>;

/// Pixel p of the grid `count` reads the source at p * step + at[axis][tap], zero outside the source.
struct ConvGrid {
  int64_t images = 0, groups = 1, channels = 0;  // channels of the source in one group
  Place3 size{};                                 // of the source
  Place3 count{}, step{1, 1, 1};
  std::array<std::vector<int64_t>, 3> at;

  int64_t taps() const { return static_cast<int64_t>(at[0].size() * at[1].size() * at[2].size()); }
  int64_t depth() const { return channels * taps(); }
};

/// Pixels of some images: the box first … first + count - 1 of each.
struct ConvTile {
  int64_t image = 0, images = 1;
  Place3 first{}, count{};
  int64_t pixels() const { return images * count[0] * count[1] * count[2]; }
};

/// The grid cut into tiles of about `wanted` pixels, by its sizes alone.
class ConvTiles {
 public:
  ConvTiles(const ConvGrid& grid, int64_t wanted);
  int64_t count() const { return count_; }
  ConvTile operator[](int64_t i) const;

 private:
  int64_t images_, count_ = 0;
  Place3 grid_{};
  int64_t images_each_ = 1, image_blocks_ = 0;
  Place3 each_{}, blocks_{};
};

struct ConvStrip {
  Tensor buffer;
  std::vector<int64_t> of_tap;    // (channels, taps)
  std::vector<int64_t> of_pixel;  // (images, box) in row-major order

  const float* numbers() const { return buffer.data<float>(); }
  /// Copies what `tile` reads of one group of `source` (images, groups * channels, size).
  void copy(const ConvGrid& grid, const ConvTile& tile, const float* source, int64_t group);
};

}  // namespace gradus::cpu
