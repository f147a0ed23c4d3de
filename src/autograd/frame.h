#pragma once
// How checkpoint() takes back what gradient rules saved: inside record.cpp and checkpoint.cpp only.
#include <vector>

#include "autograd/node.h"
#include "tensor/tensor.h"

namespace gradus::detail {

class Frame;

/// One save() of a tensor that a checkpointed function made. Empty from the function's end until it has run again.
class Place final : public RefCounted {
 public:
  Place(Ref<Frame> frame, size_t index, const Tensor& x);
  ~Place() override;

  /// The tensor without history; runs the function again when it has to. Throws GradError naming `op` when the tensor
  /// was changed in place behind save().
  const Tensor& value(const char* op);
  const Edge& edge() const { return edge_; }
  /// For the second run. Throws GradError when `x` is not what the first run saved.
  void fill(const Tensor& x);
  void empty() { value_ = Tensor(); }

 private:
  Ref<Frame> frame_;
  size_t index_;
  Shape shape_;
  Dtype dtype_;
  Edge edge_;  // the history that the tensor had in the first run: the graph that is walked
  Tensor value_;
  uint32_t version_ = 0;
};

/// recomputing() while one lives.
class SecondRun {
 public:
  SecondRun();
  ~SecondRun();
};

/// One call of a checkpointed function. Its gradient rules hold places, the places hold the frame: it lives until the
/// last rule is gone.
///
/// Tensors whose history is older than the call (inputs, parameters) exist anyway and stay saved as they are.
/// Everything else that is saved inside gets a place. A tensor that the function reads may have been changed in place
/// before the second run: then its version differs from the one in the first.
class Frame : public RefCounted {
 public:
  /// The innermost frame that runs on this thread, or null.
  static Frame* active();
  /// The frame, among those that run, which has to keep `x` when it is saved now; null for none.
  static Frame* keeper_of(const Tensor& x);

  /// For save(): a new place in the first run. In the second it fills the old one and returns null.
  Ref<RefCounted> save(const Tensor& x);
  /// An operation inside reads `x`: the first run remembers the version, the second compares it.
  void read(const Tensor& x);
  /// Fills every place that is still wanted. Throws GradError when the function did something else this time.
  void run_again();

 protected:
  /// The function, first run. Afterwards the places are emptied.
  void run_first();
  /// Calls the function; what it returns is of no interest in the second run.
  virtual void call() = 0;

 private:
  friend class Place;
  struct Running;
  [[noreturn]] void throw_different(const std::string& what) const;

  std::vector<Place*> places_;                // null: nobody wants it any more
  std::vector<uint32_t> versions_;            // of all that is read, in order
  uint64_t begin_ = 0;                        // nodes from this number on belong to the call
  size_t next_place_ = 0, next_version_ = 0;  // in the second run
  bool rerunning_ = false;
  Frame* parent_ = nullptr;
};

}  // namespace gradus::detail
