#include "kernels/cpu/conv.h"

#include <algorithm>

#include "base/parallel.h"
#include "kernels/cpu/conv_tile.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/half.h"
#include "kernels/cpu/taps.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

namespace {

constexpr int64_t kStripNumbers = 65536;  // of a tile's source: half of a second-level cache
constexpr int64_t kPanelNumbers = 4096;   // of the weights: half of a first-level cache

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Weights in panels of `full` columns: panel(g, i) is (depth, width(i)), one column an output channel.
struct Panels {
  int64_t groups, columns, depth;
  int64_t full = std::min(panel_columns(), panel_width(columns));
  int64_t count = ceil_div(columns, full);
  int64_t padded = (count - 1) * full + panel_width(columns - (count - 1) * full);
  Tensor numbers = empty({groups * padded * depth});

  int64_t valid(int64_t i) const { return std::min(full, columns - i * full); }
  int64_t width(int64_t i) const { return i + 1 < count ? full : padded - i * full; }
  float* panel(int64_t g, int64_t i) const { return numbers.data<float>() + (g * padded + i * full) * depth; }
};

// Rows of output channels, which hold the depth as it is needed.
Panels forward_panels(const Tensor& w, int64_t groups) {
  const int64_t depth = w.count() / w.shape()[0];
  Panels p{groups, w.shape()[0] / groups, depth};
  const float* from = w.data<float>();
  parallel_for(groups * p.count, rows_for(kCheapGrain, depth * p.full), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t g = i / p.count, block = i % p.count, width = p.width(block), valid = p.valid(block);
      float* to = p.panel(g, block);
      if (valid < width) std::fill(to, to + depth * width, 0.0f);
      transpose_block(from + (g * p.columns + block * p.full) * depth, depth, valid, depth, to, width);
    }
  });
  return p;
}

// Depth is (output channel, tap of the pass), columns are the input channels.
Panels backward_panels(const Tensor& w, int64_t groups, const ConvPass& pass) {
  const int64_t channels = w.shape()[1], outputs = w.shape()[0] / groups, all = w.count() / (w.shape()[0] * channels);
  std::vector<int64_t> taps;
  for (int64_t z : pass.tap[0])
    for (int64_t y : pass.tap[1])
      for (int64_t x : pass.tap[2]) taps.push_back((z * w.shape()[3] + y) * w.shape()[4] + x);
  const auto few = static_cast<int64_t>(taps.size());
  Panels p{groups, channels, outputs * few};
  const float* from = w.data<float>();
  parallel_for(groups * outputs, rows_for(kCheapGrain, channels * few), [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      for (int64_t block = 0; block < p.count; ++block) {
        const int64_t width = p.width(block), valid = p.valid(block);
        const float* row = from + (i * channels + block * p.full) * all;
        float* to = p.panel(i / outputs, block) + i % outputs * few * width;
        for (int64_t t = 0; t < few; ++t, to += width) {
          const float* at = row + taps[static_cast<size_t>(t)];
          for (int64_t c = 0; c < valid; ++c) to[c] = at[c * all];
          std::fill(to + valid, to + width, 0.0f);
        }
      }
  });
  return p;
}

// out (pixels of the tile, width) -> the destination's channels [channel, channel + valid).
void write_tile(const ConvDestination& to, int64_t groups, int64_t group, int64_t channel, int64_t valid,
                const ConvTile& tile, const float* out, int64_t width) {
  const int64_t area = to.size[1] * to.size[2], volume = to.size[0] * area;
  // Rows that lie one behind the other in y are one run.
  const bool joined = to.step[1] == 1 && to.step[2] == 1 && tile.count[2] == to.size[2];
  const int64_t rows = joined ? 1 : tile.count[1], run = joined ? tile.count[1] * tile.count[2] : tile.count[2];
  for (int64_t b = 0; b < tile.images; ++b) {
    float* image = to.y + (((tile.image + b) * groups + group) * to.channels + channel) * volume;
    for (int64_t d = 0; d < tile.count[0]; ++d)
      for (int64_t h = 0; h < rows; ++h, out += run * width) {
        float* y = image + (to.first[0] + (tile.first[0] + d) * to.step[0]) * area +
                   (to.first[1] + (tile.first[1] + h) * to.step[1]) * to.size[2] + to.first[2] +
                   tile.first[2] * to.step[2];
        if (to.step[2] == 1)
          transpose_block(out, width, run, valid, y, volume);
        else
          for (int64_t c = 0; c < valid; ++c)
            for (int64_t i = 0; i < run; ++i) y[c * volume + i * to.step[2]] = out[i * width + c];
      }
  }
}

