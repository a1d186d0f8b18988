#include "operator/artifacts/placement.h"

#include "artifact/manifest.h"
#include "base/crypto.h"
#include "base/files.h"
#include "operator/gate/verify.h"
#include "tests/gate/memory_source.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <sys/stat.h>
#include <utility>
#include <vector>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::artifacts;  // NOLINT(google-build-using-namespace)
using gate::MemorySource;
namespace fs = std::filesystem;

namespace {

using Files = std::map<std::string, std::string>;

constexpr fs::perms kFileMode =
    fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read | fs::perms::others_read;
constexpr fs::perms kFolderMode =
    kFileMode | fs::perms::owner_exec | fs::perms::group_exec | fs::perms::others_exec;

/// A folder in a bucket, and a volume.
struct Setting {
  MemorySource source;
  Patience patience{.sleep = [](std::chrono::milliseconds) {}};
  fs::path volume = fs::temp_directory_path() / ("placement-" + random_hex(8));
  Placement wanted;
  std::string manifest;

  Setting() {
    fs::create_directory(volume);
    std::vector<artifact::ManifestFile> list;
    for (const auto& [path, bytes] : Files{{"MLmodel", "flavors"}, {"code/score.py", "pass"}}) {
      source.objects["s3://b/47/" + path] = bytes;
      list.push_back({.path = path, .size_bytes = bytes.size(), .digest = sha256_digest(bytes)});
    }
    manifest = artifact::manifest_text(artifact::make_manifest(list).value()).value();
    source.objects["s3://b/47/stagekeeper-manifest.json"] = manifest;
    wanted = {.location = artifact::parse_location("s3://b/47/").value(),
              .digest = sha256_digest(manifest),
              .directory = (volume / "model").string()};
  }

  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  Setting(Setting&&) = delete;
  Setting& operator=(Setting&&) = delete;

  ~Setting() { fs::remove_all(volume); }

  void want_file() {
    source.objects["s3://b/48/model.pkl"] = "weights";
    wanted.location = artifact::parse_location("s3://b/48/model.pkl").value();
    wanted.digest = sha256_digest("weights");
  }

  /// "fetched", "was there", or the code.
  std::string place() {
    const auto placed = place_artifact(wanted, source, patience);
    if (!placed) return placed.error().code;
    return *placed == Placed::kFetched ? "fetched" : "was there";
  }

  /// All that lies on the volume.
  [[nodiscard]] Files found() const {
    Files out;
    for (const auto& entry : fs::recursive_directory_iterator(volume))
      if (entry.is_regular_file())
        out[entry.path().lexically_relative(volume)] = read_file(entry.path(), 1U << 20U).value();
    return out;
  }

  void write(const char* path, const char* text) const { std::ofstream(volume / path) << text; }
};

}  // namespace

TEST_CASE("placement: a folder appears whole, with its manifest, for whoever serves it") {
  Setting s;
  const mode_t before = umask(077);
  CHECK(s.place() == "fetched");
  umask(before);
  CHECK(s.found() == Files{{"model/MLmodel", "flavors"},
                           {"model/code/score.py", "pass"},
                           {"model/stagekeeper-manifest.json", s.manifest}});
  CHECK(fs::status(s.volume / "model").permissions() == kFolderMode);
  CHECK(fs::status(s.volume / "model/code").permissions() == kFolderMode);
  CHECK(fs::status(s.volume / "model/code/score.py").permissions() == kFileMode);
}

TEST_CASE("placement: one file keeps its name") {
  Setting s;
  s.want_file();
  CHECK(s.place() == "fetched");
  CHECK(s.found() == Files{{"model/model.pkl", "weights"}});
}

TEST_CASE("placement: what is in place is verified without the store") {
  Setting s;
  SUBCASE("folder") {}
  SUBCASE("file") {
    s.want_file();
  }
  REQUIRE(s.place() == "fetched");
  s.source.objects.clear();
  s.source.reads.clear();
  CHECK(s.place() == "was there");
  CHECK(s.source.reads.empty());
}

