#pragma once
#include <cstdint>
#include <utility>

namespace gradus {

/// Base of objects shared by counted handles; the count lives inside the object, so a handle is one pointer.
class RefCounted {
 public:
  RefCounted() = default;
  RefCounted(const RefCounted&) = delete;
  RefCounted& operator=(const RefCounted&) = delete;
  virtual ~RefCounted() = default;

  void retain() const noexcept { __atomic_fetch_add(&count_, 1, __ATOMIC_RELAXED); }
  void release() const noexcept {
    if (__atomic_fetch_sub(&count_, 1, __ATOMIC_ACQ_REL) == 1) const_cast<RefCounted*>(this)->dispose();
  }
  int64_t use_count() const noexcept { return __atomic_load_n(&count_, __ATOMIC_ACQUIRE); }

 protected:
  /// Called when the last handle goes; long chains override it to avoid deep recursion.
  virtual void dispose() noexcept { delete this; }

 private:
  // Compilers' built-in atomics: <atomic> would be a fifth of what reading core.h costs.
  mutable int64_t count_ = 0;
};

/// Counted handle to a RefCounted object.
template <class T>
class Ref {
 public:
  Ref() = default;
  Ref(std::nullptr_t) {}
  explicit Ref(T* p) noexcept : p_(p) {
    if (p_) p_->retain();
  }
  Ref(const Ref& o) noexcept : Ref(o.p_) {}
  Ref(Ref&& o) noexcept : p_(std::exchange(o.p_, nullptr)) {}
  template <class U>
  Ref(const Ref<U>& o) noexcept : Ref(o.get()) {}
  ~Ref() {
    if (p_) p_->release();
  }
  Ref& operator=(Ref o) noexcept {
    std::swap(p_, o.p_);
    return *this;
  }

  T* get() const noexcept { return p_; }
  T* operator->() const noexcept { return p_; }
  T& operator*() const noexcept { return *p_; }
  explicit operator bool() const noexcept { return p_ != nullptr; }
  bool operator==(const Ref& o) const noexcept { return p_ == o.p_; }

 private:
  T* p_ = nullptr;
};

template <class T, class... Args>
Ref<T> make_ref(Args&&... args) {
  return Ref<T>(new T(std::forward<Args>(args)...));
}

}  // namespace gradus
