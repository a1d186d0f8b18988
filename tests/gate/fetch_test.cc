#include "operator/gate/fetch.h"

#include "base/crypto.h"
#include "base/files.h"
#include "tests/gate/memory_source.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

using namespace stagekeeper;        // NOLINT(google-build-using-namespace)
using namespace stagekeeper::gate;  // NOLINT(google-build-using-namespace)

namespace {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "gate-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }

  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  TemporaryDirectory(TemporaryDirectory&&) = delete;
  TemporaryDirectory& operator=(TemporaryDirectory&&) = delete;

  ~TemporaryDirectory() { std::filesystem::remove_all(path); }

  std::string path;
};

struct Setting {
  TemporaryDirectory directory;
  MemorySource source;
  std::chrono::milliseconds slept{};
  artifacts::Patience patience{
      .sleep = [this](std::chrono::milliseconds pause) { slept += pause; }};
  gates::GateInput input;

  Setting() {
    source.objects = {{"s3://b/d", "the dataset"}, {"s3://b/a", "the artifact"}};
    input.kind = "Accuracy";
    input.artifact = gates::InputObject{.uri = "s3://b/a", .digest = sha256_digest("the artifact")};
    input.dataset = gates::InputObject{
        .uri = "s3://b/d", .version = "1", .digest = sha256_digest("the dataset")};
  }

  std::string fetch(std::uint64_t max_dataset_bytes = kMaxDatasetBytes) {
    const auto done = fetch_inputs(input, directory.path, source, patience, max_dataset_bytes);
    return done ? "" : done.error().code;
  }
};

}  // namespace

TEST_CASE("fetch: the dataset arrives whole, in pieces, and of the artifact nothing stays") {
  Setting s;
  CHECK(s.fetch().empty());
  CHECK(read_file(s.directory.path + "/dataset.csv", 100).value() == "the dataset");
  CHECK(s.source.reads.size() == 2);
  for (const auto& entry : std::filesystem::directory_iterator(s.directory.path))
    CHECK(entry.path().filename() == "dataset.csv");
}

TEST_CASE("fetch: another artifact is refused, with the two digests and no more") {
  Setting s;
  s.source.objects["s3://b/a"] += "!";
  const auto done = fetch_inputs(s.input, s.directory.path, s.source, s.patience);
  REQUIRE_FALSE(done);
  CHECK(done.error().code == "ArtifactDigestMismatch");
  CHECK(done.error().message == "the artifact has digest " + sha256_digest("the artifact!").str() +
                                    ", expected " + s.input.artifact.digest.str());
  CHECK(s.source.reads.size() == 2);
}

TEST_CASE("fetch: a gate that is not told where the artifact lies reads none") {
  for (const char* kind : {"Accuracy", "Fairness", "Latency", "Smoke"}) {
    CAPTURE(kind);
    Setting s;
    s.input.kind = kind;
    s.input.artifact.uri.clear();
    CHECK(s.fetch().empty());
    CHECK(s.source.reads.size() == 1);
  }
}

TEST_CASE("fetch: the artifact is read again when that may help") {
  Setting s;
  s.input.dataset.reset();
  s.source.errors = {{ErrorCode::kUnavailable, "reset"}, {ErrorCode::kThrottled, "slow down"}};
  CHECK(s.fetch().empty());
  CHECK(s.source.reads.size() == 3);
  s.source.errors = {{ErrorCode::kDenied, "403"}};
  CHECK(s.fetch() == "FetchRefused");
  s.source.errors.assign(9, {ErrorCode::kUnavailable, "reset"});
  CHECK(s.fetch() == "FetchFailed");
}

TEST_CASE("fetch: where there is no dataset nothing is read") {
  Setting s;
  s.input.kind = "Smoke";
  s.input.dataset.reset();
  s.input.artifact.uri.clear();
  CHECK(s.fetch().empty());
  CHECK(s.source.reads.size() == 0);
}

TEST_CASE("fetch: a broken download begins again from the first byte") {
  Setting s;
  s.source.errors = {{ErrorCode::kUnavailable, "reset"}, {ErrorCode::kThrottled, "slow down"}};
  CHECK(s.fetch().empty());
  CHECK(s.source.reads.size() == 4);
  CHECK(s.slept == std::chrono::seconds(3));
}

TEST_CASE("fetch: what cannot be had is told from what may pass, and nothing is left") {
  struct Row {
    const char* what;
    void (*spoil)(Setting&);
    const char* code;
    std::size_t reads;
  };

  const Row rows[] = {
      {"down for long",
       [](Setting& s) { s.source.errors.assign(9, {ErrorCode::kUnavailable, "reset"}); },
       "FetchFailed", 3},
      {"no right", [](Setting& s) { s.source.errors = {{ErrorCode::kDenied, "403"}}; },
       "FetchRefused", 1},
      {"no object", [](Setting& s) { s.source.errors = {{ErrorCode::kNotFound, "404"}}; },
       "FetchRefused", 1},
      {"another dataset", [](Setting& s) { s.source.objects["s3://b/d"] += "!"; },
       "DatasetDigestMismatch", 1},
      {"half a dataset", [](Setting& s) { s.source.objects["s3://b/d"].resize(5); },
       "DatasetDigestMismatch", 1},
      {"another artifact",
       [](Setting& s) {
         s.input.dataset.reset();
         s.source.objects["s3://b/a"].resize(5);
       },
       "ArtifactDigestMismatch", 1},
      {"no directory", [](Setting& s) { s.directory.path += "/none"; }, "DiskFull", 1},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Setting s;
    row.spoil(s);
    CHECK(s.fetch() == row.code);
    CHECK(s.source.reads.size() == row.reads);
    std::error_code ignored;
    CHECK(std::filesystem::directory_iterator(s.directory.path, ignored) ==
          std::filesystem::directory_iterator());
  }
}

TEST_CASE("fetch: a dataset larger than its limit ends early") {
  Setting s;
  CHECK(s.fetch(11).empty());
  CHECK(s.fetch(10) == "ObjectTooLarge");
}
