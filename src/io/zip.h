#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// A member of a ZIP archive.
struct ZipEntry {
  std::string name;
  bool deflated = false;
  uint64_t begin = 0, stored_bytes = 0;  ///< of its data, from the beginning of the archive
  uint64_t bytes = 0;                    ///< when unpacked
};

/// The members of a ZIP archive (ZIP64 too), from its central directory. Afterwards the data of each lie inside the
/// archive. Throws FileError for damaged archives, encrypted members, and methods other than stored and deflated.
std::vector<ZipEntry> parse_zip(std::string_view archive, const std::string& name);

/// The data of a member, or its first `most` bytes; of a stored one a view of the archive, otherwise unpacked into
/// `buffer`. Throws FileError when it does not unpack to the size that the directory claims.
std::string_view unzip(std::string_view archive, const ZipEntry& entry, const std::string& name, std::string& buffer,
                       uint64_t most = ~uint64_t{0});

}  // namespace gradus
