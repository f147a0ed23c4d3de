#include "ops/loss_ctc.h"

#include <algorithm>
#include <string>
#include <vector>

#include "ops/create.h"
#include "ops/elementwise.h"
#include "ops/index.h"
#include "ops/logic.h"
#include "ops/math.h"
#include "ops/pointwise_internal.h"
#include "ops/reduce.h"
#include "ops/shape.h"
#include "ops/softmax.h"

namespace gradus {

using pointwise::like;

namespace {

constexpr const char* kCtcOp = "ctc_loss";

// Checked operands: targets (N, S) i64 with the blank where a target has ended, lengths (N) i64.
struct Ctc {
  Tensor targets, input_lengths, target_lengths;
  int64_t blank;
};

std::vector<int64_t> checked_lengths(const char* name, const Tensor& lengths, int64_t most) {
  const auto values = lengths.to_vector<int64_t>();
  for (int64_t v : values)
    if (v < 0 || v > most)
      throw ValueError(kCtcOp,
                       std::string(name) + " " + std::to_string(v) + " is outside [0, " + std::to_string(most) + "].");
  return values;
}

Ctc checked_ctc(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, int64_t blank) {
  require_floating(kCtcOp, log_probs);
  if (log_probs.rank() != 3)
    throw ShapeError(kCtcOp, "log_probs must be (time, batch, classes), got " + log_probs.describe() + ".");
  const int64_t steps = log_probs.size(0), batch = log_probs.size(1), classes = log_probs.size(2);
  require_index(kCtcOp, targets);
  require_index(kCtcOp, input_lengths);
  require_index(kCtcOp, target_lengths);
  require_shape(kCtcOp, "input_lengths", input_lengths, {batch});
  require_shape(kCtcOp, "target_lengths", target_lengths, {batch});
  require_same_device(kCtcOp, {log_probs, targets, input_lengths, target_lengths});
  if (targets.rank() != 1 && (targets.rank() != 2 || targets.size(0) != batch))
    throw ShapeError(kCtcOp, "targets must be (batch, length), or all in one row, got " + targets.describe() + ".");
  if (blank < 0 || blank >= classes)
    throw IndexError(kCtcOp,
                     "the blank " + std::to_string(blank) + " is outside [0, " + std::to_string(classes) + ").");
  if (log_probs.device() == Device::meta) {
    if (targets.rank() == 1)
      throw ValueError(kCtcOp, "targets in one row have no shape on meta.", "pass (batch, length).");
    return {cast(targets, Dtype::i64), cast(input_lengths, Dtype::i64), cast(target_lengths, Dtype::i64), blank};
  }
  checked_lengths("input length", input_lengths, steps);
  const auto lengths =
      checked_lengths("target length", target_lengths, targets.rank() == 2 ? targets.size(1) : targets.count());
  int64_t width = targets.rank() == 2 ? targets.size(1) : 0, total = 0;
  for (int64_t n : lengths) {
    if (targets.rank() == 1) width = std::max(width, n);
    total += n;
  }
  if (targets.rank() == 1 && total != targets.count())
    throw ValueError(kCtcOp, "the target lengths add up to " + std::to_string(total) + ", but there are " +
                                 std::to_string(targets.count()) + " labels.");
  const auto labels = targets.to_vector<int64_t>();
  std::vector<int64_t> padded(static_cast<size_t>(batch * width), blank);
  int64_t start = 0;
  for (int64_t n = 0; n < batch; ++n) {
    for (int64_t s = 0; s < lengths[static_cast<size_t>(n)]; ++s) {
      const int64_t label = labels[static_cast<size_t>(start + s)];
      if (label < 0 || label >= classes)
        throw IndexError(kCtcOp, "label " + std::to_string(label) + " of target " + std::to_string(n) +
                                     " is outside [0, " + std::to_string(classes) + ").");
      if (label == blank) throw ValueError(kCtcOp, "target " + std::to_string(n) + " contains the blank.");
      padded[static_cast<size_t>(n * width + s)] = label;
    }
    start += targets.rank() == 2 ? width : lengths[static_cast<size_t>(n)];
  }
  return {from_vector(padded, {batch, width}), contiguous(cast(input_lengths, Dtype::i64)),
          contiguous(cast(target_lengths, Dtype::i64)), blank};
}

// The same losses out of differentiable operations, for gradients of gradients: the forward pass over all sequences at
// once, with a very small number in the place of log 0, whose gradient would be NaN.
Tensor composed_ctc(const Tensor& log_probs, const Ctc& c) {
  constexpr double kNever = -1e30;
  const int64_t steps = log_probs.size(0), batch = log_probs.size(1), labels = c.targets.size(1);
  const int64_t states = 2 * labels + 1;
  const Dtype dtype = accumulator_of(log_probs.dtype());
  const Device device = log_probs.device();
  const Tensor blanks = full({batch, labels, 1}, static_cast<double>(c.blank), Dtype::i64, device);
  const Tensor pairs = reshape(concat({blanks, unsqueeze(c.targets, -1)}, -1), {batch, 2 * labels});
  const Tensor extended = concat({pairs, full({batch, 1}, static_cast<double>(c.blank), Dtype::i64, device)}, -1);
  const auto shifted = [&](const Tensor& x, int64_t by, double fill) {
    const int64_t kept = std::max<int64_t>(states - by, 0);
    return concat({full({batch, states - kept}, fill, x.dtype(), device), narrow(x, 1, 0, kept)}, 1);
  };
  const Tensor jumps = not_equal(extended, shifted(extended, 2, static_cast<double>(c.blank)));
  const Tensor state = expand(arange(states, Dtype::i64, 0, 1, device), {batch, states});
  const Tensor never = scalar(kNever, dtype, device), zero = scalar(0, dtype, device);
  Tensor alpha = where(less(state, like(state, 2)), zero, never);
  const Tensor p = cast(log_probs, dtype);
  for (int64_t t = 0; t < steps; ++t) {
    Tensor next = alpha;
    if (t > 0) {
      next = logaddexp(next, shifted(alpha, 1, kNever));
      next = logaddexp(next, where(jumps, shifted(alpha, 2, kNever), never));
    }
    next = add(next, gather(select(p, 0, t), extended, -1));
    const Tensor running = greater(c.input_lengths, like(c.input_lengths, static_cast<double>(t)));
    alpha = where(unsqueeze(running, -1), next, alpha);
  }
  // The last two states; of an empty target, or after no step at all, only the first.
  const Tensor last = mul(c.target_lengths, 2), before = maximum(sub(last, 1), 0);
  const auto at = [&](const Tensor& index) { return squeeze(gather(alpha, unsqueeze(index, -1), -1), -1); };
  const Tensor whole = where(greater(last, like(last, 0)), logaddexp(at(last), at(before)), at(last));
  const Tensor none = equal(c.input_lengths, like(c.input_lengths, 0));
  const Tensor fits = where(none, where(equal(last, like(last, 0)), zero, never), whole);
  const Tensor infinity = scalar(std::numeric_limits<double>::infinity(), dtype, device);
  return where(less(fits, like(fits, 0.5 * kNever)), infinity, neg(fits));
}

Tensor ctc_losses(const Tensor& log_probs, const Ctc& c) {
  const int64_t steps = log_probs.size(0), batch = log_probs.size(1);
  const Dtype dtype = accumulator_of(log_probs.dtype());
  const Tensor loss = empty({batch}, dtype, log_probs.device());
  const Tensor alpha = empty({batch, steps, 2 * c.targets.size(1) + 1}, dtype, log_probs.device());
  kernels(log_probs.device())
      .ctc({.log_probs = log_probs,
            .targets = c.targets,
            .input_lengths = c.input_lengths,
            .target_lengths = c.target_lengths,
            .blank = c.blank,
            .loss = loss,
            .alpha = alpha});
  record("ctc_loss", {log_probs}, loss, [p = save(log_probs), c, loss = save(loss), alpha](const Tensor& dloss) {
    const Tensor log_probs = p.get();
    if (recording()) return grad({composed_ctc(log_probs, c)}, {log_probs}, {dloss}, {.create_graph = true})[0];
    const Tensor d = empty_like(log_probs);
    kernels(d.device())
        .ctc_backward({.log_probs = log_probs,
                       .targets = c.targets,
                       .input_lengths = c.input_lengths,
                       .target_lengths = c.target_lengths,
                       .blank = c.blank,
                       .loss = loss.get(),
                       .alpha = alpha,
                       .dloss = dloss,
                       .dlog_probs = d});
    return d;
  });
  return loss;
}

}  // namespace

Tensor ctc_loss(const Tensor& log_probs, const Tensor& targets, const Tensor& input_lengths,
                const Tensor& target_lengths, const CtcOptions& options) {
  const Ctc c = checked_ctc(log_probs, targets, input_lengths, target_lengths, options.blank);
  Tensor losses = ctc_losses(log_softmax(log_probs), c);
  if (options.zero_infinity) losses = where(is_inf(losses), like(losses, 0), losses);
  if (options.reduction == LossReduction::mean) {
    const Tensor counts = cast(maximum(c.target_lengths, 1), losses.dtype());
    losses = div(losses, counts);
  }
  return reduce_loss(kCtcOp, losses, options.reduction);
}

}  // namespace gradus
