#include "io/safetensors.h"

#include <doctest/doctest.h>

#include <cstring>

#include "base/error.h"
#include "base/file.h"
#include "support/temp_dir.h"

using namespace gradus;

namespace {

const std::string kGolden = std::string(GRADUS_TEST_DIR) + "/golden/io.safetensors";

// A file with this header and so many zero bytes of data.
std::string file_with(const std::string& header, size_t data_bytes) {
  std::string file(8, '\0');
  const uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  return file + header + std::string(data_bytes, '\0');
}

void check_refused(const std::string& file, const char* reason) {
  CAPTURE(reason);
  CHECK_THROWS_WITH_AS(parse_safetensors_header(file, "bad.safetensors"), doctest::Contains(reason), FileError);
  CHECK_THROWS_WITH_AS(parse_safetensors_header(file, "bad.safetensors"), doctest::Contains("bad.safetensors"),
                       FileError);
}

// The golden file's tensors, made here.
NamedTensors golden_tensors() {
  NamedTensors all;
  const auto add = [&](const char* name, auto tag, int shift) {
    using T = decltype(tag);
    Tensor t = empty({3, 5}, dtype_of<T>);
    for (int i = 0; i < 15; ++i) t.data<T>()[i] = static_cast<T>(static_cast<float>(i - shift));
    all.emplace_back(name, t);
  };
  add("layer.0.f64", double{}, 7), add("layer.0.f32", float{}, 7);
  add("layer.0.f16", f16{}, 7), add("layer.0.bf16", bf16{}, 7);
  add("layer.0.i64", int64_t{}, 7), add("layer.0.i32", int32_t{}, 7), add("layer.0.u8", uint8_t{}, 0);
  Tensor thirds = empty({3, 5}, Dtype::boolean);
  for (int i = 0; i < 15; ++i) thirds.data<bool>()[i] = i % 3 == 0;
  all.emplace_back("layer.0.bool", thirds);
  all.emplace_back("scalar", from_vector<float>({2.5f}, {}));
  all.emplace_back("empty", empty({0, 4}));
  all.emplace_back("odd \"name\" \\ ünï\n", from_vector<int32_t>({1, 2}));
  all.emplace_back("layer.10.f32", from_vector<float>({0.5f, 0.5f, 0.5f, 0.5f}, {2, 1, 2}));
  return all;
}

}  // namespace

TEST_CASE("a file of the Python package is read, by copy and by map") {
  const Safetensors file(kGolden);
  CHECK(file.metadata() == TextPairs{{"format", "pt"}});
  const NamedTensors expected = golden_tensors();
  CHECK(file.tensors().size() == expected.size());
  for (const auto& [name, want] : expected) {
    CAPTURE(name);
    REQUIRE(file.contains(name));
    for (const Tensor& got : {file.load(name), file.map(name)}) {
      CHECK(got.dtype() == want.dtype());
      CHECK(got.shape() == want.shape());
      CHECK(got.to_vector<double>() == want.to_vector<double>());
    }
  }
  CHECK(!file.contains("scala"));
  CHECK_THROWS_WITH_AS(file.load("no.such"), doctest::Contains("no.such"), FileError);
}

TEST_CASE("the same tensors give the very file that the Python package writes") {
  const TempDir folder;
  write_safetensors(folder / "w.safetensors", golden_tensors());
  CHECK(read_file(folder / "w.safetensors") == read_file(kGolden));
}

TEST_CASE("a mapped tensor outlives its reader, and views are written densely") {
  const TempDir folder;
  const Tensor m = from_vector<float>({1, 2, 3, 4, 5, 6}, {2, 3});
  write_safetensors(folder / "w.safetensors", {{"t", m.strided({3, 2}, {1, 3})}, {"row", m.strided({2}, {0}, 4)}}, {});
  Tensor mapped;
  {
    const Safetensors file(folder / "w.safetensors");
    CHECK(file.metadata().empty());
    mapped = file.map("t");
    CHECK(file.load("row").to_vector<float>() == std::vector<float>{5, 5});
  }
  std::filesystem::remove(folder / "w.safetensors");
  CHECK(mapped.to_vector<float>() == std::vector<float>{1, 4, 2, 5, 3, 6});
}

TEST_CASE("misaligned data and odd booleans are copied, not mapped") {
  const TempDir folder;
  std::string header =
      R"({"b":{"dtype":"BOOL","shape":[3],"data_offsets":[0,3]},"f":{"dtype":"F32","shape":[1],"data_offsets":[3,7]}})";
  std::string file = file_with(header, 7);
  file[file.size() - 7] = 2, file[file.size() - 5] = '\xff';
  write_file_atomic(folder / "m.safetensors", file);
  const Safetensors read(folder / "m.safetensors");
  CHECK(read.map("b").to_vector<int32_t>() == std::vector<int32_t>{1, 0, 1});
  CHECK(reinterpret_cast<uintptr_t>(read.map("f").raw()) % 4 == 0);
}

