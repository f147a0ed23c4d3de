#include "autograd/frame.h"

#include <string>

#include "autograd/autograd.h"
#include "base/error.h"

namespace gradus {

namespace detail {

namespace {
thread_local Frame* innermost = nullptr;
thread_local int second_runs = 0;

[[noreturn]] void throw_changed(const Tensor& x) {
  throw GradError(
      "checkpoint",
      "a tensor of " + x.describe() + " was changed in place, and the function that reads it must run again.",
      "change a copy instead, or run backward() before the change.");
}
}  // namespace

Place::Place(Ref<Frame> frame, size_t index, const Tensor& x)
    : frame_(std::move(frame)),
      index_(index),
      shape_(x.shape()),
      dtype_(x.dtype()),
      value_(x.detach()),
      version_(x.version()) {
  if (x.history()) edge_ = {Ref<Node>(static_cast<Node*>(x.history().get())), x.history_output()};
}

Place::~Place() { frame_->places_[index_] = nullptr; }

void Place::fill(const Tensor& x) {
  if (x.shape() != shape_ || x.dtype() != dtype_)
    frame_->throw_different("saved " + x.describe() + " where the first run saved " + shape_.str() + " " +
                            name_of(dtype_));
  if (x.version() != version_) throw_changed(x);
  value_ = x.detach();
}

const Tensor& Place::value(const char* op) {
  if (!value_.defined()) frame_->run_again();
  if (value_.version() != version_)
    throw GradError(op, "a tensor of " + value_.describe() + " that was saved for the gradient was changed in place.",
                    "change a copy instead.");
  return value_;
}

SecondRun::SecondRun() { ++second_runs; }
SecondRun::~SecondRun() { --second_runs; }

// Makes a frame the innermost one. The second run happens wherever a gradient asks for it: what runs there has no part
// in it.
struct Frame::Running {
  Frame* frame;
  Frame* before;
  Running(Frame* f, bool again) : frame(f), before(innermost) {
    f->rerunning_ = again;
    f->parent_ = again ? nullptr : innermost;
    f->begin_ = Node::next_sequence();
    f->next_place_ = f->next_version_ = 0;
    innermost = f;
  }
  ~Running() {
    innermost = before;
    frame->rerunning_ = false;
    frame->parent_ = nullptr;
  }
};

Frame* Frame::active() { return innermost; }

Frame* Frame::keeper_of(const Tensor& x) {
  if (!x.history()) return innermost;
  const uint64_t made = static_cast<const Node*>(x.history().get())->sequence();
  for (Frame* f = innermost; f; f = f->parent_)
    if (made >= f->begin_) return f;
  return nullptr;
}

Ref<RefCounted> Frame::save(const Tensor& x) {
  if (!rerunning_) {
    const Ref<Place> place(new Place(Ref<Frame>(this), places_.size(), x));
    places_.push_back(place.get());
    return place;
  }
  if (next_place_ >= places_.size()) throw_different("saved more than " + std::to_string(places_.size()) + " tensors");
  if (Place* place = places_[next_place_++]) place->fill(x);
  return nullptr;
}

void Frame::read(const Tensor& x) {
  for (Frame* f = this; f; f = f->parent_) {
    if (!f->rerunning_)
      f->versions_.push_back(x.version());
    else if (f->next_version_ >= f->versions_.size())
      f->throw_different("did more operations than the first time");
    else if (x.version() != f->versions_[f->next_version_++])
      throw_changed(x);
  }
}

void Frame::run_first() {
  {
    const Running running(this, false);
    call();
  }
  for (Place* place : places_)
    if (place) place->empty();
}

void Frame::run_again() {
  if (rerunning_) throw GradError("checkpoint", "the function asks for its own gradient while it runs again.");
  const Ref<Frame> keep(this);
  const EnableGrad on;
  try {
    const SecondRun second;
    const Running running(this, true);
    call();
    if (next_place_ != places_.size() || next_version_ != versions_.size())
      throw_different("did fewer operations than the first time");
  } catch (...) {
    for (Place* place : places_)
      if (place) place->empty();
    throw;
  }
}

void Frame::throw_different(const std::string& what) const {
  throw GradError("checkpoint", "the function ran again for its gradient and " + what + ".",
                  "it must do the same each time: no state of its own, no tensors kept from the first run, random "
                  "numbers by key only.");
}

}  // namespace detail

bool recomputing() { return detail::second_runs > 0; }

}  // namespace gradus
