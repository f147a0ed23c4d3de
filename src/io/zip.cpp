#include "io/zip.h"

#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "base/error.h"

namespace gradus {

namespace {

constexpr size_t kEndBytes = 22, kMemberBytes = 46, kLocalBytes = 30;
constexpr uint32_t kEnd = 0x06054b50, kMember = 0x02014b50, kLocal = 0x04034b50, kEnd64 = 0x06064b50,
                   kLocator = 0x07064b50;
constexpr uint64_t kMostDeflate = 1032;  // bytes that one byte can stand for

class Archive {
 public:
  Archive(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {}
  [[noreturn]] void fail(const std::string& what) const {
    throw FileError("zip", name_ + ": " + what, "the file is damaged or truncated; fetch it again.");
  }
  template <class T>
  T at(uint64_t offset) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) fail("a record lies outside the archive.");
    T value;
    std::memcpy(&value, bytes_.data() + offset, sizeof(T));
    return value;
  }
  std::string_view part(uint64_t offset, uint64_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) fail("a record lies outside the archive.");
    return bytes_.substr(offset, size);
  }
  // The record at the archive's end, behind which a comment may stand.
  uint64_t end_record() const {
    if (bytes_.size() < kEndBytes) fail("is too short for a ZIP archive.");
    const uint64_t last = bytes_.size() - kEndBytes, reach = std::min<uint64_t>(last, 65535);
    for (uint64_t back = 0; back <= reach; ++back)
      if (at<uint32_t>(last - back) == kEnd) return last - back;
    fail("has no directory of its members.");
  }

 private:
  std::string_view bytes_;
  const std::string& name_;
};

// Sizes that did not fit into 32 bits stand in the extra field, in this order.
void widen(std::string_view extra, const Archive& archive, std::initializer_list<uint64_t*> sizes) {
  while (extra.size() >= 4) {
    uint16_t id, length;
    std::memcpy(&id, extra.data(), 2);
    std::memcpy(&length, extra.data() + 2, 2);
    extra.remove_prefix(4);
    if (length > extra.size()) archive.fail("has a damaged extra field.");
    std::string_view field = extra.substr(0, length);
    extra.remove_prefix(length);
    if (id != 1) continue;
    for (uint64_t* size : sizes) {
      if (*size != 0xffffffff) continue;
      if (field.size() < 8) archive.fail("has a damaged extra field.");
      std::memcpy(size, field.data(), 8);
      field.remove_prefix(8);
    }
    return;
  }
}

}  // namespace

std::vector<ZipEntry> parse_zip(std::string_view bytes, const std::string& name) {
  const Archive archive(bytes, name);
  const uint64_t end = archive.end_record();
  uint64_t count = archive.at<uint16_t>(end + 10), at = archive.at<uint32_t>(end + 16);
  if ((count == 0xffff || at == 0xffffffff) && end >= 20 && archive.at<uint32_t>(end - 20) == kLocator) {
    const auto wide = archive.at<uint64_t>(end - 12);
    if (archive.at<uint32_t>(wide) != kEnd64) archive.fail("has a damaged directory.");
    count = archive.at<uint64_t>(wide + 32);
    at = archive.at<uint64_t>(wide + 48);
  }
  if (count > bytes.size() / kMemberBytes) archive.fail("claims " + std::to_string(count) + " members.");
  std::vector<ZipEntry> entries;
  for (uint64_t i = 0; i < count; ++i) {
    if (archive.at<uint32_t>(at) != kMember) archive.fail("has a damaged directory.");
    const auto flags = archive.at<uint16_t>(at + 8), method = archive.at<uint16_t>(at + 10);
    uint64_t stored = archive.at<uint32_t>(at + 20), size = archive.at<uint32_t>(at + 24),
             local = archive.at<uint32_t>(at + 42);
    const uint64_t name_bytes = archive.at<uint16_t>(at + 28), extra_bytes = archive.at<uint16_t>(at + 30),
                   comment_bytes = archive.at<uint16_t>(at + 32);
    ZipEntry e;
    e.name = std::string(archive.part(at + kMemberBytes, name_bytes));
    widen(archive.part(at + kMemberBytes + name_bytes, extra_bytes), archive, {&size, &stored, &local});
    const std::string member = "its member \"" + e.name.substr(0, 200) + "\"";
    if (flags & 1) archive.fail(member + " is encrypted.");
    if (method != 0 && method != 8) archive.fail(member + " is packed by method " + std::to_string(method) + ".");
    if (archive.at<uint32_t>(local) != kLocal) archive.fail(member + " is not where the directory says.");
    e.deflated = method == 8;
    e.begin = local + kLocalBytes + archive.at<uint16_t>(local + 26) + archive.at<uint16_t>(local + 28);
    e.stored_bytes = stored;
    e.bytes = size;
    archive.part(e.begin, stored);
    if (!e.deflated && stored != size) archive.fail(member + " has two sizes.");
    if (e.deflated && size / kMostDeflate > stored) archive.fail(member + " claims more bytes than it can hold.");
    entries.push_back(std::move(e));
    at += kMemberBytes + name_bytes + extra_bytes + comment_bytes;
  }
  return entries;
}

std::string_view unzip(std::string_view bytes, const ZipEntry& entry, const std::string& name, std::string& buffer,
                       uint64_t most) {
  const std::string_view stored = bytes.substr(entry.begin, entry.stored_bytes);
  if (!entry.deflated) return stored.substr(0, most);
  const bool whole = entry.bytes <= most;
  buffer.resize(whole ? entry.bytes : most);
  z_stream z{};
  if (inflateInit2(&z, -MAX_WBITS) != Z_OK) throw MemoryError("zip", "zlib has no memory.");
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(stored.data()));
  z.next_out = reinterpret_cast<Bytef*>(buffer.data());
  uint64_t in_left = stored.size(), out_left = buffer.size();
  int status = Z_OK;
  while (status == Z_OK) {  // zlib counts in 32 bits
    constexpr uint64_t kPiece = 1u << 30;
    z.avail_in = static_cast<uInt>(std::min(in_left, kPiece));
    z.avail_out = static_cast<uInt>(std::min(out_left, kPiece));
    const uInt in = z.avail_in, out = z.avail_out;
    status = inflate(&z, Z_NO_FLUSH);
    in_left -= in - z.avail_in;
    out_left -= out - z.avail_out;
    if (status == Z_OK && in == z.avail_in && out == z.avail_out) break;
  }
  inflateEnd(&z);
  if (out_left != 0 || (whole && status != Z_STREAM_END))
    throw FileError("zip",
                    name + ": its member \"" + entry.name.substr(0, 200) + "\" does not unpack to " +
                        std::to_string(entry.bytes) + " bytes.",
                    "the file is damaged; fetch it again.");
  return buffer;
}

}  // namespace gradus