TEST_CASE("sharded checkpoints and folders") {
  const TempDir folder;
  write_safetensors(folder / "model-1.safetensors",
                    {{"a", from_vector<float>({1})}, {"unlisted", from_vector<float>({9})}});
  write_safetensors(folder / "model-2.safetensors", {{"b", from_vector<float>({2})}});
  CHECK_THROWS_WITH_AS(Safetensors(folder.path), doctest::Contains("holds neither"), FileError);
  const auto index = folder / "model.safetensors.index.json";
  write_file_atomic(
      index, R"({"metadata":{"total_size":8},"weight_map":{"a":"model-1.safetensors","b":"model-2.safetensors"}})");
  for (const auto& path : {index, folder.path}) {
    const Safetensors file(path);
    CHECK(file.files().size() == 2);
    CHECK(file.tensors().size() == 2);
    CHECK(file.load("a").item() == 1);
    CHECK(file.map("b").item() == 2);
  }
  for (const char* bad :
       {"[]", "{}", R"({"weight_map":[]})", R"({"weight_map":{"a":3}})",
        R"({"weight_map":{"a":"../model-1.safetensors"}})", R"({"weight_map":{"c":"model-1.safetensors"}})",
        R"({"weight_map":{"a":"model-3.safetensors"}})", "{"}) {
    write_file_atomic(index, bad);
    CHECK_THROWS_AS(Safetensors{index}, FileError);
  }
}

TEST_CASE("what cannot be written is refused before the old file is touched") {
  const TempDir folder;
  const auto path = folder / "w.safetensors";
  write_safetensors(path, {{"a", from_vector<float>({1})}});
  const std::string before = read_file(path);
  const Tensor one = from_vector<float>({1});
  CHECK_THROWS_AS(write_safetensors(path, {{"x", one}, {"x", one}}), ValueError);
  CHECK_THROWS_AS(write_safetensors(path, {{"__metadata__", one}}), ValueError);
  CHECK_THROWS_AS(write_safetensors(path, {{"x", Tensor()}}), ValueError);
  CHECK_THROWS_AS(write_safetensors(path, {{"x", empty({2}, Dtype::f32, Device::meta)}}), ValueError);
  CHECK_THROWS_AS(write_safetensors(path, {{"\xff", one}}), ValueError);
  CHECK_THROWS_AS(write_safetensors("/no/such/folder/w.safetensors", {{"x", one}}), FileError);
  CHECK(read_file(path) == before);
  write_safetensors(path, {}, {});
  CHECK(Safetensors(path).tensors().empty());
}

TEST_CASE("hostile headers are refused with the reason") {
  const auto one = [](const std::string& body, size_t bytes = 4) { return file_with("{\"w\":{" + body + "}}", bytes); };
  CHECK_NOTHROW(parse_safetensors_header(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])"), "good"));
  check_refused("", "at least 8");
  check_refused("\1\2\3", "at least 8");
  check_refused(std::string(8, '\xff') + "{}", "claims a header");
  check_refused(std::string("\x64\0\0\0\0\0\0\0{}", 10), "only 2 follow");
  check_refused(file_with("", 0), "no valid JSON");
  check_refused(file_with("{\"w\"", 0), "no valid JSON");
  check_refused(file_with("{} x", 0), "no valid JSON");
  check_refused(file_with("{\"\xff\":1}", 0), "no valid JSON");
  check_refused(file_with("[]", 0), "an array");
  check_refused(file_with("3", 0), "a number");
  check_refused(file_with(std::string(1000000, '['), 0), "an array");
  check_refused(file_with("{\"w\":" + std::string(1000000, '{'), 0), "no valid JSON");
  check_refused(file_with("{\"__metadata__\":{\"a\":1}}", 0), "a number");
  check_refused(file_with("{\"__metadata__\":{},\"__metadata__\":{}}", 0), "an object");
  check_refused(one(R"("dtype":"F32","shape":[1])"), "lacks");
  check_refused(one(R"("dtype":"Q4","shape":[1],"data_offsets":[0,4])"), "dtype \"Q4\"");
  check_refused(one(R"("dtype":"F32","shape":[-1],"data_offsets":[0,4])"), "negative number -1");
  check_refused(one(R"("dtype":"F32","shape":[1.0],"data_offsets":[0,4])"), "number 1.0");
  check_refused(one(R"("dtype":"F32","shape":["1"],"data_offsets":[0,4])"), "a string");
  check_refused(one(R"("dtype":"F32","shape":[[1]],"data_offsets":[0,4])"), "an array");
  check_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[0])"), "two data_offsets");
  check_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4,8])"), "two data_offsets");
  check_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[4,0])"), "ends before");
  check_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,18446744073709551615])"), "does not fit");
  check_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,99999999999999999999999])"), "the number");
  check_refused(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,4])"), "needs 8 bytes");
  check_refused(one(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])"), "outside the 4 bytes");
  check_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4])", 5), "follow the last");
  check_refused(one(R"("dtype":"F32","shape":[4611686018427387904,4611686018427387904],"data_offsets":[0,0])"), "2^62");
  check_refused(one(R"("dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,4])"), "impossible");
  check_refused(one(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4])"), "8 axes");
  check_refused(one(R"("dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4])"), "twice");
  check_refused(one(R"("dtype":"F32","shape":[1],"data_offsets":[0,4],"more":1)"), "\"more\"");
  const std::string w = R"("w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]})";
  check_refused(file_with("{" + w + "," + w + "}", 2), "stands twice");
  check_refused(file_with("{" + w + R"(,"v":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})", 3), "overlaps");
  check_refused(file_with("{" + w + R"(,"v":{"dtype":"U8","shape":[2],"data_offsets":[3,5]}})", 5), "gap");
}
