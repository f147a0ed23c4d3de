#include <algorithm>
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/grid_cells.h"
#include "kernels/cpu/taps.h"
#include "kernels/grid_place.h"
#include "kernels/ref/ref.h"

// Every point reads the same few places in all channels: a block of channels is turned, so that they lie side by side,
// with a row of zeros for what lies outside.
namespace gradus::cpu {

namespace {

constexpr int64_t kMostChannels = 64;

// Of some points: which entries they read (the number of entries for what lies outside), their weights, and how the
// weights move with the coordinates.
class PointTaps {
 public:
  int64_t taps, axes;

  PointTaps(const Tensor& x, const Tensor& grid, const SamplingRule& rule, bool slopes, int64_t points)
      : axes(grid.shape()[2]), size_(x.shape()), rule_(rule) {
    const int64_t each = rule.sampling == Sampling::nearest ? 1 : rule.sampling == Sampling::bilinear ? 2 : 4;
    taps = each * each * (axes == 3 ? each : 1);
    place_ = empty({points, taps}, Dtype::i64);
    weight_ = empty({points, taps});
    if (slopes) slope_ = empty({points, taps, axes});
  }
  const int64_t* place(int64_t point) const { return place_.data<int64_t>() + point * taps; }
  const float* weight(int64_t point) const { return weight_.data<float>() + point * taps; }
  const float* slope(int64_t point) const { return slope_.data<float>() + point * taps * axes; }

  void fill(int64_t point, const float* at) {
    AxisTaps<float> t[3];
    for (int64_t i = 0; i < axes; ++i) t[i] = axis_taps(at[i], size_[static_cast<int>(4 - i)], rule_);
    if (axes == 2) t[2].add(0, 1, 0, 1);
    int64_t* place = place_.data<int64_t>() + point * taps;
    float* weight = weight_.data<float>() + point * taps;
    float* s = slope_.defined() ? slope_.data<float>() + point * taps * axes : nullptr;
    for (int k = 0; k < t[2].n; ++k)
      for (int j = 0; j < t[1].n; ++j)
        for (int i = 0; i < t[0].n; ++i) {
          const bool inside = t[0].at[i] >= 0 && t[1].at[j] >= 0 && t[2].at[k] >= 0;
          const float wi = t[0].weight[i], wj = t[1].weight[j], wk = t[2].weight[k];
          *place++ =
              inside ? (t[2].at[k] * size_[3] + t[1].at[j]) * size_[4] + t[0].at[i] : size_[2] * size_[3] * size_[4];
          *weight++ = inside ? wi * wj * wk : 0;
          if (!s) continue;
          s[0] = inside ? t[0].slope[i] * wj * wk : 0;
          s[1] = inside ? wi * t[1].slope[j] * wk : 0;
          if (axes == 3) s[2] = inside ? wi * wj * t[2].slope[k] : 0;
          s += axes;
        }
  }

 private:
  const Shape& size_;
  const SamplingRule& rule_;
  Tensor place_, weight_, slope_;
};

void fill_all(PointTaps& taps, const Tensor& grid) {
  parallel_for(grid.shape()[0] * grid.shape()[1], kCostlyGrain / 8, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) taps.fill(p, grid.data<float>() + p * taps.axes);
  });
}

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
  for (int64_t t = 0; t < taps.taps; ++t) offset[t] = taps.place(point)[t] * width;
}

constexpr int64_t kPointBlock = 64;
constexpr int64_t kFewChannels = 6, kFewPoints = 512;

// A bilinear point of a plane whose four entries all lie inside: the common case, without tables.
struct Cell {
  int64_t at;                // of the first entry
  float x, y, dx_du, dy_dv;  // places beyond it, and how they move with the coordinates

  bool find(const float* uv, const Shape& size, const SamplingRule& rule) {
    const GridPlace<float> px = folded(grid_place(uv[0], size[4], rule.coordinates), size[4], rule);
    const GridPlace<float> py = folded(grid_place(uv[1], size[3], rule.coordinates), size[3], rule);
    if (!(px.at >= 0 && px.at < static_cast<float>(size[4] - 1) && py.at >= 0 &&
          py.at < static_cast<float>(size[3] - 1)))
      return false;
    const auto column = static_cast<int64_t>(px.at), row = static_cast<int64_t>(py.at);
    at = row * size[4] + column;
    x = px.at - static_cast<float>(column), y = py.at - static_cast<float>(row);
    dx_du = px.slope, dy_dv = py.slope;
    return true;
  }
};

// A point by its tables, straight from the planes.
void sample_point(const GridSampleArgs& args, PointTaps& taps, int64_t image, int64_t point) {
  const Shape& s = args.x.shape();
  const int64_t points = args.grid.shape()[1], places = s[2] * s[3] * s[4];
  const float* planes = args.x.data<float>() + image * s[1] * places;
  taps.fill(0, args.grid.data<float>() + (image * points + point) * taps.axes);
  for (int64_t c = 0; c < s[1]; ++c) {
    float sum = 0;
    for (int64_t t = 0; t < taps.taps; ++t)
      if (taps.place(0)[t] < places) sum += taps.weight(0)[t] * planes[c * places + taps.place(0)[t]];
    args.y.data<float>()[(image * s[1] + c) * points + point] = sum;
  }
}

