#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace gradus {

/// Pixels of 8 bits a channel in sRGB; rows from the top, channels interleaved: pixels[(y * width + x) * channels + c].
struct Image {
  int width = 0, height = 0;
  int channels = 3;  ///< 1 grey, 2 grey + alpha, 3 RGB, 4 RGBA (alpha not premultiplied)
  std::vector<uint8_t> pixels;
};

/// Lossless PNG bytes. Throws ValueError when sizes, channels and pixel count do not agree.
std::string encode_png(const Image& image);

/// Any PNG colour type, reduced to 8 bits a channel; palettes become RGB or RGBA. `name` stands in errors.
/// Throws FileError for malformed data and for more than `max_pixels` (checked before anything is allocated).
Image decode_png(std::string_view bytes, const std::string& name, int64_t max_pixels = int64_t{1} << 26);

/// Atomic: `path` holds its old content or the whole picture.
void write_png(const std::filesystem::path& path, const Image& image);
Image read_png(const std::filesystem::path& path, int64_t max_pixels = int64_t{1} << 26);

}  // namespace gradus