// The same for few output channels, which would leave most of a panel's columns empty: along the pixels of a row.
void compute_rows(const ConvPass& pass, const Panels& w, const ConvStrip& strip, const ConvTile& tile, int64_t group) {
  const ConvDestination& to = pass.to;
  const int64_t area = to.size[1] * to.size[2], volume = to.size[0] * area, n = tile.count[2];
  std::array<float, kTapChannels> start{};
  if (to.bias) std::copy_n(to.bias + group * w.columns, w.columns, start.begin());
  const Tensor rows = to.step[2] == 1 ? Tensor() : empty({w.columns, n});
  TapChannels taps{.x = nullptr,
                   .offset = strip.of_tap.data(),
                   .taps = w.depth,
                   .w = w.panel(group, 0),
                   .w_step = w.width(0),
                   .start = start.data(),
                   .channels = w.columns,
                   .y = rows.defined() ? rows.data<float>() : nullptr,
                   .y_step = rows.defined() ? n : volume,
                   .n = n};
  const int64_t* pixel = strip.of_pixel.data();
  for (int64_t b = 0; b < tile.images; ++b)
    for (int64_t d = 0; d < tile.count[0]; ++d)
      for (int64_t h = 0; h < tile.count[1]; ++h, pixel += n) {
        float* y = to.y + ((tile.image + b) * w.groups + group) * to.channels * volume +
                   (to.first[0] + (tile.first[0] + d) * to.step[0]) * area +
                   (to.first[1] + (tile.first[1] + h) * to.step[1]) * to.size[2] + to.first[2] +
                   tile.first[2] * to.step[2];
        taps.x = strip.numbers() + *pixel;
        if (!rows.defined()) taps.y = y;
        tap_channels(taps);
        for (int64_t c = 0; rows.defined() && c < w.columns; ++c)
          for (int64_t i = 0; i < n; ++i) y[c * volume + i * to.step[2]] = taps.y[c * n + i];
      }
}

// A tile's pixels for panels [begin, end) of one group.
void compute_tile(const ConvPass& pass, const Panels& w, const ConvStrip& strip, const ConvTile& tile, int64_t group,
                  int64_t begin, int64_t end, float* out) {
  const int64_t pixels = tile.pixels(), piece = std::max<int64_t>(16, kPanelNumbers / w.full);
  for (int64_t block = begin; block < end; ++block) {
    const int64_t width = w.width(block), valid = w.valid(block);
    const float* bias = pass.to.bias ? pass.to.bias + group * w.columns + block * w.full : nullptr;
    if (bias)
      for (int64_t i = 0; i < pixels; ++i) std::copy(bias, bias + valid, out + i * width);
    for (int64_t t = 0; t < w.depth; t += piece)
      indexed_product({.x = strip.numbers(),
                       .row = strip.of_pixel.data(),
                       .rows = pixels,
                       .offset = strip.of_tap.data() + t,
                       .depth = std::min(piece, w.depth - t),
                       .panel = w.panel(group, block) + t * width,
                       .columns = width,
                       .out = out,
                       .add = bias || t > 0});
    write_tile(pass.to, w.groups, group, block * w.full, valid, tile, out, width);
  }
}

