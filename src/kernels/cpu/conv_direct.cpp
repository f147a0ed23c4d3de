#include "kernels/cpu/conv_direct.h"

#include <algorithm>
#include <cstring>

namespace gradus::cpu {

namespace {

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// n entries of a row of `size`, `step` apart, from `first` on, which may lie outside.
void copy_row(const float* row, int64_t size, int64_t first, int64_t step, int64_t n, float* to) {
  const int64_t begin = std::clamp<int64_t>(first < 0 ? ceil_div(-first, step) : 0, 0, n);
  const int64_t end = std::clamp<int64_t>(first < size ? (size - 1 - first) / step + 1 : 0, begin, n);
  std::fill(to, to + begin, 0.0f);
  if (step == 1) {
    if (end > begin) std::memcpy(to + begin, row + first + begin, static_cast<size_t>(end - begin) * sizeof(float));
  } else
    for (int64_t i = begin; i < end; ++i) to[i] = row[first + i * step];
  std::fill(to + end, to + n, 0.0f);
}

}  // namespace

ConvTiles::ConvTiles(const ConvGrid& grid, int64_t wanted) : images_(grid.images), grid_(grid.count) {
  if (grid.images == 0 || grid_[0] * grid_[1] * grid_[2] == 0) return;
  int64_t left = std::max<int64_t>(wanted, 1);
  for (int axis = 2; axis >= 0; --axis) {  // whole rows first, then whole planes
    blocks_[axis] = ceil_div(grid_[axis], std::min(grid_[axis], left));
    each_[axis] = ceil_div(grid_[axis], blocks_[axis]);
    blocks_[axis] = ceil_div(grid_[axis], each_[axis]);
    left = std::max<int64_t>(1, left / each_[axis]);
  }
  const bool whole = blocks_[0] * blocks_[1] * blocks_[2] == 1;
  images_each_ = whole ? std::min(images_, left) : 1;
  image_blocks_ = ceil_div(images_, images_each_);
  count_ = image_blocks_ * blocks_[0] * blocks_[1] * blocks_[2];
}

ConvTile ConvTiles::operator[](int64_t i) const {
  ConvTile tile;
  for (int axis = 2; axis >= 0; --axis) {
    tile.first[axis] = i % blocks_[axis] * each_[axis];
    tile.count[axis] = std::min(each_[axis], grid_[axis] - tile.first[axis]);
    i /= blocks_[axis];
  }
  tile.image = i * images_each_;
  tile.images = std::min(images_each_, images_ - tile.image);
  return tile;
}

void ConvStrip::copy(const ConvGrid& grid, const ConvTile& tile, const float* source, int64_t group) {
  // Along an axis with one tap only the entries that are read are copied.
  Place3 low, extent, copied, step;
  for (int axis = 0; axis < 3; ++axis) {
    const auto [least, most] = std::minmax_element(grid.at[axis].begin(), grid.at[axis].end());
    low[axis] = tile.first[axis] * grid.step[axis] + *least;
    copied[axis] = *least == *most ? grid.step[axis] : 1;
    step[axis] = *least == *most ? 1 : grid.step[axis];
    extent[axis] = (tile.count[axis] - 1) * step[axis] + *most - *least + 1;
  }
  const int64_t row = extent[2], plane = extent[1] * row, volume = extent[0] * plane, image = grid.channels * volume;
  if (!buffer.defined() || buffer.count() < tile.images * image) buffer = empty({tile.images * image});
  const int64_t area = grid.size[1] * grid.size[2];
  for (int64_t b = 0; b < tile.images; ++b)
    for (int64_t c = 0; c < grid.channels; ++c) {
      const float* from = source + (((tile.image + b) * grid.groups + group) * grid.channels + c) * grid.size[0] * area;
      float* to = buffer.data<float>() + b * image + c * volume;
      for (int64_t d = 0; d < extent[0]; ++d)
        for (int64_t h = 0; h < extent[1]; ++h, to += row) {
          const int64_t z = low[0] + d * copied[0], y = low[1] + h * copied[1];
          if (z < 0 || z >= grid.size[0] || y < 0 || y >= grid.size[1])
            std::fill(to, to + row, 0.0f);
          else
            copy_row(from + z * area + y * grid.size[2], grid.size[2], low[2], copied[2], row, to);
        }
    }

  of_tap.clear();
  std::array<int64_t, 3> least;
  for (int axis = 0; axis < 3; ++axis) least[axis] = *std::min_element(grid.at[axis].begin(), grid.at[axis].end());
  for (int64_t c = 0; c < grid.channels; ++c)
    for (int64_t z : grid.at[0])
      for (int64_t y : grid.at[1])
        for (int64_t x : grid.at[2])
          of_tap.push_back(c * volume + (z - least[0]) * plane + (y - least[1]) * row + x - least[2]);
  of_pixel.clear();
  for (int64_t b = 0; b < tile.images; ++b)
    for (int64_t d = 0; d < tile.count[0]; ++d)
      for (int64_t h = 0; h < tile.count[1]; ++h)
        for (int64_t w = 0; w < tile.count[2]; ++w)
          of_pixel.push_back(b * image + d * step[0] * plane + h * step[1] * row + w * step[2]);
}

}  // namespace gradus::cpu
