// Mutates good files at random (the same way every time) and feeds them to the parser: each must be refused with a
// FileError or describe tensors that lie inside the file. GRADUS_FUZZ_RUNS sets how many; a sanitizer build sees the
// rest.
#include <doctest/doctest.h>

#include <cstdlib>
#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "base/random.h"
#include "io/safetensors.h"

using namespace gradus;

namespace {

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : key_{seed, stream_name("safetensors fuzz")} {}

  std::string operator()(std::string file) {
    uint64_t length = 0;
    std::memcpy(&length, file.data(), 8);
    std::string header = file.substr(8, length), data = file.substr(8 + length);
    for (uint64_t rounds = 1 + below(4); rounds > 0; --rounds) mutate(header);
    if (below(8) == 0) data.resize(below(data.size() + 9));
    length = header.size();
    if (below(8) == 0) length = below(2) ? below(2 * header.size() + 2) : bits();
    std::string out(8, '\0');
    std::memcpy(out.data(), &length, 8);
    out += header + data;
    if (below(16) == 0) out.resize(below(out.size() + 1));
    return out;
  }

 private:
  uint64_t bits() { return key_.bits(next_++); }
  uint64_t below(uint64_t n) { return bits() % n; }

  void mutate(std::string& text) {
    static const char* const kTokens[] = {"0",
                                          "-1",
                                          "1e9",
                                          "18446744073709551615",
                                          "9223372036854775808",
                                          "4611686018427387904",
                                          "{",
                                          "}",
                                          "[",
                                          "]",
                                          "\"",
                                          "null",
                                          "true",
                                          "\"dtype\"",
                                          ",",
                                          ":",
                                          "[]",
                                          "{}",
                                          "\\u0000",
                                          "\xc3\x28",
                                          "\"F16\"",
                                          "\"__metadata__\":{}",
                                          "0,",
                                          "3.5"};
    if (text.empty()) text = "{}";
    const size_t at = below(text.size()), span = std::min<size_t>(1 + below(40), text.size() - at);
    switch (below(7)) {
      case 0: text[at] = static_cast<char>(bits()); break;
      case 1: text[at] = static_cast<char>(text[at] ^ (1 << below(8))); break;
      case 2: text.erase(at, span); break;
      case 3: text.insert(below(text.size() + 1), text.substr(at, span)); break;
      case 4: text.insert(at, kTokens[below(std::size(kTokens))]); break;
      default: {  // another number where one stood: the offsets and sizes
        const size_t digit = text.find_first_of("0123456789", at);
        if (digit == std::string::npos) break;
        const size_t end = text.find_first_not_of("0123456789", digit);
        const std::string number = below(3) ? std::to_string(below(500)) : kTokens[below(6)];
        text.replace(digit, (end == std::string::npos ? text.size() : end) - digit, number);
      }
    }
  }

  RandomKey key_;
  uint64_t next_ = 0;
};

}  // namespace

TEST_CASE("mutated safetensors files are refused or harmless") {
  const char* wish = std::getenv("GRADUS_FUZZ_RUNS");
  const int64_t runs = wish ? std::atoll(wish) : 20000;
  const std::string seeds[] = {
      read_file(std::string(GRADUS_TEST_DIR) + "/golden/io.safetensors"),
      std::string("\x38\0\0\0\0\0\0\0{\"w\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[0,8]}}12345678", 72)};
  for (const std::string& seed : seeds) CHECK_NOTHROW(parse_safetensors_header(seed, "seed"));
  Mutator mutate(7);
  int64_t accepted = 0;
  for (int64_t run = 0; run < runs; ++run) {
    const std::string file = mutate(seeds[run % 2]);
    try {
      const SafetensorsHeader header = parse_safetensors_header(file, "fuzz");
      ++accepted;
      uint64_t at = 0;
      bool sound = header.data_begin <= file.size();
      for (const TensorInfo& t : header.tensors) {
        sound = sound && t.begin == at && t.end >= t.begin && header.data_begin + t.end <= file.size() &&
                static_cast<uint64_t>(t.shape.count()) * size_of(t.dtype) == t.bytes();
        at = t.end;
      }
      if (!sound) FAIL("run " << run << " accepted a file whose tensors do not fit it");
    } catch (const FileError&) {}
  }
  MESSAGE(runs << " mutated files, " << accepted << " of them still sound");
  CHECK(accepted > runs / 1000);
  CHECK(accepted < runs / 2);
}