void run_pass(const ConvPass& pass, const Panels& w, const float* source) {
  const ConvTiles tiles(pass.grid, std::clamp<int64_t>(kStripNumbers / pass.grid.channels, 96, 512));
  const int64_t pieces = tiles.count() * w.groups;
  if (pieces == 0) return;
  const int64_t parts = std::min(w.count, ceil_div(kConvItems, pieces)), each = ceil_div(w.count, parts);
  const bool few = w.columns <= kTapChannels && w.count == 1 && pass.grid.step[2] == 1;
  parallel_for(pieces * parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t part = i % parts, group = i / parts % w.groups;
      const int64_t begin = part * each, end = std::min(w.count, begin + each);
      if (begin >= end) continue;
      const ConvTile tile = tiles[i / parts / w.groups];
      ConvStrip strip;
      strip.copy(pass.grid, tile, source, group);
      if (few) {
        compute_rows(pass, w, strip, tile, group);
        continue;
      }
      const Tensor out = empty({tile.pixels() * w.full});
      compute_tile(pass, w, strip, tile, group, begin, end, out.data<float>());
    }
  });
}

// dw of one group: rows are the taps, columns the output channels; partial sums of runs of tiles, then their total.
void weights_gradient(const ConvGrid& grid, const float* x, const float* dy, int64_t outputs, float* dw) {
  const int64_t depth = grid.depth(), places = grid.count[0] * grid.count[1] * grid.count[2];
  const Panels panels{1, outputs, 1};  // only for the widths
  const ConvTiles tiles(grid, std::clamp<int64_t>(kStripNumbers / grid.channels, 96, 256));
  const int64_t parts = std::min(panels.count, ceil_div(kConvItems, grid.groups)), each = ceil_div(panels.count, parts);
  const int64_t runs = std::min(std::max<int64_t>(tiles.count(), 1), ceil_div(kConvItems, grid.groups * parts));
  const int64_t tiles_each = ceil_div(tiles.count(), runs), size = depth * panels.padded;
  const Tensor sums = empty({grid.groups, runs, size});
  parallel_for(grid.groups * runs * parts, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t part = i % parts, run = i / parts % runs, group = i / parts / runs;
      const int64_t begin = part * each, end = std::min(panels.count, begin + each);
      if (begin >= end) continue;
      float* sum = sums.data<float>() + (group * runs + run) * size;
      std::fill(sum + begin * panels.full * depth, sum + std::min(panels.padded, end * panels.full) * depth, 0.0f);
      ConvStrip strip;
      Tensor buffer;
      for (int64_t k = run * tiles_each; k < std::min(tiles.count(), (run + 1) * tiles_each); ++k) {
        const ConvTile tile = tiles[k];
        const int64_t pixels = tile.pixels();
        strip.copy(grid, tile, x, group);
        if (!buffer.defined() || buffer.count() < pixels * panels.full) buffer = empty({pixels * panels.full});
        for (int64_t block = begin; block < end; ++block) {
          const int64_t width = panels.width(block), valid = panels.valid(block);
          float* panel = buffer.data<float>();
          if (valid < width) std::fill(panel, panel + pixels * width, 0.0f);
          float* to = panel;
          const bool joined = tile.count[2] == grid.count[2];
          const int64_t rows = joined ? 1 : tile.count[1], length = (joined ? tile.count[1] : 1) * tile.count[2];
          for (int64_t b = 0; b < tile.images; ++b)
            for (int64_t d = 0; d < tile.count[0]; ++d)
              for (int64_t h = 0; h < rows; ++h, to += length * width)
                transpose_block(
                    dy + (((tile.image + b) * grid.groups + group) * outputs + block * panels.full) * places +
                        ((tile.first[0] + d) * grid.count[1] + tile.first[1] + h) * grid.count[2] + tile.first[2],
                    places, valid, length, to, width);
          indexed_product({.x = strip.numbers(),
                           .row = strip.of_tap.data(),
                           .rows = depth,
                           .offset = strip.of_pixel.data(),
                           .depth = pixels,
                           .panel = panel,
                           .columns = width,
                           .out = sum + block * panels.full * depth,
                           .add = true});
        }
      }
    }
  });
  parallel_for(grid.groups * panels.count, 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const int64_t group = i / panels.count, block = i % panels.count, width = panels.width(block);
      float* total = sums.data<float>() + group * runs * size + block * panels.full * depth;
      for (int64_t run = 1; run < runs; ++run)
        for (int64_t k = 0; k < depth * width; ++k) total[k] += total[run * size + k];
      transpose_block(total, width, depth, panels.valid(block), dw + (group * outputs + block * panels.full) * depth,
                      depth);
    }
  });
}

