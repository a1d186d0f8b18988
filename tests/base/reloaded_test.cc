#include "base/reloaded.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <unistd.h>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using std::chrono::seconds;

namespace {

/// Two files in a directory of their own and a clock that moves by hand.
struct Bench {
  std::filesystem::path directory =
      std::filesystem::temp_directory_path() / ("reloaded-" + std::to_string(getpid()));
  std::chrono::steady_clock::time_point now{};
  int made = 0;

  Bench() { std::filesystem::create_directories(directory); }

  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
  Bench(Bench&&) = delete;
  Bench& operator=(Bench&&) = delete;

  ~Bench() { std::filesystem::remove_all(directory); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(directory / name, std::ios::trunc) << text;
  }

  /// Both texts joined; "bad" in one of them cannot be used.
  Reloaded<std::string> both() {
    return {{.paths = {directory / "a", directory / "b"},
             .max_bytes = 10,
             .interval = seconds(3),
             .now = [this] { return now; }},
            [this](const std::vector<std::string>& texts) -> Result<std::string> {
              ++made;
              if (texts[0] == "bad") return fail(ErrorCode::kInvalid, "bad");
              return texts[0] + texts[1];
            }};
  }
};

}  // namespace

TEST_CASE("reloaded: follows the files, at most once an interval, when two readings agree") {
  Bench b;
  b.write("a", "1");
  b.write("b", "2");
  auto value = b.both();
  CHECK(*value.get().value() == "12");
  b.write("a", "3");
  CHECK(*value.get().value() == "12");  // the interval is not over
  b.now += seconds(3);
  CHECK(*value.get().value() == "12");  // seen once
  b.write("b", "4");                    // the other one of two that belong together
  b.now += seconds(3);
  CHECK(*value.get().value() == "12");
  b.now += seconds(3);
  CHECK(*value.get().value() == "34");
  b.now += seconds(30);
  CHECK(*value.get().value() == "34");
  CHECK(b.made == 2);
}

TEST_CASE("reloaded: what cannot be read or used leaves the old value, until it can") {
  Bench b;
  b.write("a", "1");
  b.write("b", "2");
  auto value = b.both();
  const auto held = value.get().value();
  for (const char* spoilt : {"bad", "more than ten bytes"}) {
    CAPTURE(spoilt);
    b.write("a", spoilt);
    for (int i = 0; i < 3; ++i) {
      b.now += seconds(3);
      CHECK(*value.get().value() == "12");
    }
  }
  std::filesystem::remove(b.directory / "a");
  b.now += seconds(3);
  CHECK(*value.get().value() == "12");
  b.write("a", "5");
  b.now += seconds(3);
  (void)value.get();
  b.now += seconds(3);
  CHECK(*value.get().value() == "52");
  CHECK(*held == "12");  // whoever still uses the old one may
}

TEST_CASE("reloaded: without a first value the error is told, and tried again each time") {
  Bench b;
  b.write("a", "1");
  auto value = b.both();
  CHECK(value.get().error().code == ErrorCode::kNotFound);
  b.write("b", "2");
  CHECK(*value.get().value() == "12");
}
