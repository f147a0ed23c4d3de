// PyTorch's and numpy's files: tests/golden/make_file_goldens.py made them.
#include <doctest/doctest.h>

#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "io/pickle.h"
#include "io/torch_file.h"
#include "io/zip.h"
#include "support/temp_dir.h"

using namespace gradus;

namespace {

const std::string kFiles = GRADUS_TEST_DIR "/golden/files/";

Tensor load(const TensorFile& file, const char* name) {
  const auto at = file.find(name);
  REQUIRE(at);
  return file.load(*at);
}

// 3 x 4 numbers i - 5.
std::vector<double> base() {
  std::vector<double> x;
  for (int i = 0; i < 12; ++i) x.push_back(i - 5);
  return x;
}

}  // namespace

TEST_CASE("a PyTorch file gives its tensors, views and all") {
  const auto file = open_tensors(kFiles + "weights.pth");
  CHECK(std::string(file->format()) == "pytorch");
  CHECK(file->tensors().size() == 12);
  for (const char* name : {"f32", "bf16", "f16", "f64", "i8"}) {
    CAPTURE(name);
    const Tensor t = load(*file, (std::string("state_dict.") + name).c_str());
    CHECK(t.shape() == Shape{3, 4});
    CHECK(t.to_vector<double>() == base());
  }
  CHECK(load(*file, "state_dict.bf16").dtype() == Dtype::bf16);
  CHECK(load(*file, "state_dict.i8").dtype() == Dtype::i32);
  const Tensor turned = load(*file, "state_dict.view.t");
  CHECK(turned.shape() == Shape{4, 3});
  CHECK(turned.to_vector<double>()[1] == -1);
  CHECK(load(*file, "state_dict.part").to_vector<double>() == std::vector<double>{0, 1, 4, 5});
  CHECK(load(*file, "state_dict.bool").to_vector<double>()[3] == 1);
  CHECK(load(*file, "state_dict.scalar").item() == 2.5);
  CHECK(load(*file, "state_dict.empty").shape() == Shape{0, 4});
  CHECK(load(*file, "state_dict.parameter").to_vector<double>()[0] == -10);
}

TEST_CASE("pickles that would run code, and old ones, are refused") {
  CHECK_THROWS_WITH_AS(open_tensors(kFiles + "evil.pth"), doctest::Contains("system\" is refused"), FileError);
  CHECK_THROWS_WITH_AS(open_tensors(kFiles + "legacy.pth"), doctest::Contains("before 1.6"), FileError);
  const auto refused = [](std::string_view pickle, const char* why) {
    CAPTURE(why);
    CHECK_THROWS_WITH_AS(Pickle(pickle, "p"), doctest::Contains(why), FileError);
  };
  refused("", "ends in the middle");
  refused("(", "ends in the middle");
  refused(".", "a value is missing");
  refused("cos\nsystem\n.", "\"os.system\" is refused");
  refused("cbuiltins\neval\n.", "refused");
  refused(std::string_view("\x80\x04\x8c\x02os\x8c\x06system\x93.", 15), "refused");
  refused("t.", "a mark is missing");
  refused("K\x01K\x02R.", "no function");
  refused("N]a.", "no container");
  refused("h\x07.", "unknown value");
  refused("i.", "opcode 105 is refused");
  refused(std::string_view("X\xff\xff\xff\x7f", 5), "ends in the middle");
  // A list that holds itself is only data.
  CHECK(Pickle(std::string_view("]q\0h\0a.", 7), "p").root().items.size() == 1);
}

TEST_CASE("numpy files") {
  const auto file = open_tensors(kFiles + "arrays.npz");
  CHECK(file->tensors().size() == 7);
  for (const char* name : {"f32", "f64", "i16", "fortran"}) {
    CAPTURE(name);
    CHECK(load(*file, name).shape() == Shape{3, 4});
    CHECK(load(*file, name).to_vector<double>() == base());
  }
  CHECK(load(*file, "i16").dtype() == Dtype::i32);
  CHECK(load(*file, "bool").to_vector<double>()[3] == 1);
  CHECK(load(*file, "scalar").item() == 2.5);
  CHECK(load(*file, "u8").to_vector<double>()[11] == 11);
  const auto stored = open_tensors(kFiles + "stored.npz");
  CHECK(load(*stored, "f16").to_vector<double>() == base());
  CHECK(load(*stored, "u32").dtype() == Dtype::i64);
  const auto one = open_tensors(kFiles + "one.npy");
  CHECK(load(*one, "one").to_vector<double>() == base());
  CHECK_THROWS_WITH_AS(open_tensors(kFiles + "objects.npz"), doctest::Contains("could run code"), FileError);
}

TEST_CASE("cut and dishonest archives are refused") {
  for (const char* name : {"weights.pth", "arrays.npz"}) {
    CAPTURE(name);
    const std::string good = read_file(kFiles + name);
    const bool torch = std::string(name).ends_with("pth");
    for (size_t cut = 0; cut < good.size(); cut += 97) {
      const std::string bad = good.substr(0, cut);
      if (torch)
        CHECK_THROWS_AS(parse_torch_file(bad, "cut"), FileError);
      else
        CHECK_THROWS_AS(parse_numpy(bad, "cut"), FileError);
    }
    // A member that claims a terabyte.
    std::string bomb = good;
    const size_t member = bomb.find("PK\x01\x02");
    const uint32_t most = 0xfffffff0;
    std::memcpy(bomb.data() + member + 24, &most, 4);
    CHECK_THROWS_AS(parse_zip(bomb, "bomb"), FileError);
  }
}