bool pointwise(const Tensor& x, const Tensor& w, const Tensor& y, const ConvGeometry& g) {
  for (int i = 0; i < 3; ++i)
    if (w.shape()[2 + i] != 1 || g.stride[i] != 1 || g.padding[i] != 0 || x.shape()[2 + i] != y.shape()[2 + i])
      return false;
  return true;
}

bool depthwise(const Tensor& x, const Tensor& w) { return w.shape()[1] == 1 && x.shape()[1] > 1; }

}  // namespace

ConvPass forward_pass(const ConvArgs& args) {
  const ConvGeometry& g = args.geometry;
  const Shape &x = args.x.shape(), &w = args.w.shape(), &y = args.y.shape();
  ConvPass pass;
  pass.grid.images = x[0], pass.grid.groups = g.groups, pass.grid.channels = w[1];
  pass.grid.step = g.stride;
  pass.to.y = args.y.data<float>(), pass.to.channels = w[0] / g.groups;
  if (args.bias.defined()) pass.to.bias = args.bias.data<float>();
  for (int i = 0; i < 3; ++i) {
    pass.grid.size[i] = x[2 + i], pass.grid.count[i] = pass.to.size[i] = y[2 + i];
    for (int64_t t = 0; t < w[2 + i]; ++t) {
      pass.grid.at[i].push_back(t * g.dilation[i] - g.padding[i]);
      pass.tap[i].push_back(t);
    }
  }
  return pass;
}

std::vector<ConvPass> backward_passes(const ConvBackwardDataArgs& args) {
  const ConvGeometry& g = args.geometry;
  const Shape &dx = args.dx.shape(), &w = args.w.shape(), &dy = args.dy.shape();
  std::vector<ConvPass> passes;
  Place3 phase;
  const auto used = [&](int i) { return std::min(g.stride[i], dx[2 + i]); };
  for (phase[0] = 0; phase[0] < used(0); ++phase[0])
    for (phase[1] = 0; phase[1] < used(1); ++phase[1])
      for (phase[2] = 0; phase[2] < used(2); ++phase[2]) {
        ConvPass pass;
        pass.grid.images = dx[0], pass.grid.groups = g.groups, pass.grid.channels = w[0] / g.groups;
        pass.to.y = args.dx.data<float>(), pass.to.channels = w[1];
        pass.to.first = phase, pass.to.step = g.stride;
        for (int i = 0; i < 3; ++i) {
          pass.grid.size[i] = dy[2 + i], pass.to.size[i] = dx[2 + i];
          pass.grid.count[i] = ceil_div(dx[2 + i] - phase[i], g.stride[i]);
          for (int64_t t = 0; t < w[2 + i]; ++t) {
            const int64_t at = phase[i] + g.padding[i] - t * g.dilation[i];
            if (at % g.stride[i] != 0) continue;
            pass.grid.at[i].push_back(at / g.stride[i]);
            pass.tap[i].push_back(t);
          }
        }
        passes.push_back(std::move(pass));
      }
  return passes;
}

ConvGrid weights_grid(const ConvBackwardWeightsArgs& args) {
  return forward_pass({.x = args.x, .w = args.dw, .bias = {}, .y = args.dy, .geometry = args.geometry}).grid;
}

