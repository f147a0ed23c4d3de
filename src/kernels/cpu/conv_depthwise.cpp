#include <algorithm>

#include "base/parallel.h"
#include "kernels/cpu/conv.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/taps.h"

// One input channel a group: each output channel is its own small convolution of one plane. The plane is copied with
// its zeros; where the step along a row is s, its columns are dealt into s planes, so that neighbours in the output lie
// side by side for every tap.
namespace gradus::cpu {

namespace {

class Plane {
 public:
  explicit Plane(const ConvGrid& grid) : grid_(grid) {
    for (int i = 0; i < 3; ++i) {
      const auto [least, most] = std::minmax_element(grid.at[i].begin(), grid.at[i].end());
      low_[i] = *least;
      extent_[i] = (grid.count[i] - 1) * grid.step[i] + *most - *least + 1;
    }
    const int64_t deals = grid.step[2];
    width_ = (extent_[2] + deals - 1) / deals;
    part_ = extent_[0] * extent_[1] * width_;
    buffer_ = empty({deals * part_});
    for (int64_t z : grid.at[0])
      for (int64_t y : grid.at[1])
        for (int64_t x : grid.at[2])
          offsets_.push_back((x - low_[2]) % deals * part_ + ((z - low_[0]) * extent_[1] + y - low_[1]) * width_ +
                             (x - low_[2]) / deals);
  }

  void copy(const float* source) {
    float* to = buffer_.data<float>();
    const int64_t deals = grid_.step[2];
    for (int64_t d = 0; d < extent_[0]; ++d)
      for (int64_t h = 0; h < extent_[1]; ++h)
        for (int64_t deal = 0; deal < deals; ++deal)
          copy_row(source, d + low_[0], h + low_[1], deal, to + deal * part_ + (d * extent_[1] + h) * width_);
  }

  const float* row(int64_t d, int64_t h) const {
    return buffer_.data<float>() + (d * grid_.step[0] * extent_[1] + h * grid_.step[1]) * width_;
  }
  const std::vector<int64_t>& offsets() const { return offsets_; }

 private:
  void copy_row(const float* source, int64_t z, int64_t y, int64_t deal, float* to) const {
    const int64_t deals = grid_.step[2], first = low_[2] + deal, size = grid_.size[2];
    if (z < 0 || z >= grid_.size[0] || y < 0 || y >= grid_.size[1]) return void(std::fill(to, to + width_, 0.0f));
    const float* from = source + (z * grid_.size[1] + y) * size;
    const int64_t begin = std::clamp<int64_t>(first < 0 ? (-first + deals - 1) / deals : 0, 0, width_);
    const int64_t end = std::clamp<int64_t>(first < size ? (size - 1 - first) / deals + 1 : 0, begin, width_);
    std::fill(to, to + begin, 0.0f);
    if (deals == 1)
      std::copy(from + first + begin, from + first + end, to + begin);
    else
      for (int64_t i = begin; i < end; ++i) to[i] = from[first + i * deals];
    std::fill(to + end, to + width_, 0.0f);
  }

