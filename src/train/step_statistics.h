#pragma once
#include <memory>
#include <string>
#include <vector>

#include "autograd/observer.h"
#include "io/metrics.h"
#include "kernels/observer.h"
#include "nn/parameters.h"

namespace gradus {

/// Watches the training step made while it lives, for the log:
///   update_ratio[/<parameter>]                          |change| / |parameter before|, 2-norms
///   activation_rms/<block>, activation_max/<block>      of what each block gives on (modules whose name ends in a
///   number) attention_entropy/<layer>, attention_max_score/<layer>
///       nats and scaled scores, over up to 32 queries a head of the first row
/// Of several micro-batches the last counts. The ratio costs a copy of the parameters; nothing does on the meta device
/// but that copy.
class StepStatistics final : private OpObserver, private KernelObserver {
 public:
  struct Options {
    bool update_ratio = false, activations = false, attention = false;
  };
  StepStatistics(const Parameters& parameters, const Options& options);
  ~StepStatistics() override;
  StepStatistics(const StepStatistics&) = delete;
  StepStatistics& operator=(const StepStatistics&) = delete;

  /// After the step.
  MetricsRow rows() const;

 private:
  void computed(const char* op, std::span<const Tensor> inputs, std::span<const Tensor> outputs) override;
  void backward_began() override { ++walks_; }
  void backward_ended() override { --walks_; }
  void end(const KernelCall& call) override;
  void set(const std::string& name, double value);

  const Parameters& parameters_;
  Options options_;
  Tensors before_;
  std::vector<std::pair<std::string, double>> seen_;
  int walks_ = 0;
  bool busy_ = false;  // computing a statistic itself
  struct Watching;
  std::unique_ptr<Watching> watching_;
};

}  // namespace gradus
