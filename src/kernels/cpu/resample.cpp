#include <algorithm>
#include <vector>

#include "base/parallel.h"
#include "kernels/cpu/dense.h"
#include "kernels/cpu/taps.h"
#include "kernels/ref/ref.h"

namespace gradus::cpu {

namespace {

bool changes_nothing(const AxisWindows& a, int64_t size) {
  if (a.taps != 1 || static_cast<int64_t>(a.start.size()) != size) return false;
  for (int64_t i = 0; i < size; ++i)
    if (a.start[static_cast<size_t>(i)] != i || a.weight[static_cast<size_t>(i)] != 1) return false;
  return true;
}

// Rows of x are mixed first, along the row with the grain. A block of mixed rows is then turned, so that the windows of
// the last axis mix neighbours in memory, and turned back.
class RowMixer {
 public:
  explicit RowMixer(const ResampleArgs& args)
      : args_(args), from_(args.x.shape()), to_(args.y.shape()), weights_(args.axes[2].weight.size()) {
    std::transform(args.axes[2].weight.begin(), args.axes[2].weight.end(), weights_.begin(),
                   [](double w) { return static_cast<float>(w); });
    same_width_ = changes_nothing(args.axes[2], from_[3]);
    if (same_width_) return;
    mixed_ = empty({kRowLanes, from_[3]});
    turned_ = empty({from_[3], kRowLanes});
    result_ = empty({to_[3], kRowLanes});
    std::fill(turned_.data<float>(), turned_.data<float>() + turned_.count(), 0.0f);
  }

  // Rows [begin, end) of y, at most kRowLanes.
  void run(int64_t begin, int64_t end) {
    float* y = args_.y.data<float>() + begin * to_[3];
    for (int64_t r = begin; r < end; ++r)
      mix(r, same_width_ ? y + (r - begin) * to_[3] : mixed_.data<float>() + (r - begin) * from_[3]);
    if (same_width_) return;
    transpose_block(mixed_.data<float>(), from_[3], end - begin, from_[3], turned_.data<float>(), kRowLanes);
    const AxisWindows& w = args_.axes[2];
    window_rows(turned_.data<float>(), w.start.data(), weights_.data(), w.taps, to_[3], result_.data<float>());
    transpose_block(result_.data<float>(), kRowLanes, to_[3], end - begin, y, to_[3]);
  }

 private:
  void mix(int64_t row, float* out) {
    const auto &d = args_.axes[0], &h = args_.axes[1];
    const auto i = static_cast<size_t>(row / to_[2] % to_[1]), j = static_cast<size_t>(row % to_[2]);
    const float* x = args_.x.data<float>() + row / to_[2] / to_[1] * from_[1] * from_[2] * from_[3];
    offsets_.clear(), factors_.clear();
    for (int64_t a = 0; a < d.taps; ++a)
      for (int64_t b = 0; b < h.taps; ++b) {
        const double w = d.weight[i * static_cast<size_t>(d.taps) + static_cast<size_t>(a)] *
                         h.weight[j * static_cast<size_t>(h.taps) + static_cast<size_t>(b)];
        if (w == 0) continue;  // a window shorter than the longest
        offsets_.push_back(((d.start[i] + a) * from_[2] + h.start[j] + b) * from_[3]);
        factors_.push_back(static_cast<float>(w));
      }
    tap_row(x, offsets_.data(), factors_.data(), static_cast<int64_t>(offsets_.size()), 0, out, from_[3]);
  }

  const ResampleArgs& args_;
  const Shape &from_, &to_;
  std::vector<float> weights_;
  bool same_width_ = false;
  Tensor mixed_, turned_, result_;
  std::vector<int64_t> offsets_;
  std::vector<float> factors_;
};

}  // namespace

void resample(const ResampleArgs& args) {
  if (!all_f32({args.x})) return ref::resample(args);
  if (args.y.count() == 0) return;
  const Shape &from = args.x.shape(), &to = args.y.shape();
  const int64_t rows = to[0] * to[1] * to[2], blocks = (rows + kRowLanes - 1) / kRowLanes;
  const int64_t taps = args.axes[0].taps * args.axes[1].taps;
  const int64_t work = kRowLanes * (from[3] * taps + to[3] * args.axes[2].taps);
  parallel_for(blocks, rows_for(kCheapGrain * 4, work), [&](int64_t begin, int64_t end) {
    RowMixer mixer(args);
    for (int64_t i = begin; i < end; ++i) mixer.run(i * kRowLanes, std::min(rows, (i + 1) * kRowLanes));
  });
}

}  // namespace gradus::cpu
