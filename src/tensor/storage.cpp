#include "tensor/storage.h"

#include "tensor/allocator.h"

namespace gradus {

Storage::Storage(Device device, size_t bytes) : data_(allocate_bytes(device, bytes)), bytes_(bytes), device_(device) {}

Storage::Storage(const void* data, size_t bytes, Ref<RefCounted> owner)
    : data_(const_cast<void*>(data)), bytes_(bytes), device_(Device::cpu), borrowed_(true), owner_(std::move(owner)) {}

Storage::~Storage() {
  if (!borrowed_) free_bytes(device_, data_, bytes_);
}

}  // namespace gradus