void conv(const ConvArgs& args) {
  if (args.y.count() == 0) return;
  if (args.w.count() == 0 || args.x.count() == 0) return ref::conv(args);
  if (is_16_bit(args.y)) {
    const Tensor y = empty(args.y.shape());
    conv({.x = copy_in_f32(args.x),
          .w = copy_in_f32(args.w),
          .bias = args.bias.defined() ? copy_in_f32(args.bias) : Tensor(),
          .y = y,
          .geometry = args.geometry});
    return copy({.x = y, .y = args.y});
  }
  if (!all_f32({args.y})) return ref::conv(args);
  const Tensor x = dense(args.x), w = dense(args.w), bias = dense(args.bias);
  const ConvArgs in{.x = x, .w = w, .bias = bias, .y = args.y, .geometry = args.geometry};
  if (pointwise(x, w, args.y, args.geometry)) return pointwise_conv(in);
  if (depthwise(x, w)) return depthwise_conv(in);
  run_pass(forward_pass(in), forward_panels(w, args.geometry.groups), x.data<float>());
}

void conv_backward_data(const ConvBackwardDataArgs& args) {
  if (args.dx.count() == 0) return;
  if (args.w.count() == 0 || args.dy.count() == 0) return ref::conv_backward_data(args);
  if (is_16_bit(args.dx)) {
    const Tensor dx = empty(args.dx.shape());
    conv_backward_data({.dy = copy_in_f32(args.dy), .w = copy_in_f32(args.w), .dx = dx, .geometry = args.geometry});
    return copy({.x = dx, .y = args.dx});
  }
  if (!all_f32({args.dx})) return ref::conv_backward_data(args);
  const Tensor dy = dense(args.dy), w = dense(args.w);
  const ConvBackwardDataArgs in{.dy = dy, .w = w, .dx = args.dx, .geometry = args.geometry};
  // The product with w turned is the slower way where dx has more channels than dy.
  const bool narrow = w.shape()[1] <= w.shape()[0] / args.geometry.groups;
  if (narrow && pointwise(args.dx, w, dy, args.geometry)) return pointwise_backward_data(in);
  const auto passes = backward_passes(in);
  for (const ConvPass& pass : passes)
    if (pass.grid.taps() == 0) {  // a stride beyond the kernel: some entries are never read
      fill({.y = args.dx, .value = 0});
      break;
    }
  if (depthwise(args.dx, w)) return depthwise_backward_data(in, passes);
  for (const ConvPass& pass : passes)
    if (pass.grid.taps() > 0) run_pass(pass, backward_panels(w, args.geometry.groups, pass), dy.data<float>());
}

void conv_backward_weights(const ConvBackwardWeightsArgs& args) {
  if (args.dw.count() == 0) return;
  if (args.x.count() == 0 || args.dy.count() == 0) return ref::conv_backward_weights(args);
  if (is_16_bit(args.dw)) {
    const Tensor dw = empty(args.dw.shape());
    conv_backward_weights({.x = copy_in_f32(args.x), .dy = copy_in_f32(args.dy), .dw = dw, .geometry = args.geometry});
    return copy({.x = dw, .y = args.dw});
  }
  if (!all_f32({args.dw})) return ref::conv_backward_weights(args);
  const Tensor x = dense(args.x), dy = dense(args.dy);
  const ConvBackwardWeightsArgs in{.x = x, .dy = dy, .dw = args.dw, .geometry = args.geometry};
  if (pointwise(x, args.dw, dy, args.geometry)) return pointwise_backward_weights(in);
  if (depthwise(x, args.dw)) return depthwise_backward_weights(in);
  weights_gradient(weights_grid(in), x.data<float>(), dy.data<float>(), args.dw.shape()[0] / args.geometry.groups,
                   args.dw.data<float>());
}

}  // namespace gradus::cpu
