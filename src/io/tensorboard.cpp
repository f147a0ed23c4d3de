#include "io/tensorboard.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>

#include "base/error.h"
#include "base/file.h"
#include "tensorboard.pb.h"

namespace gradus {
namespace fs = std::filesystem;
namespace pb = gradus::tensorboard;

namespace {

constexpr size_t kHeader = 12, kFooter = 4;  // length + its checksum, checksum of the event
constexpr size_t kFlushAt = 1 << 16;
constexpr int kStart = 1, kString = 7;

// Castagnoli polynomial, reflected.
constexpr std::array<uint32_t, 256> kCrcTable = [] {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = c & 1 ? 0x82f63b78u ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  return table;
}();

// Stored checksums are rotated and shifted by a constant, so that a checksum of checksums keeps its strength.
uint32_t masked_crc(const char* data, size_t bytes) {
  uint32_t crc = ~0u;
  for (size_t i = 0; i < bytes; ++i) crc = kCrcTable[(crc ^ static_cast<uint8_t>(data[i])) & 255] ^ (crc >> 8);
  crc = ~crc;
  return ((crc >> 15) | (crc << 17)) + 0xa282ead8u;
}

template <class T>
void put_raw(std::string& out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out.push_back(static_cast<char>(value >> (8 * i)));
}

template <class T>
T get(const char* data) {
  T value = 0;
  for (size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(static_cast<uint8_t>(data[i])) << (8 * i);
  return value;
}

double now() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

pb::Event event_at(int64_t step) {
  pb::Event event;
  event.set_wall_time(now());
  event.set_step(step);
  return event;
}

// Takes the next whole record off `rest`; false at the end or at a torn record. Throws on a wrong checksum.
bool next_record(std::string_view& rest, std::string_view& event, const fs::path& path) {
  if (rest.size() < kHeader + kFooter) return false;
  const uint64_t length = get<uint64_t>(rest.data());
  const bool sound = get<uint32_t>(rest.data() + 8) == masked_crc(rest.data(), 8);
  if (sound && length > rest.size() - kHeader - kFooter) return false;
  if (!sound || get<uint32_t>(rest.data() + kHeader + length) != masked_crc(rest.data() + kHeader, length))
    throw FileError("tensorboard", path.string() + ": a record has a wrong checksum.",
                    "the file is damaged; move it away.");
  event = rest.substr(kHeader, length);
  rest.remove_prefix(kHeader + length + kFooter);
  return true;
}

fs::path newest_file(const fs::path& folder) {
  fs::path newest;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename().string().starts_with("events.out.tfevents.") && entry.path() > newest)
      newest = entry.path();
  return newest;
}

}  // namespace

EventWriter::EventWriter(const fs::path& folder, std::optional<int64_t> resume_after) {
  std::error_code ignored;
  fs::create_directories(folder, ignored);  // a failure shows when the file is opened
  if (resume_after && fs::is_directory(folder)) path_ = newest_file(folder);
  uint64_t keep = 0;
  if (!path_.empty()) {
    const std::string bytes = read_file(path_);
    std::string_view rest = bytes, event;
    while (next_record(rest, event, path_)) {}
    keep = bytes.size() - rest.size();
  } else {
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = 'x';
    // Ten digits of seconds lead the name, so that names sort by age; the last number keeps two of one second apart.
    const std::string stem = "events.out.tfevents." + std::to_string(static_cast<int64_t>(now())) + "." + host.data() +
                             "." + std::to_string(::getpid()) + ".";
    int number = 0;
    do path_ = folder / (stem + std::to_string(number++));
    while (fs::exists(path_));
  }
  fd_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd_ < 0 || ::ftruncate(fd_, static_cast<off_t>(keep)) != 0) {
    const int error = errno;
    if (fd_ >= 0) ::close(fd_);
    throw FileError("tensorboard", "cannot write " + path_.string() + ": " + std::strerror(error) + ".",
                    "check the folder's permissions.");
  }
  if (keep == 0) {
    pb::Event event = event_at(0);
    event.set_file_version("brain.Event:2");
    append(event.SerializeAsString());
  }
  if (resume_after) {
    pb::Event event = event_at(*resume_after + 1);
    event.mutable_session_log()->set_status(kStart);
    append(event.SerializeAsString());
  }
  try {
    flush();
  } catch (...) {
    ::close(fd_);
    throw;
  }
}

EventWriter::~EventWriter() {
  try {
    flush();
  } catch (const Error&) {  // a destructor has nobody to tell; callers who care flush themselves
  }
  ::close(fd_);
}

void EventWriter::scalar(const std::string& tag, int64_t step, double value) {
  pb::Event event = event_at(step);
  pb::Summary::Value* v = event.mutable_summary()->add_value();
  v->set_tag(tag);
  v->set_simple_value(static_cast<float>(value));
  append(event.SerializeAsString());
}

void EventWriter::text(const std::string& tag, int64_t step, const std::string& markdown) {
  pb::Event event = event_at(step);
  pb::Summary::Value* v = event.mutable_summary()->add_value();
  v->set_tag(tag);
  v->mutable_metadata()->mutable_plugin_data()->set_plugin_name("text");
  v->mutable_tensor()->set_dtype(kString);
  v->mutable_tensor()->mutable_tensor_shape()->add_dim()->set_size(1);
  v->mutable_tensor()->add_string_val(markdown);
  append(event.SerializeAsString());
}

void EventWriter::append(const std::string& event) {
  std::string length;
  put_raw<uint64_t>(length, event.size());
  pending_ += length;
  put_raw<uint32_t>(pending_, masked_crc(length.data(), length.size()));
  pending_ += event;
  put_raw<uint32_t>(pending_, masked_crc(event.data(), event.size()));
  if (pending_.size() > kFlushAt) flush();
}

void EventWriter::flush() {
  while (!pending_.empty()) {
    const ssize_t put = ::write(fd_, pending_.data(), pending_.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0)
      throw FileError("tensorboard", "cannot write " + path_.string() + ": " + std::strerror(errno) + ".",
                      errno == ENOSPC ? "free some disk space." : "");
    pending_.erase(0, static_cast<size_t>(put));
  }
}

std::vector<LoggedEvent> read_events(const fs::path& file) {
  const std::string bytes = read_file(file);
  std::string_view rest = bytes, record;
  std::vector<LoggedEvent> events;
  while (next_record(rest, record, file)) {
    pb::Event event;
    if (!event.ParseFromArray(record.data(), static_cast<int>(record.size())))
      throw FileError("tensorboard", file.string() + ": a record holds no Event.", "the file is damaged.");
    for (const pb::Summary::Value& value : event.summary().value()) {
      const bool text = value.tensor().string_val_size() > 0;
      events.push_back({event.wall_time(), event.step(), value.tag(), value.simple_value(),
                        text ? value.tensor().string_val(0) : std::string()});
    }
  }
  return events;
}

}  // namespace gradus
