#include "io/png.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/file.h"
#include "support/temp_dir.h"

using namespace gradus;

namespace {
Image gradient(int width, int height, int channels) {
  Image image{width, height, channels, {}};
  for (int i = 0; i < width * height * channels; ++i) image.pixels.push_back(static_cast<uint8_t>(i * 37 + i / 256));
  return image;
}
}  // namespace

TEST_CASE("pictures of every channel count survive the way through a PNG") {
  const TempDir folder;
  for (int channels = 1; channels <= 4; ++channels)
    for (const auto& [width, height] : {std::pair{1, 1}, {7, 3}, {64, 33}}) {
      const Image image = gradient(width, height, channels);
      write_png(folder / "p.png", image);
      const Image back = read_png(folder / "p.png");
      CHECK(back.width == width);
      CHECK(back.height == height);
      CHECK(back.channels == channels);
      CHECK(back.pixels == image.pixels);
    }
}

TEST_CASE("wrong sizes are refused before encoding") {
  Image image = gradient(4, 4, 3);
  image.pixels.pop_back();
  CHECK_THROWS_AS(encode_png(image), ValueError);
  CHECK_THROWS_AS(encode_png(Image{}), ValueError);
  image.channels = 5;
  CHECK_THROWS_AS(encode_png(image), ValueError);
}

TEST_CASE("broken PNGs are file errors") {
  const std::string good = encode_png(gradient(40, 30, 3));
  CHECK_THROWS_AS(decode_png("", "x.png"), FileError);
  CHECK_THROWS_AS(decode_png("not a picture at all", "x.png"), FileError);
  for (size_t cut = 8; cut < good.size() - 12; cut += 17)
    CHECK_THROWS_AS(decode_png(good.substr(0, cut), "x.png"), FileError);
  CHECK_THROWS_WITH_AS(decode_png(good, "big.png", 1199), doctest::Contains("40 x 30"), FileError);
  CHECK_NOTHROW(decode_png(good, "big.png", 1200));
  for (size_t at = 0; at < good.size(); ++at) {  // any one damaged byte: an error or a picture, never a crash
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x41);
    try {
      decode_png(bad, "x.png", 1 << 20);
    } catch (const FileError&) {}
  }
}
