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
    std::fill(buffer_.data<float>(), buffer_.data<float>() + buffer_.count(), 0.0f);
    for (int64_t z : grid.at[0])
      for (int64_t y : grid.at[1])
        for (int64_t x : grid.at[2])
          offsets_.push_back((x - low_[2]) % deals * part_ + ((z - low_[0]) * extent_[1] + y - low_[1]) * width_ +
                             (x - low_[2]) / deals);
  }

  void copy(const float* source) {  // the zeros around it stay
    const int64_t deals = grid_.step[2], size = grid_.size[2];
    const Inside z = inside(0), y = inside(1);
    for (int64_t d = z.begin; d < z.end && y.begin < y.end; ++d) {
      const float* from = source + ((d + low_[0]) * grid_.size[1] + y.begin + low_[1]) * size;
      float* to = buffer_.data<float>() + (d * extent_[1] + y.begin) * width_;
      const int64_t rows = y.end - y.begin;
      for (int64_t deal = 0; deal < deals; ++deal, to += part_) {
        const int64_t first = low_[2] + deal;
        const int64_t begin = std::clamp<int64_t>(first < 0 ? (-first + deals - 1) / deals : 0, 0, width_);
        const int64_t end = std::clamp<int64_t>(first < size ? (size - 1 - first) / deals + 1 : 0, begin, width_);
        if (deals == 1) {
          copy_rows(from + first + begin, size, rows, end - begin, to + begin, width_);
          continue;
        }
        for (int64_t h = 0; h < rows; ++h)
          for (int64_t i = begin; i < end; ++i) to[h * width_ + i] = from[h * size + first + i * deals];
      }
    }
  }

  const float* row(int64_t d, int64_t h) const {
    return buffer_.data<float>() + (d * grid_.step[0] * extent_[1] + h * grid_.step[1]) * width_;
  }
  const std::vector<int64_t>& offsets() const { return offsets_; }
  /// Numbers from one row to the next.
  int64_t width() const { return width_; }
  /// With a step of one down the columns the rows of a plane can be taken as one long row, `width()` apart; what lies
  /// between two of them is of no use. Numbers of that row.
  bool joined() const { return grid_.step[1] == 1; }
  int64_t joined_length() const { return (grid_.count[1] - 1) * width_ + grid_.count[2]; }

 private:
  struct Inside {
    int64_t begin, end;
  };
  // Rows of the copy along an axis that the source has.
  Inside inside(int axis) const {
    const int64_t begin = std::clamp<int64_t>(-low_[axis], 0, extent_[axis]);
    return {begin, std::clamp<int64_t>(grid_.size[axis] - low_[axis], begin, extent_[axis])};
  }

  const ConvGrid& grid_;
  Place3 low_, extent_;
  int64_t width_, part_;
  Tensor buffer_;
  std::vector<int64_t> offsets_;
};

int64_t volume(const Place3& size) { return size[0] * size[1] * size[2]; }

// Writes the pass's entries of y, or adds to them. w (taps); `buffer` has room for buffer_size().
void plane_pass(const ConvPass& pass, const Plane& plane, const float* w, float bias, bool add, float* y,
                float* buffer) {
  const ConvDestination& to = pass.to;
  const Place3& count = pass.grid.count;
  const auto taps = static_cast<int64_t>(plane.offsets().size());
  const int64_t step = to.step[2];
  for (int64_t d = 0; d < count[0]; ++d) {
    if (plane.joined()) tap_row(plane.row(d, 0), plane.offsets().data(), w, taps, bias, buffer, plane.joined_length());
    float* to_plane = y + ((to.first[0] + d * to.step[0]) * to.size[1] + to.first[1]) * to.size[2] + to.first[2];
    if (plane.joined() && step == 1 && !add) {
      copy_rows(buffer, plane.width(), count[1], count[2], to_plane, to.step[1] * to.size[2]);
      continue;
    }
    for (int64_t h = 0; h < count[1]; ++h) {
      float* at = to_plane + h * to.step[1] * to.size[2];
      float* row = plane.joined() ? buffer + h * plane.width() : buffer;
      if (!plane.joined()) tap_row(plane.row(d, h), plane.offsets().data(), w, taps, bias, row, count[2]);
      for (int64_t i = 0; i < count[2]; ++i) at[i * step] = row[i] + (add ? at[i * step] : 0);
    }
  }
}

int64_t buffer_size(const ConvPass& pass, const Plane& plane) {
  return plane.joined() ? plane.joined_length() : pass.grid.count[2];
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
    const Tensor buffer = empty({buffer_size(pass, plane)});
    for (int64_t i = begin; i < end; ++i) {
      const int64_t o = i % channels;
      if (i == begin || o % multiple == 0) plane.copy(x + i / multiple * from);
      plane_pass(pass, plane, w + o * taps, pass.to.bias ? pass.to.bias[o] : 0, false, pass.to.y + i * to,
                 buffer.data<float>());
    }
  });
}

void depthwise_backward_data(const ConvBackwardDataArgs& args, const std::vector<ConvPass>& passes) {
  const Shape& shape = args.w.shape();
  const int64_t groups = args.geometry.groups, multiple = shape[0] / groups, taps = args.w.count() / shape[0];
  const int64_t from = volume(passes[0].grid.size), to = volume(passes[0].to.size);
  const float *dy = args.dy.data<float>(), *w = args.w.data<float>();
  parallel_for(args.dx.shape()[0] * groups, rows_for(kCheapGrain, to), [&](int64_t begin, int64_t end) {
    for (const ConvPass& pass : passes) {
      if (pass.grid.taps() == 0) continue;
      Plane plane(pass.grid);
      const Tensor buffer = empty({buffer_size(pass, plane)});
      for (int64_t i = begin * multiple; i < end * multiple; ++i) {
        const int64_t o = i % (groups * multiple);
        plane.copy(dy + i * from);
        plane_pass(pass, plane, weights_of(pass, w + o * taps, shape).data(), 0, i % multiple > 0,
                   pass.to.y + i / multiple * to, buffer.data<float>());
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
    // dy spread as the rows of the plane are, with zeros between.
    const Tensor spread = plane.joined() ? empty({plane.joined_length()}) : Tensor();
    if (plane.joined()) std::fill(spread.data<float>(), spread.data<float>() + spread.count(), 0.0f);
    for (int64_t c = begin; c < end; ++c)
      for (int64_t b = 0; b < grid.images; ++b) {
        plane.copy(x + (b * grid.groups + c) * from);
        for (int64_t o = c * multiple; o < (c + 1) * multiple; ++o) {
          const float* g = dy + (b * outputs + o) * to;
          for (int64_t d = 0; d < grid.count[0]; ++d) {
            if (plane.joined()) {
              copy_rows(g, grid.count[2], grid.count[1], grid.count[2], spread.data<float>(), plane.width());
              tap_dots(plane.row(d, 0), plane.offsets().data(), taps, spread.data<float>(), plane.joined_length(),
                       dw + o * taps);
              g += grid.count[1] * grid.count[2];
              continue;
            }
            for (int64_t h = 0; h < grid.count[1]; ++h, g += grid.count[2])
              tap_dots(plane.row(d, h), plane.offsets().data(), taps, g, grid.count[2], dw + o * taps);
          }
        }
      }
  });
}

}  // namespace gradus::cpu
