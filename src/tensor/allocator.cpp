#include "tensor/allocator.h"

#include <cstdlib>
#include <cstring>
#include <mutex>
#include <unordered_map>

#include "base/error.h"
#include "tensor/arena.h"

#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace gradus {

namespace {

// With AddressSanitizer every block is its own malloc, so that an access past its end is seen.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kUseArena = false;
#else
constexpr bool kUseArena = true;
#endif

struct DeviceMemory {
  MemoryStats stats;
  int64_t ceiling = 0;
};

struct Allocator {
  std::mutex mutex;
  DeviceMemory devices[2];
  Arena arena;
  bool guarding = false;
  int64_t broken_guards = 0;
  std::unordered_map<void*, size_t> guarded;  // data -> size, of the buffers that lie between guards

  void* take(size_t size) {
    void* data = kUseArena ? arena.take(size) : nullptr;
    return data ? data : std::aligned_alloc(64, size);
  }
  void give(void* data, size_t size) {
    if (arena.owns(data))
      arena.give(data, size);
    else
      std::free(data);
  }
};

constexpr size_t kGuard = 64;
constexpr int kPattern = 0xA5;

void* take_guarded(Allocator& a, size_t size) {
  char* block = static_cast<char*>(a.take(size + 2 * kGuard));
  if (!block) return nullptr;
  std::memset(block, kPattern, size + 2 * kGuard);  // the inside too: reading what was never written shows
  a.guarded[block + kGuard] = size;
  return block + kGuard;
}

bool guards_intact(const void* data, size_t size) {
  const auto* p = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < kGuard; ++i)
    if (*(p - kGuard + i) != kPattern || p[size + i] != kPattern) return false;
  return true;
}

// Never destroyed: tensors with static storage duration may outlive any other static object.
Allocator& allocator() {
  static Allocator* a = new Allocator;
  return *a;
}

size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

[[noreturn]] void throw_memory(const char* what, size_t bytes, const DeviceMemory& memory) {
  const auto mb = [](int64_t b) { return std::to_string(b >> 20) + " MB"; };
  throw MemoryError("allocate",
                    std::string(what) + ": " + std::to_string(bytes) + " bytes asked, " + mb(memory.stats.current) +
                        " in use, ceiling " + (memory.ceiling ? mb(memory.ceiling) : std::string("none")) + ".",
                    "use a smaller batch or a shorter context, or raise the memory limit.");
}

}  // namespace

void* allocate_bytes(Device device, size_t bytes) {
  if (bytes == 0) return nullptr;
  Allocator& a = allocator();
  const std::lock_guard lock(a.mutex);
  DeviceMemory& memory = a.devices[static_cast<int>(device)];
  if (bytes > (size_t{1} << 46)) throw_memory("an impossible size", bytes, memory);
  const size_t size = rounded(bytes);
  const int64_t after = memory.stats.current + static_cast<int64_t>(size);
  if (memory.ceiling && after > memory.ceiling) throw_memory("the memory ceiling is reached", bytes, memory);
  void* data = nullptr;
  if (device == Device::cpu) {
    data = a.guarding ? take_guarded(a, size) : a.take(size);
    if (!data) throw_memory("out of memory", bytes, memory);
  }
  memory.stats.current = after;
  memory.stats.total += static_cast<int64_t>(size);
  if (after > memory.stats.peak) memory.stats.peak = after;
  return data;
}

void free_bytes(Device device, void* data, size_t bytes) noexcept {
  if (bytes == 0) return;
  Allocator& a = allocator();
  const std::lock_guard lock(a.mutex);
  const size_t size = rounded(bytes);
  a.devices[static_cast<int>(device)].stats.current -= static_cast<int64_t>(size);
  if (device != Device::cpu) return;
  const auto guarded = a.guarded.empty() ? a.guarded.end() : a.guarded.find(data);
  if (guarded == a.guarded.end()) return a.give(data, size);
  if (!guards_intact(data, size)) ++a.broken_guards;
  a.guarded.erase(guarded);
  a.give(static_cast<char*>(data) - kGuard, size + 2 * kGuard);
}

GuardBuffers::GuardBuffers() {
  Allocator& a = allocator();
  const std::lock_guard lock(a.mutex);
  before_ = a.guarding;
  broken_before_ = a.broken_guards;
  a.guarding = true;
}

GuardBuffers::~GuardBuffers() {
  Allocator& a = allocator();
  const std::lock_guard lock(a.mutex);
  a.guarding = before_;
}

int64_t GuardBuffers::broken() const {
  Allocator& a = allocator();
  const std::lock_guard lock(a.mutex);
  int64_t broken = a.broken_guards - broken_before_;
  for (const auto& [data, size] : a.guarded) broken += !guards_intact(data, size);
  return broken;
}

MemoryStats memory_stats(Device device) {
  Allocator& a = allocator();
  const std::lock_guard lock(a.mutex);
  return a.devices[static_cast<int>(device)].stats;
}

void reset_peak_memory(Device device) {
  Allocator& a = allocator();
  const std::lock_guard lock(a.mutex);
  MemoryStats& stats = a.devices[static_cast<int>(device)].stats;
  stats.peak = stats.current;
}

void set_memory_ceiling(int64_t bytes, Device device) {
  Allocator& a = allocator();
  const std::lock_guard lock(a.mutex);
  a.devices[static_cast<int>(device)].ceiling = bytes;
}

void release_cached_memory() {
  Allocator& a = allocator();
  const std::lock_guard lock(a.mutex);
  a.arena.trim();
#if defined(__GLIBC__)
  ::malloc_trim(0);
#endif
}

const char* name_of(Device device) { return device == Device::cpu ? "cpu" : "meta"; }

}  // namespace gradus
