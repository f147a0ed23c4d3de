#pragma once
#include <cstddef>
#include <cstdint>

#include "base/ref.h"
#include "tensor/device.h"

namespace gradus {

/// The bytes behind one or more tensors, and a count of the times they were changed in place.
class Storage : public RefCounted {
 public:
  Storage(Device device, size_t bytes);
  /// Borrows memory that `owner` keeps alive (a mapped file): not counted, never freed here, not to be written.
  Storage(const void* data, size_t bytes, Ref<RefCounted> owner);
  ~Storage() override;

  void* data() const { return data_; }
  size_t bytes() const { return bytes_; }
  Device device() const { return device_; }
  uint32_t version() const { return version_; }
  void bump_version() { ++version_; }

 private:
  void* data_;
  size_t bytes_;
  Device device_;
  uint32_t version_ = 0;
  bool borrowed_ = false;
  Ref<RefCounted> owner_;
};

}  // namespace gradus