// With few channels turning the image does not pay: straight from the planes. Points [begin, end) of one image.
void sample_few(const GridSampleArgs& args, PointTaps& taps, int64_t image, int64_t begin, int64_t end) {
  const Shape& s = args.x.shape();
  const int64_t points = args.grid.shape()[1], places = s[2] * s[3] * s[4];
  const bool cells = args.rule.sampling == Sampling::bilinear && taps.axes == 2 &&
                     args.rule.outside != Outside::reflection && places < (int64_t{1} << 31);
  const CellPlanes planes{args.x.data<float>() + image * s[1] * places, s[1], s[3], s[4], args.rule.coordinates,
                          args.rule.outside != Outside::zeros};
  float u[kCellBlock], v[kCellBlock];
  bool inside[kCellBlock] = {};
  for (int64_t p = begin; p < end; p += kCellBlock) {
    const int64_t n = std::min(kCellBlock, end - p);
    const float* uv = args.grid.data<float>() + (image * points + p) * taps.axes;
    for (int64_t i = 0; cells && i < n; ++i) u[i] = uv[2 * i], v[i] = uv[2 * i + 1];
    if (cells) sample_cells(planes, u, v, n, args.y.data<float>() + image * s[1] * points + p, points, inside);
    for (int64_t i = 0; i < n; ++i)
      if (!inside[i]) sample_point(args, taps, image, p + i);
  }
}

void backward_few(const GridSampleBackwardArgs& args, PointTaps& taps, int64_t image) {
  const Shape& s = args.x.shape();
  const int64_t points = args.grid.shape()[1], places = s[2] * s[3] * s[4], row = s[4];
  const bool cells = args.rule.sampling == Sampling::bilinear && taps.axes == 2;
  const float *planes = args.x.data<float>() + image * s[1] * places,
              *dy = args.dy.data<float>() + image * s[1] * points;
  float* dplanes = args.dx.defined() ? args.dx.data<float>() + image * s[1] * places : nullptr;
  for (int64_t p = 0; p < points; ++p) {
    const int64_t point = image * points + p;
    const float* uv = args.grid.data<float>() + point * taps.axes;
    float d[3] = {0, 0, 0};
    Cell cell;
    if (cells && cell.find(uv, s, args.rule)) {
      const float w11 = cell.x * cell.y, w01 = cell.x - w11, w10 = cell.y - w11, w00 = 1 - cell.x - w10;
      for (int64_t c = 0; c < s[1]; ++c) {
        const float g = dy[c * points + p];
        const float* x = planes + c * places + cell.at;
        d[0] += g * ((1 - cell.y) * (x[1] - x[0]) + cell.y * (x[row + 1] - x[row]));
        d[1] += g * ((1 - cell.x) * (x[row] - x[0]) + cell.x * (x[row + 1] - x[1]));
        if (!dplanes) continue;
        float* dx = dplanes + c * places + cell.at;
        dx[0] += g * w00, dx[1] += g * w01, dx[row] += g * w10, dx[row + 1] += g * w11;
      }
      d[0] *= cell.dx_du, d[1] *= cell.dy_dv;
    } else {
      taps.fill(0, uv);
      for (int64_t c = 0; c < s[1]; ++c)
        for (int64_t t = 0; t < taps.taps; ++t) {
          const int64_t at = taps.place(0)[t];
          if (at == places) continue;
          const float g = dy[c * points + p], v = g * planes[c * places + at];
          if (dplanes) dplanes[c * places + at] += g * taps.weight(0)[t];
          for (int64_t a = 0; args.dgrid.defined() && a < taps.axes; ++a) d[a] += v * taps.slope(0)[t * taps.axes + a];
        }
    }
    if (args.dgrid.defined()) std::copy(d, d + taps.axes, args.dgrid.data<float>() + point * taps.axes);
  }
}

}  // namespace

void grid_sample(const GridSampleArgs& args) {
  if (!all_f32({args.x}) || args.y.count() == 0 || args.x.count() == 0) return ref::grid_sample(args);
  const Shape& s = args.x.shape();
  const int64_t points = args.grid.shape()[1], places = s[2] * s[3] * s[4];
  if (s[1] <= kFewChannels) {
    const int64_t each = (points + kFewPoints - 1) / kFewPoints;
    return parallel_for(s[0] * each, 8, [&](int64_t begin, int64_t end) {
      PointTaps taps(args.x, args.grid, args.rule, false, 1);
      for (int64_t i = begin; i < end; ++i)
        sample_few(args, taps, i / each, i % each * kFewPoints, std::min(points, (i % each + 1) * kFewPoints));
    });
  }
  PointTaps taps(args.x, args.grid, args.rule, false, s[0] * points);
  fill_all(taps, args.grid);
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
          tap_row(x.data(), offset.data(), taps.weight(point), taps.taps, 0, out.data<float>() + k * width,
                  blocks.size(i));
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
  if (s[1] <= kFewChannels) {  // an image's points add into the same planes, one after the other
    if (wants_x) fill({.y = args.dx, .value = 0});
    return parallel_for(s[0], 1, [&](int64_t begin, int64_t end) {
      PointTaps taps(args.x, args.grid, args.rule, wants_grid, 1);
      for (int64_t i = begin; i < end; ++i) backward_few(args, taps, i);
    });
  }
  PointTaps taps(args.x, args.grid, args.rule, wants_grid, s[0] * points);
  fill_all(taps, args.grid);
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
          if (wants_x) tap_add(dx.data(), offset.data(), taps.weight(point), taps.taps, g, channels);
          if (!wants_grid) continue;
          std::fill(dots.begin(), dots.end(), 0.0f);
          tap_dots(x.data(), offset.data(), taps.taps, g, channels, dots.data());
          const float* slope = taps.slope(point);
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
