#include "tensor/arena.h"

#include <sys/mman.h>
#include <unistd.h>

namespace gradus {

Arena::Arena() {
  // Addresses cost nothing until they are touched; systems that account for them strictly get a smaller range.
  const size_t physical = static_cast<size_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  for (reserved_ = physical * 4; reserved_ >= (size_t{1} << 26); reserved_ /= 2) {
    void* p = mmap(nullptr, reserved_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) continue;
    base_ = static_cast<char*>(p);
    madvise(base_, reserved_, MADV_HUGEPAGE);  // 2 MB pages: fewer faults, fewer TLB misses
    return;
  }
  reserved_ = 0;
}

Arena::~Arena() {
  if (base_) munmap(base_, reserved_);
}

bool Arena::owns(const void* data) const {
  const char* p = static_cast<const char*>(data);
  return base_ && p >= base_ && p < base_ + reserved_;
}

void* Arena::take(size_t bytes) {
  if (bytes > kSmall) return take_large(bytes);
  auto& stack = small_[bytes / 64];
  if (stack.empty()) {
    char* slab = static_cast<char*>(take_large(kSlab));
    if (!slab) return nullptr;
    for (size_t at = kSlab / bytes; at-- > 0;) stack.push_back(slab + at * bytes);
  }
  void* block = stack.back();
  stack.pop_back();
  return block;
}

void Arena::give(void* data, size_t bytes) {
  if (bytes <= kSmall)
    small_[bytes / 64].push_back(data);
  else
    give_large(static_cast<size_t>(static_cast<char*>(data) - base_), bytes);
}

void* Arena::take_large(size_t bytes) {
  const auto fit = free_by_size_.lower_bound({bytes, 0});
  if (fit == free_by_size_.end()) {
    if (!base_ || bytes > reserved_ - top_) return nullptr;
    void* block = base_ + top_;
    top_ += bytes;
    return block;
  }
  const auto [size, offset] = *fit;
  free_by_size_.erase(fit);
  free_by_offset_.erase(offset);
  if (size > bytes) {
    free_by_offset_.emplace(offset + bytes, size - bytes);
    free_by_size_.emplace(size - bytes, offset + bytes);
  }
  return base_ + offset;
}

void Arena::give_large(size_t offset, size_t bytes) {
  auto next = free_by_offset_.lower_bound(offset);
  if (next != free_by_offset_.begin()) {
    const auto previous = std::prev(next);
    if (previous->first + previous->second == offset) {
      offset = previous->first;
      bytes += previous->second;
      free_by_size_.erase({previous->second, previous->first});
      free_by_offset_.erase(previous);
    }
  }
  if (next != free_by_offset_.end() && offset + bytes == next->first) {
    bytes += next->second;
    free_by_size_.erase({next->second, next->first});
    free_by_offset_.erase(next);
  }
  if (offset + bytes == top_) {
    top_ = offset;  // give the tail back to the untouched part
    return;
  }
  free_by_offset_.emplace(offset, bytes);
  free_by_size_.emplace(bytes, offset);
}

void Arena::trim() {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const auto drop = [&](size_t begin, size_t end) {
    begin = (begin + page - 1) / page * page;
    end = end / page * page;
    if (begin < end) madvise(base_ + begin, end - begin, MADV_DONTNEED);
  };
  for (const auto& [offset, bytes] : free_by_offset_) drop(offset, offset + bytes);
  if (base_) drop(top_, reserved_);
}

}  // namespace gradus