  const ConvGrid& grid_;
  Place3 low_, extent_;
  int64_t width_, part_;
  Tensor buffer_;
  std::vector<int64_t> offsets_;
};

int64_t volume(const Place3& size) { return size[0] * size[1] * size[2]; }

// Writes the pass's entries of y, or adds to them. w (taps); `row` has room for a row.
void plane_pass(const ConvPass& pass, const Plane& plane, const float* w, float bias, bool add, float* y, float* row) {
  const ConvDestination& to = pass.to;
  const auto taps = static_cast<int64_t>(plane.offsets().size());
  const bool direct = to.step[2] == 1 && !add;
  for (int64_t d = 0; d < pass.grid.count[0]; ++d)
    for (int64_t h = 0; h < pass.grid.count[1]; ++h) {
      float* at =
          y + ((to.first[0] + d * to.step[0]) * to.size[1] + to.first[1] + h * to.step[1]) * to.size[2] + to.first[2];
      tap_row(plane.row(d, h), plane.offsets().data(), w, taps, bias, direct ? at : row, pass.grid.count[2]);
      if (direct) continue;
      for (int64_t i = 0; i < pass.grid.count[2]; ++i) at[i * to.step[2]] = row[i] + (add ? at[i * to.step[2]] : 0);
    }
}

// The weights of a pass's taps; w (d, h, w) of one channel.
std::vector<float> weights_of(const ConvPass& pass, const float* w, const Shape& shape) {
  std::vector<float> own;
  for (int64_t z : pass.tap[0])
    for (int64_t y : pass.tap[1])
      for (int64_t x : pass.tap[2]) own.push_back(w[(z * shape[3] + y) * shape[4] + x]);
  return own;
}

}  // namespace

void depthwise_conv(const ConvArgs& args) {
  const ConvPass pass = forward_pass(args);
  const int64_t channels = args.w.shape()[0], multiple = pass.to.channels, taps = pass.grid.taps();
  const int64_t from = volume(pass.grid.size), to = volume(pass.to.size);
  const float *x = args.x.data<float>(), *w = args.w.data<float>();
  parallel_for(pass.grid.images * channels, rows_for(kCheapGrain, to), [&](int64_t begin, int64_t end) {
    Plane plane(pass.grid);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t o = i % channels;
      if (i == begin || o % multiple == 0) plane.copy(x + i / multiple * from);
      plane_pass(pass, plane, w + o * taps, pass.to.bias ? pass.to.bias[o] : 0, false, pass.to.y + i * to, nullptr);
    }
  });
}

void depthwise_backward_data(const ConvBackwardDataArgs& args, const std::vector<ConvPass>& passes) {
  const Shape& shape = args.w.shape();
  const int64_t groups = args.geometry.groups, multiple = shape[0] / groups, taps = args.w.count() / shape[0];
  const int64_t from = volume(passes[0].grid.size), to = volume(passes[0].to.size);
  const float *dy = args.dy.data<float>(), *w = args.w.data<float>();
  parallel_for(args.dx.shape()[0] * groups, rows_for(kCheapGrain, to), [&](int64_t begin, int64_t end) {
    const Tensor row = empty({args.dx.shape()[4]});
    for (const ConvPass& pass : passes) {
      if (pass.grid.taps() == 0) continue;
      Plane plane(pass.grid);
      for (int64_t i = begin * multiple; i < end * multiple; ++i) {
        const int64_t o = i % (groups * multiple);
        plane.copy(dy + i * from);
        plane_pass(pass, plane, weights_of(pass, w + o * taps, shape).data(), 0, i % multiple > 0,
                   pass.to.y + i / multiple * to, row.data<float>());
      }
    }
  });
}

void depthwise_backward_weights(const ConvBackwardWeightsArgs& args) {
  const ConvGrid grid = weights_grid(args);
  const int64_t outputs = args.dw.shape()[0], multiple = outputs / grid.groups, taps = grid.taps();
  const int64_t from = volume(grid.size), to = volume(grid.count);
  const float *x = args.x.data<float>(), *dy = args.dy.data<float>();
  float* dw = args.dw.data<float>();
  parallel_for(grid.groups, rows_for(kCheapGrain, grid.images * to), [&](int64_t begin, int64_t end) {
    Plane plane(grid);
    std::fill(dw + begin * multiple * taps, dw + end * multiple * taps, 0.0f);
    for (int64_t c = begin; c < end; ++c)
      for (int64_t b = 0; b < grid.images; ++b) {
        plane.copy(x + (b * grid.groups + c) * from);
        for (int64_t o = c * multiple; o < (c + 1) * multiple; ++o) {
          const float* g = dy + (b * outputs + o) * to;
          for (int64_t d = 0; d < grid.count[0]; ++d)
            for (int64_t h = 0; h < grid.count[1]; ++h, g += grid.count[2])
              tap_dots(plane.row(d, h), plane.offsets().data(), taps, g, grid.count[2], dw + o * taps);
        }
      }
  });
}

}  // namespace gradus::cpu
