#include "base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/error.h"

namespace gradus {
namespace fs = std::filesystem;

namespace {
[[noreturn]] void fail(const fs::path& path, const char* what, int error) {
  const char* hint = error == ENOENT   ? "check the path."
                     : error == EACCES ? "check the permissions."
                     : error == ENOSPC ? "free some disk space; nothing was overwritten."
                                       : "";
  throw FileError("file", std::string(what) + " " + path.string() + ": " + std::strerror(error) + ".", hint);
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

Descriptor open_for_reading(const fs::path& path, struct stat& info) {
  Descriptor d{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (d.fd < 0) fail(path, "cannot open", errno);
  if (::fstat(d.fd, &info) != 0) fail(path, "cannot stat", errno);
  if (S_ISDIR(info.st_mode)) throw FileError("file", path.string() + " is a folder, expected a file.");
  return Descriptor{std::exchange(d.fd, -1)};
}
}  // namespace

std::string read_file(const fs::path& path, uint64_t max_bytes) {
  struct stat info {};
  const Descriptor d = open_for_reading(path, info);
  std::string bytes;
  // Pipes and /proc files report no size: read until the end in any case.
  size_t capacity = info.st_size > 0 ? static_cast<size_t>(info.st_size) + 1 : 65536;
  size_t filled = 0;
  for (;;) {
    if (filled > max_bytes || (info.st_size > 0 && static_cast<uint64_t>(info.st_size) > max_bytes))
      throw FileError("file",
                      path.string() + " is larger than the " + std::to_string(max_bytes) + " bytes expected here.");
    bytes.resize(capacity);
    const ssize_t got = ::read(d.fd, bytes.data() + filled, capacity - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail(path, "cannot read", errno);
    if (got == 0) break;
    filled += static_cast<size_t>(got);
    if (filled == capacity) capacity *= 2;
  }
  bytes.resize(filled);
  return bytes;
}

AtomicFile::AtomicFile(fs::path path)
    : path_(std::move(path)), temporary_(path_.string() + ".tmp" + std::to_string(::getpid())) {
  fd_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) fail(path_, "cannot write", errno);
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t bytes) {
  const char* p = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t put = ::write(fd_, p, bytes);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail(path_, "cannot write", errno);
    p += put;
    bytes -= static_cast<size_t>(put);
  }
}

void AtomicFile::commit() {
  if (::fsync(fd_) != 0) fail(path_, "cannot flush", errno);
  if (::close(std::exchange(fd_, -1)) != 0) {
    ::unlink(temporary_.c_str());
    fail(path_, "cannot close", errno);
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    ::unlink(temporary_.c_str());
    fail(path_, "cannot replace", error);
  }
  sync_directory(path_.parent_path());
}

void write_file_atomic(const fs::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

void sync_directory(const fs::path& folder) {
  const Descriptor d{::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (d.fd >= 0) ::fsync(d.fd);  // some file systems refuse it; the rename itself stands
}

FolderLock::FolderLock(const fs::path& folder) {
  Descriptor d{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (d.fd < 0) fail(folder, "cannot open", errno);
  if (::flock(d.fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
    throw FileError("file", "another process is at work in " + folder.string() + ".",
                    "wait until it ends, or name another folder.");
  fd_ = std::exchange(d.fd, -1);
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

FolderLock::FolderLock(FolderLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

MappedFile::MappedFile(const fs::path& path) {
  struct stat info {};
  const Descriptor d = open_for_reading(path, info);
  size_ = static_cast<size_t>(info.st_size);
  if (size_ == 0) return;
  // Whoever writes into a borrowed tensor writes into a page of its own.
  data_ = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE, d.fd, 0);
  if (data_ == MAP_FAILED) fail(path, "cannot map", errno);
}

MappedFile::~MappedFile() {
  if (data_) ::munmap(data_, size_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

}  // namespace gradus
