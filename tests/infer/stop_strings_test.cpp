#include "infer/stop_strings.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/random.h"

using namespace gradus;

TEST_CASE("stop strings: what may become one is held back") {
  StopStrings stop({"END", "\n\n"});
  CHECK(stop.push("a E") == "a ");
  CHECK(stop.push("N") == "");
  CHECK(stop.push("E") == "EN");
  CHECK(stop.push("ND tail") == "");
  CHECK(stop.stopped());
  CHECK(stop.matched() == "END");
  CHECK(stop.push("more") == "");
  CHECK(stop.finish() == "");

  StopStrings open({"END"});
  CHECK(open.push("x EN") == "x ");
  CHECK(open.finish() == "EN");
  CHECK_FALSE(open.stopped());
  CHECK(StopStrings({}).push("anything") == "anything");
  CHECK_THROWS_AS(StopStrings({"a", ""}), ValueError);
}

TEST_CASE("stop strings: the one complete first counts, of two that end together the longer") {
  StopStrings inner({"abcdef", "cd"});
  CHECK(inner.push("xabcdef") == "xab");
  CHECK(inner.matched() == "cd");
  StopStrings longer({"cd", "abcd"});
  CHECK(longer.push("xabcd") == "x");
  CHECK(longer.matched() == "abcd");
  StopStrings overlap({"aab"});
  CHECK(overlap.push("aaab") == "a");
  CHECK(overlap.stopped());
}

TEST_CASE("stop strings: pieces of any size give the same text") {
  const RandomKey key{3, 0};
  for (uint64_t trial = 0; trial < 300; ++trial) {
    const RandomKey k = key.fold(trial);
    std::string text;
    for (uint64_t i = 0; i < 40; ++i) text += static_cast<char>('a' + k.below(2, i));
    const std::vector<std::string> stops{"abbab", "bbbba", "aaaa", "ba" + text.substr(10, 4)};
    StopStrings whole(stops), pieces(stops);
    std::string expected = whole.push(text), got;
    expected += whole.finish();
    for (size_t at = 0, i = 100; at < text.size(); ++i) {
      const size_t n = 1 + k.below(5, i);
      got += pieces.push(text.substr(at, n));
      at += n;
      for (const std::string& stop : stops) CHECK(got.find(stop) == std::string::npos);
    }
    got += pieces.finish();
    CHECK(got == expected);
    CHECK(whole.matched() == pieces.matched());
  }
}
