#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace gradus {

/// The whole file. Throws FileError when missing, unreadable, or larger than `max_bytes`.
std::string read_file(const std::filesystem::path& path, uint64_t max_bytes = uint64_t{1} << 32);

/// Writes `bytes` so that `path` holds either its old content or all of the new one, also after a crash:
/// temporary file beside it, fsync, rename, fsync of the folder. Throws FileError (full disk, no permission).
void write_file_atomic(const std::filesystem::path& path, std::string_view bytes);

/// The same for content written piece by piece. Without commit() the destructor removes the temporary file.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  void write(const void* data, size_t bytes);
  void commit();

 private:
  std::filesystem::path path_, temporary_;
  int fd_ = -1;
};

/// Flushes a folder's entries to disk, so that a rename inside it survives a power loss.
void sync_directory(const std::filesystem::path& folder);

/// Keeps other processes that ask for it out of a folder while it lives; a process that is killed lets go too. Leaves
/// nothing in the folder. Throws FileError when another process holds it. (On file systems without locks: does
/// nothing.)
class FolderLock {
 public:
  explicit FolderLock(const std::filesystem::path& folder);
  ~FolderLock();
  FolderLock(FolderLock&& other) noexcept;
  FolderLock& operator=(FolderLock&&) = delete;

 private:
  int fd_ = -1;
};

/// A read-only memory map of a whole file; empty files map to an empty range.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  const std::byte* data() const { return static_cast<const std::byte*>(data_); }
  size_t size() const { return size_; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace gradus
