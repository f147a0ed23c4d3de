#include <algorithm>
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/taps.h"
#include "kernels/grid_place.h"
#include "kernels/ref/ref.h"

// Every point reads the same few places in all channels: a block of channels is turned, so that they lie side by side,
// with a row of zeros for what lies outside.
namespace gradus::cpu {

namespace {

constexpr int64_t kMostChannels = 64;

// Of all points: which rows of a turned block they read, their weights, and how the weights move with the coordinates.
struct PointTaps {
  int64_t taps, axes;
  std::vector<int64_t> place;        // (points, taps)
  std::vector<float> weight, slope;  // (points, taps), (points, taps, axes)

  PointTaps(const Tensor& x, const Tensor& grid, const SamplingRule& rule, bool slopes) : axes(grid.shape()[2]) {
    const int64_t each = rule.sampling == Sampling::nearest ? 1 : rule.sampling == Sampling::bilinear ? 2 : 4;
    taps = each * each * (axes == 3 ? each : 1);
    const int64_t points = grid.shape()[0] * grid.shape()[1];
    place.resize(static_cast<size_t>(points * taps));
    weight.resize(place.size());
    if (slopes) slope.resize(place.size() * static_cast<size_t>(axes));
    parallel_for(points, kCostlyGrain / 8, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p) fill_point(x.shape(), grid.data<float>() + p * axes, rule, p);
    });
  }

 private:
  void fill_point(const Shape& x, const float* at, const SamplingRule& rule, int64_t point) {
    AxisTaps<float> t[3];
    for (int64_t i = 0; i < axes; ++i) t[i] = axis_taps(at[i], x[static_cast<int>(4 - i)], rule);
    if (axes == 2) t[2].add(0, 1, 0, 1);
    auto to = static_cast<size_t>(point * taps);
    for (int k = 0; k < t[2].n; ++k)
      for (int j = 0; j < t[1].n; ++j)
        for (int i = 0; i < t[0].n; ++i, ++to) {
          const bool inside = t[0].at[i] >= 0 && t[1].at[j] >= 0 && t[2].at[k] >= 0;
          const float wi = t[0].weight[i], wj = t[1].weight[j], wk = t[2].weight[k];
          place[to] = inside ? (t[2].at[k] * x[3] + t[1].at[j]) * x[4] + t[0].at[i] : x[2] * x[3] * x[4];
          weight[to] = inside ? wi * wj * wk : 0;
          if (slope.empty()) continue;
          float* s = slope.data() + to * static_cast<size_t>(axes);
          s[0] = inside ? t[0].slope[i] * wj * wk : 0;
          s[1] = inside ? wi * t[1].slope[j] * wk : 0;
          if (axes == 3) s[2] = inside ? wi * wj * t[2].slope[k] : 0;
        }
  }
};

// Channels of one image side by side: (places + 1, width).
class TurnedBlock {
 public:
  TurnedBlock(int64_t places, int64_t width) : places_(places), width_(width), numbers_(empty({places + 1, width})) {}
  float* data() const { return numbers_.data<float>(); }
  void clear() { std::fill(data(), data() + numbers_.count(), 0.0f); }
  void load(const float* x, int64_t channels) {
    transpose_block(x, places_, channels, places_, data(), width_);
    std::fill(data() + places_ * width_, data() + (places_ + 1) * width_, 0.0f);
  }
  void store(float* x, int64_t channels) const { transpose_block(data(), width_, places_, channels, x, places_); }

 private:
  int64_t places_, width_;
  Tensor numbers_;
};

// Which channels of which image a piece of work has.
struct Blocks {
  int64_t images, channels, width, per_image;
  Blocks(int64_t b, int64_t c) : images(b), channels(c) {
    width = std::clamp<int64_t>((b * c / 8 + 7) / 8 * 8, std::min<int64_t>(c, 8), kMostChannels);
    width = std::min(width, c);
    per_image = (c + width - 1) / width;
  }
  int64_t count() const { return images * per_image; }
  int64_t image(int64_t i) const { return i / per_image; }
  int64_t first(int64_t i) const { return i % per_image * width; }
  int64_t size(int64_t i) const { return std::min(width, channels - first(i)); }
};

void offsets_of(const PointTaps& taps, int64_t point, int64_t width, int64_t* offset) {
  for (int64_t t = 0; t < taps.taps; ++t) offset[t] = taps.place[static_cast<size_t>(point * taps.taps + t)] * width;
}

constexpr int64_t kPointBlock = 64;

}  // namespace

