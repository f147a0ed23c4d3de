#include "tensor/tensor.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "tensor/allocator.h"
#include "tensor/print.h"

using namespace gradus;

TEST_CASE("views share numbers and may not leave their storage") {
  const Tensor x = from_vector<float>({0, 1, 2, 3, 4, 5}, {2, 3});
  const Tensor t = x.strided({3, 2}, {1, 3});
  CHECK(t.to_vector<double>() == std::vector<double>{0, 3, 1, 4, 2, 5});
  CHECK(!t.contiguous());
  x.data<float>()[0] = 9;
  CHECK(t.to_vector<double>()[0] == 9);
  CHECK_THROWS_AS(x.strided({7}, {1}), ShapeError);
  CHECK_THROWS_AS(x.strided({2}, {-1}), ShapeError);
  CHECK_THROWS_AS(empty({int64_t{1} << 40, int64_t{1} << 40}), ShapeError);
  CHECK_THROWS_AS(empty({-1}), ShapeError);
  CHECK_THROWS_AS(x.item(), ShapeError);
}

TEST_CASE("memory is counted to the byte, aligned, and a ceiling throws before anything is lost") {
  const MemoryStats before = memory_stats();
  {
    const Tensor a = empty({100}), b = empty({3}, Dtype::u8);
    CHECK(memory_stats().current - before.current == 448 + 64);
    CHECK(reinterpret_cast<uintptr_t>(a.raw()) % 64 == 0);
    CHECK(reinterpret_cast<uintptr_t>(b.raw()) % 64 == 0);
    set_memory_ceiling(memory_stats().current + 1000);
    CHECK_THROWS_WITH_AS(empty({1000}), doctest::Contains("ceiling"), MemoryError);
    const Tensor fits = empty({100});
    set_memory_ceiling(0);
  }
  CHECK(memory_stats().current == before.current);
  reset_peak_memory();
  { const Tensor big = empty({1 << 20}); }
  CHECK(memory_stats().peak - before.current == (4 << 20));
}

#if !defined(__SANITIZE_ADDRESS__)  // there every block is an allocation of its own
TEST_CASE("freed blocks are merged and reused") {
  const void* first = nullptr;
  {
    const Tensor a = empty({1 << 18}), b = empty({1 << 18}), c = empty({1 << 18});
    first = a.raw();
  }
  const Tensor whole = empty({3 << 18});
  CHECK(whole.raw() == first);
}
#endif

TEST_CASE("a meta tensor has a size and no data") {
  const int64_t before = memory_stats(Device::meta).current;
  const Tensor x = empty({1000, 1000, 1000}, Dtype::f64, Device::meta);
  CHECK(memory_stats(Device::meta).current - before == 8000000000);
  CHECK_THROWS_AS(x.to_vector<double>(), ValueError);
}

TEST_CASE("tensors print as nested, aligned rows") {
  CHECK(to_string(from_vector<float>({1, -2.5f, 3, 40}, {2, 2})) == "[[   1, -2.5],\n [   3,   40]]  (2, 2) f32 cpu");
  CHECK(to_string(from_vector<int64_t>({7}, {})) == "7  () i64 cpu");
  const std::string long_text = to_string(from_vector(std::vector<float>(1000, 1.0f)));
  CHECK(long_text == "[1, 1, 1, ..., 1, 1, 1]  (1000,) f32 cpu");
  CHECK(to_string(empty({0, 3})) == "[]  (0, 3) f32 cpu");
}
