#include "io/png.h"

#include <png.h>

#include "base/error.h"
#include "base/file.h"

namespace gradus {

namespace {
constexpr uint32_t kFormats[] = {PNG_FORMAT_GRAY, PNG_FORMAT_GA, PNG_FORMAT_RGB, PNG_FORMAT_RGBA};

// libpng's simplified interface: no setjmp here, errors come back as a message in the control block.
struct Control {
  png_image image{};
  Control() { image.version = PNG_IMAGE_VERSION; }
  ~Control() { png_image_free(&image); }
};
}  // namespace

std::string encode_png(const Image& image) {
  const bool sane = image.width > 0 && image.height > 0 && image.channels >= 1 && image.channels <= 4;
  if (!sane || image.pixels.size() != static_cast<size_t>(image.width) * image.height * image.channels)
    throw ValueError("png",
                     "cannot encode " + std::to_string(image.width) + " x " + std::to_string(image.height) + " x " +
                         std::to_string(image.channels) + " with " + std::to_string(image.pixels.size()) + " bytes.",
                     "width, height > 0, channels 1..4 and pixels.size() == width * height * channels.");
  Control control;
  control.image.width = static_cast<uint32_t>(image.width);
  control.image.height = static_cast<uint32_t>(image.height);
  control.image.format = kFormats[image.channels - 1];
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(control.image);
  std::string bytes(size, '\0');
  if (!png_image_write_to_memory(&control.image, bytes.data(), &size, 0, image.pixels.data(), 0, nullptr))
    throw ValueError("png", std::string("cannot encode the picture: ") + control.image.message + ".");
  bytes.resize(size);
  return bytes;
}

Image decode_png(std::string_view bytes, const std::string& name, int64_t max_pixels) {
  Control control;
  png_image& header = control.image;
  if (!png_image_begin_read_from_memory(&header, bytes.data(), bytes.size()))
    throw FileError("png", name + " is no readable PNG: " + header.message + ".", "check that the file is complete.");
  if (static_cast<int64_t>(header.width) * static_cast<int64_t>(header.height) > max_pixels)
    throw FileError("png",
                    name + " has " + std::to_string(header.width) + " x " + std::to_string(header.height) +
                        " pixels, more than the " + std::to_string(max_pixels) + " allowed here.",
                    "scale the picture down first.");
  Image image{static_cast<int>(header.width), static_cast<int>(header.height)};
  const bool color = header.format & PNG_FORMAT_FLAG_COLOR, alpha = header.format & PNG_FORMAT_FLAG_ALPHA;
  image.channels = (color ? 3 : 1) + (alpha ? 1 : 0);
  header.format = kFormats[image.channels - 1];
  image.pixels.resize(static_cast<size_t>(image.width) * image.height * image.channels);
  if (!png_image_finish_read(&header, nullptr, image.pixels.data(), 0, nullptr))
    throw FileError("png", name + " cannot be decoded: " + header.message + ".", "the file is truncated or damaged.");
  return image;
}

void write_png(const std::filesystem::path& path, const Image& image) { write_file_atomic(path, encode_png(image)); }

Image read_png(const std::filesystem::path& path, int64_t max_pixels) {
  return decode_png(read_file(path), path.string(), max_pixels);
}

}  // namespace gradus
