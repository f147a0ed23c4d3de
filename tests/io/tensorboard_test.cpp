#include "io/tensorboard.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/file.h"
#include "support/temp_dir.h"

using namespace gradus;

TEST_CASE("the first record has TensorFlow's bytes") {
  const TempDir folder;
  const std::string bytes = [&] {
    EventWriter writer(folder.path);
    return read_file(writer.path());
  }();
  // double wall_time, string file_version = 3 "brain.Event:2": 9 + 15 bytes; the checksum of that length is known
  // from every event file there is.
  REQUIRE(bytes.size() == 12 + 24 + 4);
  CHECK(bytes.substr(0, 12) == std::string("\x18\0\0\0\0\0\0\0\xa3\x7f\x4b\x22", 12));
  CHECK(bytes.substr(21, 15) ==
        "\x1a\x0d"
        "brain.Event:2");
}

TEST_CASE("scalars and texts come back") {
  const TempDir folder;
  EventWriter writer(folder / "deep" / "er");
  writer.scalar("train/loss", 1, 2.5);
  writer.text("recipe", 0, "# hello\n| a | b |");
  writer.scalar("train/loss", 2, 1.25);
  CHECK(read_events(writer.path()).empty());
  writer.flush();
  const std::vector<LoggedEvent> events = read_events(writer.path());
  REQUIRE(events.size() == 3);
  CHECK(events[0].tag == "train/loss");
  CHECK(events[0].step == 1);
  CHECK(events[0].value == 2.5);
  CHECK(events[0].wall_time > 1e9);
  CHECK(events[1].text == "# hello\n| a | b |");
  CHECK(events[2].step == 2);
}

TEST_CASE("a resumed run continues the file behind its last whole record") {
  const TempDir folder;
  std::filesystem::path first;
  {
    EventWriter writer(folder.path, -1);  // nothing to resume: starts
    first = writer.path();
    for (int step = 1; step <= 5; ++step) writer.scalar("loss", step, step);
  }
  const std::string whole = read_file(first);
  for (const size_t torn : {size_t{0}, size_t{1}, size_t{11}, size_t{13}}) {
    write_file_atomic(first, whole.substr(0, whole.size() - torn));
    {
      EventWriter writer(folder.path, 3);
      CHECK(writer.path() == first);
      writer.scalar("loss", 4, 40);
    }
    const std::vector<LoggedEvent> events = read_events(first);
    REQUIRE(events.size() == (torn ? 5u : 6u));
    CHECK(events.back().value == 40);
  }
}

TEST_CASE("damage inside the file is an error") {
  const TempDir folder;
  std::filesystem::path path;
  {
    EventWriter writer(folder.path);
    writer.scalar("loss", 1, 1);
    path = writer.path();
  }
  const std::string good = read_file(path);
  for (size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    write_file_atomic(path, bad);
    CHECK_THROWS_AS(read_events(path), FileError);
  }
  CHECK_THROWS_AS(EventWriter("/proc/no/such/folder"), FileError);
}
