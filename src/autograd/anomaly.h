#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "autograd/observer.h"

namespace gradus {

struct AnomalyOptions {
  /// Infinities out of finite operands count too. Off: only NaN.
  bool infinities = true;
};

/// While one lives, the first op of this thread that makes a NaN (or an infinity out of finite operands), in its
/// forward computation or in its gradient rule, throws ValueError. The message names the op, the module it ran in (see
/// TraceScope), the element, and each operand with its range; also an operand that already came with a NaN and that no
/// op made: a parameter, or data.
/// Ops that only place numbers (where, masked_fill, pad) may place infinities. Every operand is read once more: slow,
/// for finding what went wrong. As PyTorch's torch.autograd.detect_anomaly, which looks at gradients only.
class DetectAnomaly final : private OpObserver {
 public:
  explicit DetectAnomaly(AnomalyOptions options = {});
  ~DetectAnomaly() override;

  /// What the message calls this tensor and its views: a parameter's name.
  void name(const Tensor& x, const std::string& name);
  /// Where in the run we are ("step 17"), for the message.
  void set_place(std::string place) { place_ = std::move(place); }

 private:
  void computed(const char* op, std::span<const Tensor> inputs, std::span<const Tensor> outputs) override;
  void recorded(const Node& node) override;
  void differentiated(const Node& node, const Tensors& dy, const Tensors& dx) override;
  std::string describe(std::span<const Tensor> operands) const;
  std::string place_in(const char* pass, const char* scope) const;

  AnomalyOptions options_;
  std::string place_;
  std::unordered_map<const void*, std::string> names_;       // by address of the first element
  std::string operands_;                                     // of the op that was computed last
  std::unordered_map<uint64_t, std::string> node_operands_;  // by node's number
  ObserveOps watch_;
};

}  // namespace gradus