TEST_CASE("placement: what is in place and is not the artifact goes before the store is asked") {
  struct Row {
    const char* what;
    void (*spoil)(const Setting&);
  };

  const Row rows[] = {
      {"other bytes", [](const Setting& s) { s.write("model/MLmodel", "FLAVORS"); }},
      {"fewer bytes", [](const Setting& s) { s.write("model/MLmodel", ""); }},
      {"one file more", [](const Setting& s) { s.write("model/code/evil.py", "x"); }},
      {"one file less", [](const Setting& s) { fs::remove(s.volume / "model/code/score.py"); }},
      {"a link", [](const Setting& s) { fs::create_symlink("MLmodel", s.volume / "model/more"); }},
      {"no manifest",
       [](const Setting& s) { fs::remove(s.volume / "model/stagekeeper-manifest.json"); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Setting s;
    REQUIRE(s.place() == "fetched");
    const Files right = s.found();
    row.spoil(s);
    const auto objects = std::exchange(s.source.objects, {});
    CHECK(s.place() == "FetchRefused");
    CHECK(s.found().empty());
    s.source.objects = objects;
    CHECK(s.place() == "fetched");
    CHECK(s.found() == right);
  }
}

TEST_CASE("placement: a file beside the one that is the artifact does not stay") {
  Setting s;
  s.want_file();
  REQUIRE(s.place() == "fetched");
  // Some are listed before the artifact, some after it.
  for (const char* other : {"model/a", "model/b", "model/c", "model/d", "model/e", "model/f"}) {
    s.write(other, "x");
    CHECK(s.place() == "fetched");
    CHECK(s.found() == Files{{"model/model.pkl", "weights"}});
  }
}

TEST_CASE("placement: another version replaces the one that was there") {
  Setting s;
  REQUIRE(s.place() == "fetched");
  s.want_file();
  CHECK(s.place() == "fetched");
  CHECK(s.found() == Files{{"model/model.pkl", "weights"}});
}

TEST_CASE("placement: nothing stays of an artifact that is another one") {
  Setting s;
  SUBCASE("a file of the folder") {
    s.source.objects["s3://b/47/code/score.py"] = "evil";
  }
  SUBCASE("the file") {
    s.want_file();
    s.source.objects["s3://b/48/model.pkl"] = "WEIGHTS";
  }
  CHECK(s.place() == "ArtifactDigestMismatch");
  CHECK(fs::is_empty(s.volume));
}

TEST_CASE("placement: what an attempt that was killed left behind is no obstacle") {
  Setting s;
  fs::create_directories(s.volume / ".model.partial/code");
  s.write(".model.partial/MLmodel", "fla");
  CHECK(s.place() == "fetched");
  CHECK(s.found().size() == 3);
}

TEST_CASE("placement: a volume without room is said before the files are read") {
  Setting s;
  std::vector<artifact::ManifestFile> list = {
      {.path = "huge", .size_bytes = std::uint64_t{1} << 50U, .digest = sha256_digest("")}};
  const std::string text = artifact::manifest_text(artifact::make_manifest(list).value()).value();
  s.source.objects = {{"s3://b/47/stagekeeper-manifest.json", text}};
  s.source.lists = false;
  s.wanted.digest = sha256_digest(text);
  CHECK(s.place() == "DiskFull");
  CHECK(s.source.reads.size() == 1);
  CHECK(fs::is_empty(s.volume));
}

TEST_CASE("placement: a place that cannot be written is said") {
  Setting s;
  s.wanted.directory = (s.volume / "no/such").string();
  CHECK(s.place() == "NotWritable");
}

TEST_CASE("verify: each refusal says what to do, and ends as the kubelet's users can tell") {
  struct Row {
    const char* code;
    int exit;
    const char* advice;
  };

  const Row rows[] = {
      {"NoPin", 2, "name this container in pin.env"},
      {"InvalidPin", 2, "Correct this container's env"},
      {"ArtifactDigestMismatch", 1, "Put those back"},
      {"FolderDiffers", 1, "Put those back"},
      {"ManifestInvalid", 1, "Put those back"},
      {"ObjectChanged", 1, "Put those back"},
      {"ObjectTooLarge", 1, "Put those back"},
      {"DiskFull", 1, "sizeLimit of an emptyDir"},
      {"NotWritable", 1, "Mount an emptyDir"},
      {"FetchRefused", 1, "S3_ENDPOINT"},
      {"FetchFailed", 3, "It is tried again"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.code);
    const gates::Reason reason{.code = row.code, .message = "seen"};
    CHECK(gate::exit_code(reason) == row.exit);
    CHECK(gate::refusal_text(reason).starts_with(std::string(row.code) + ": seen. "));
    CHECK(gate::refusal_text(reason).find(row.advice) != std::string::npos);
  }
  const gates::Reason loud{.code = "FetchRefused", .message = std::string(9000, '\n')};
  CHECK(gate::refusal_text(loud).size() <= 2048);
  CHECK(gate::refusal_text(loud).find("S3_ENDPOINT") != std::string::npos);
  CHECK(gate::refusal_text(loud).find('\n') == std::string::npos);
}
