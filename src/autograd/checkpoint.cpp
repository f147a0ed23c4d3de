#include "autograd/checkpoint.h"

#include <algorithm>
#include <string>
#include <utility>

#include "autograd/autograd.h"
#include "autograd/frame.h"
#include "autograd/record.h"
#include "base/error.h"
#include "tensor/allocator.h"

namespace gradus {

namespace {

using Function = std::function<Tensors(const Tensors&)>;

class Checkpoint final : public detail::Frame {
 public:
  Checkpoint(Function f, const Tensors& inputs) : f_(std::move(f)) {
    for (const Tensor& x : inputs) inputs_.push_back(gradus::save(x));
  }
  Tensors run(const Tensors& inputs) {
    given_ = &inputs;
    run_first();
    given_ = nullptr;
    return std::move(outputs_);
  }

 protected:
  void call() override {
    if (given_) {
      outputs_ = f_(*given_);
      return;
    }
    Tensors inputs;
    for (const Saved& x : inputs_) inputs.push_back(x.get());
    f_(inputs);
  }

 private:
  Function f_;
  std::vector<Saved> inputs_;
  const Tensors* given_ = nullptr;
  Tensors outputs_;
};

template <class F>
void require_function(const F& f) {
  if (!f) throw ValueError("checkpoint", "the function is empty.");
}

}  // namespace

Tensors checkpoint(const Function& f, const Tensors& inputs) {
  require_function(f);
  if (!recording()) return f(inputs);
  const Ref<Checkpoint> frame(new Checkpoint(f, inputs));
  return frame->run(inputs);
}

Tensor checkpoint(const std::function<Tensor(const Tensors&)>& f, const Tensors& inputs) {
  require_function(f);
  return checkpoint(Function([f](const Tensors& in) { return Tensors{f(in)}; }), inputs)[0];
}

Tensor checkpoint(const std::function<Tensor(const Tensor&)>& f, const Tensor& x) {
  require_function(f);
  return checkpoint(Function([f](const Tensors& in) { return Tensors{f(in[0])}; }), {x})[0];
}

Tensor checkpoint_sequential(const std::vector<CheckpointBlock>& blocks, const Tensor& x,
                             const std::vector<CheckpointSegment>& segments) {
  for (const CheckpointBlock& block : blocks) require_function(block);
  int64_t at = 0;
  Tensor y = x;
  for (const CheckpointSegment& s : segments) {
    if (s.begin != at || s.end <= s.begin || s.end > static_cast<int64_t>(blocks.size()))
      throw ValueError("checkpoint_sequential", "the segment " + std::to_string(s.begin) + " … " +
                                                    std::to_string(s.end) + " does not go on from block " +
                                                    std::to_string(at) + " of " + std::to_string(blocks.size()) + ".");
    at = s.end;
    const auto run =
        [part = std::vector<CheckpointBlock>(blocks.begin() + s.begin, blocks.begin() + s.end)](const Tensor& in) {
          Tensor out = in;
          for (const CheckpointBlock& block : part) out = block(out);
          return out;
        };
    y = s.recompute ? checkpoint(CheckpointBlock(run), y) : run(y);
  }
  if (at != static_cast<int64_t>(blocks.size()))
    throw ValueError("checkpoint_sequential",
                     "the segments end at block " + std::to_string(at) + " of " + std::to_string(blocks.size()) + ".");
  return y;
}

Tensor checkpoint_sequential(const std::vector<CheckpointBlock>& blocks, const Tensor& x) {
  return checkpoint_sequential(blocks, x, sqrt_segments(static_cast<int64_t>(blocks.size())));
}

std::vector<BlockCost> measure_blocks(const std::vector<CheckpointBlock>& blocks, const Tensor& x) {
  const EnableGrad on;
  const detail::SecondRun look_only;
  std::vector<BlockCost> costs;
  Tensor in = x.detach();
  for (const CheckpointBlock& block : blocks) {
    require_function(block);
    if (is_floating(in.dtype())) require_grad(in);
    const auto bytes = [&] { return memory_stats(in.device()).current; };
    const int64_t before = bytes();
    Tensor out = block(in);
    const auto out_bytes = static_cast<int64_t>(out.bytes());
    // The output is the next block's input and counted there.
    costs.push_back({static_cast<int64_t>(in.bytes()), std::max<int64_t>(0, bytes() - before - out_bytes), 1});
    in = out.detach();
  }
  return costs;
}

}  // namespace gradus