void grid_sample(const GridSampleArgs& args) {
  if (!all_f32({args.x}) || args.y.count() == 0 || args.x.count() == 0) return ref::grid_sample(args);
  const Shape& s = args.x.shape();
  const int64_t points = args.grid.shape()[1], places = s[2] * s[3] * s[4];
  const PointTaps taps(args.x, args.grid, args.rule, false);
  const Blocks blocks(s[0], s[1]);
  parallel_for(blocks.count(), 1, [&](int64_t begin, int64_t end) {
    TurnedBlock x(places, blocks.width);
    const Tensor out = empty({kPointBlock, blocks.width});
    std::vector<int64_t> offset(static_cast<size_t>(taps.taps));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = blocks.image(i), channel = image * s[1] + blocks.first(i), width = blocks.width;
      x.load(args.x.data<float>() + channel * places, blocks.size(i));
      for (int64_t p = 0; p < points; p += kPointBlock) {
        const int64_t n = std::min(kPointBlock, points - p);
        for (int64_t k = 0; k < n; ++k) {
          const int64_t point = image * points + p + k;
          offsets_of(taps, point, width, offset.data());
          tap_row(x.data(), offset.data(), taps.weight.data() + point * taps.taps, taps.taps, 0,
                  out.data<float>() + k * width, blocks.size(i));
        }
        transpose_block(out.data<float>(), width, n, blocks.size(i), args.y.data<float>() + channel * points + p,
                        points);
      }
    }
  });
}

void grid_sample_backward(const GridSampleBackwardArgs& args) {
  if (!all_f32({args.x}) || args.dy.count() == 0 || args.x.count() == 0) return ref::grid_sample_backward(args);
  const Shape& s = args.x.shape();
  const int64_t points = args.grid.shape()[1], places = s[2] * s[3] * s[4];
  const bool wants_x = args.dx.defined(), wants_grid = args.dgrid.defined();
  const PointTaps taps(args.x, args.grid, args.rule, wants_grid);
  const Blocks blocks(s[0], s[1]);
  const int64_t axes = taps.axes;
  // A block's share of the coordinates' gradient stands apart, to be added in the blocks' order.
  const Tensor shares = wants_grid ? empty({blocks.count(), points * axes}) : Tensor();
  parallel_for(blocks.count(), 1, [&](int64_t begin, int64_t end) {
    const int64_t width = blocks.width;
    TurnedBlock x(wants_grid ? places : 0, width), dx(wants_x ? places : 0, width);
    const Tensor dy = empty({kPointBlock, width});
    std::vector<int64_t> offset(static_cast<size_t>(taps.taps));
    std::vector<float> dots(offset.size());
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = blocks.image(i), channel = image * s[1] + blocks.first(i), channels = blocks.size(i);
      if (wants_grid) x.load(args.x.data<float>() + channel * places, channels);
      if (wants_x) dx.clear();
      for (int64_t p = 0; p < points; p += kPointBlock) {
        const int64_t n = std::min(kPointBlock, points - p);
        transpose_block(args.dy.data<float>() + channel * points + p, points, channels, n, dy.data<float>(), width);
        for (int64_t k = 0; k < n; ++k) {
          const int64_t point = image * points + p + k;
          const float* g = dy.data<float>() + k * width;
          offsets_of(taps, point, width, offset.data());
          if (wants_x)
            tap_add(dx.data(), offset.data(), taps.weight.data() + point * taps.taps, taps.taps, g, channels);
          if (!wants_grid) continue;
          std::fill(dots.begin(), dots.end(), 0.0f);
          tap_dots(x.data(), offset.data(), taps.taps, g, channels, dots.data());
          const float* slope = taps.slope.data() + point * taps.taps * axes;
          for (int64_t a = 0; a < axes; ++a) {
            float sum = 0;
            for (int64_t t = 0; t < taps.taps; ++t) sum += dots[static_cast<size_t>(t)] * slope[t * axes + a];
            shares.data<float>()[(i * points + p + k) * axes + a] = sum;
          }
        }
      }
      if (wants_x) dx.store(args.dx.data<float>() + channel * places, channels);
    }
  });
  if (!wants_grid) return;
  parallel_for(s[0] * points * axes, kCheapGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t image = i / (points * axes), at = i % (points * axes);
      float sum = 0;
      for (int64_t block = 0; block < blocks.per_image; ++block)
        sum += shares.data<float>()[(image * blocks.per_image + block) * points * axes + at];
      args.dgrid.data<float>()[i] = sum;
    }
  });
}

}  // namespace gradus::cpu
