#include "train/step_statistics.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "autograd/autograd.h"
#include "kernels/table.h"
#include "ops/elementwise.h"
#include "ops/shape.h"

namespace gradus {

struct StepStatistics::Watching {
  ObserveOps ops;
  ObserveKernels kernels;
  explicit Watching(StepStatistics& s) : ops(s), kernels(s) {}
};

namespace {

bool is_block(const std::string& path) {
  const size_t dot = path.rfind('.');
  const std::string last = path.substr(dot == std::string::npos ? 0 : dot + 1);
  return !last.empty() && std::all_of(last.begin(), last.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

double sum_of_squares(const Tensor& x) {
  const Tensor sum = empty({1}, Dtype::f64);
  kernels(x.device()).sum_squares({.x = contiguous(x.detach()), .result = sum});
  return sum.item();
}

struct AttentionStatistics {
  double entropy = 0, largest = -INFINITY;
};

// H_i = lse_i - sum_j p_ij s_ij with p_ij = exp(s_ij - lse_i), over the visible keys j.
AttentionStatistics look_at(const AttentionArgs& a) {
  constexpr int64_t kQueries = 32;
  const int64_t queries = a.q.size(1), keys = a.k.size(1), heads = a.q.size(2), width = a.q.size(3);
  const int64_t shared = heads / std::max<int64_t>(1, a.k.size(2)), step = (queries + kQueries - 1) / kQueries;
  const auto number = [](const Tensor& x, int64_t i, int64_t h) {  // row 0
    return x.data<float>() + i * x.strides()[1] + h * x.strides()[2];
  };
  AttentionStatistics s;
  int64_t counted = 0;
  for (int64_t h = 0; h < heads; ++h)
    for (int64_t i = queries - 1; i >= 0; i -= std::max<int64_t>(1, step)) {
      const double lse = a.lse.data<float>()[h * a.lse.strides()[1] + i * a.lse.strides()[2]];
      if (!std::isfinite(lse)) continue;
      const int64_t own = i + keys - queries;
      int64_t begin = a.first.defined() ? std::max(0, a.first.data<int32_t>()[i * a.first.strides()[1]]) : 0;
      int64_t end = a.causal ? std::min(keys, own + 1) : keys;
      if (a.window > 0) begin = std::max(begin, own - a.window + 1), end = std::min(end, own + a.window);
      double mean = 0;
      for (int64_t j = begin; j < end; ++j) {
        if (a.mask.defined() && !a.mask.data<bool>()[j * a.mask.strides()[1]]) continue;
        const float *q = number(a.q, i, h), *k = number(a.k, j, h / shared);
        double score = 0;
        for (int64_t d = 0; d < width; ++d)
          score += static_cast<double>(q[d * a.q.strides()[3]]) * static_cast<double>(k[d * a.k.strides()[3]]);
        score *= a.scale;
        if (a.softcap > 0) score = a.softcap * std::tanh(score / a.softcap);
        mean += std::exp(score - lse) * score;
        s.largest = std::max(s.largest, score);
      }
      s.entropy += lse - mean;
      ++counted;
    }
  s.entropy /= static_cast<double>(std::max<int64_t>(1, counted));
  return s;
}

}  // namespace

StepStatistics::StepStatistics(const Parameters& parameters, const Options& options)
    : parameters_(parameters), options_(options) {
  if (options.update_ratio)
    for (const Parameter& p : parameters.all())
      before_.push_back(requires_grad(p.value) ? clone(p.value.detach()) : Tensor());
  if (options.activations || options.attention) watching_ = std::make_unique<Watching>(*this);
}

StepStatistics::~StepStatistics() = default;

void StepStatistics::set(const std::string& name, double value) {
  for (auto& [known, old] : seen_)
    if (known == name) {
      old = value;
      return;
    }
  seen_.emplace_back(name, value);
}

void StepStatistics::computed(const char*, std::span<const Tensor>, std::span<const Tensor> outputs) {
  if (!options_.activations || busy_ || walks_ > 0 || outputs.size() != 1) return;
  const Tensor& y = outputs[0];
  const std::string path = trace_scope();
  if (!is_block(path) || y.device() == Device::meta || !is_floating(y.dtype()) || y.count() == 0) return;
  const NoGrad no_grad;
  busy_ = true;  // the last op of a block makes what it gives on; those before are overwritten
  const Tensor x = cast(y.detach(), Dtype::f32);
  double most = 0;
  for (const float v : x.to_vector<float>()) most = std::max(most, std::abs(static_cast<double>(v)));
  set("activation_rms/" + path, std::sqrt(sum_of_squares(x) / static_cast<double>(x.count())));
  set("activation_max/" + path, most);
  busy_ = false;
}

void StepStatistics::end(const KernelCall& call) {
  if (!options_.attention || !call.attention || walks_ > 0 || call.attention->q.dtype() != Dtype::f32) return;
  const AttentionStatistics s = look_at(*call.attention);
  const std::string path = trace_scope();
  set("attention_entropy/" + path, s.entropy);
  set("attention_max_score/" + path, s.largest);
}

MetricsRow StepStatistics::rows() const {
  MetricsRow row;
  double all_change = 0, all_size = 0;
  const NoGrad no_grad;
  for (size_t i = 0; i < before_.size(); ++i) {
    if (!before_[i].defined() || before_[i].device() == Device::meta) continue;
    const Parameter& p = parameters_.all()[i];
    const double change = sum_of_squares(sub(p.value.detach(), before_[i])), size = sum_of_squares(before_[i]);
    all_change += change, all_size += size;
    row.emplace_back("update_ratio/" + p.name, size > 0 ? std::sqrt(change / size) : 0.0);
  }
  if (!before_.empty() && all_size > 0)
    row.insert(row.begin(), {"update_ratio", MetricValue(std::sqrt(all_change / all_size))});
  for (const auto& [name, value] : seen_) row.emplace_back(name, value);
  return row;
}

}  // namespace gradus
