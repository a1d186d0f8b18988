#include "operator/artifacts/reading.h"

#include "base/crypto.h"
#include "tests/gate/memory_source.h"

#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::artifacts;  // NOLINT(google-build-using-namespace)
using gate::MemorySource;

namespace {

constexpr const char* kManifestUri = "s3://b/47/stagekeeper-manifest.json";

/// Keeps what was finished, by path.
class KeptSink final : public Sink {
 public:
  explicit KeptSink(std::string& into) : into_(into) {}

  bool write(std::string_view piece) override {
    bytes_ += piece;
    return true;
  }

  bool restart() override {
    bytes_.clear();
    return true;
  }

  bool finish() override {
    into_ = bytes_;
    return true;
  }

 private:
  std::string bytes_;
  std::string& into_;
};

struct Setting {
  MemorySource source;
  std::chrono::milliseconds slept{};
  Patience patience{.sleep = [this](std::chrono::milliseconds pause) { slept += pause; }};
  std::map<std::string, std::string> kept;
  Reading reading;

  Setting() {
    const std::map<std::string, std::string> files = {
        {"MLmodel", "flavors"}, {"code/score.py", "def f(): pass"}, {"empty", ""}};
    std::vector<artifact::ManifestFile> list;
    for (const auto& [path, bytes] : files) {
      source.objects["s3://b/47/" + path] = bytes;
      list.push_back({.path = path, .size_bytes = bytes.size(), .digest = sha256_digest(bytes)});
    }
    const artifact::Manifest manifest = artifact::make_manifest(list).value();
    source.objects[kManifestUri] = artifact::manifest_text(manifest).value();
    source.etag = "\"v1\"";
    reading = {.location = artifact::parse_location("s3://b/47/").value(),
               .digest = artifact::manifest_digest(manifest).value(),
               .keep = [this](const std::string& path) -> gates::Reasoned<std::unique_ptr<Sink>> {
                 return std::make_unique<KeptSink>(kept[path]);
               }};
  }

  /// The code and the message, or nothing.
  std::string read() {
    const auto done = read_artifact(reading, source, patience);
    return done ? "" : done.error().code + ": " + done.error().message;
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("reading: every file of a folder arrives once") {
  Setting s;
  CHECK(s.read().empty());
  CHECK(s.kept == std::map<std::string, std::string>{
                      {"MLmodel", "flavors"}, {"code/score.py", "def f(): pass"}, {"empty", ""}});
  CHECK(s.source.reads.size() == 4);
}

TEST_CASE("reading: a folder that is not the manifest's is refused before its files are read") {
  struct Row {
    const char* what;
    void (*spoil)(Setting&);
    const char* says;
  };

  const Row rows[] = {
      {"extra file", [](Setting& s) { s.source.objects["s3://b/47/code/evil.py"] = "x"; },
       "FolderDiffers: s3://b/47/: file code/evil.py is in the folder and not in the manifest"},
      {"missing file", [](Setting& s) { s.source.objects.erase("s3://b/47/MLmodel"); },
       "FolderDiffers: s3://b/47/: file MLmodel is missing in the folder"},
      {"other size", [](Setting& s) { s.source.objects["s3://b/47/MLmodel"] += "!"; },
       "FolderDiffers: s3://b/47/: file MLmodel has 8 bytes, and 7 by the manifest"},
      {"no manifest", [](Setting& s) { s.source.objects.erase(kManifestUri); },
       "needs the list of its files beside them, [{\"path\", \"size\", \"sha256\"}, …], as "
       "stagekeeper-manifest.json"},
      {"no list", [](Setting& s) { s.source.objects[kManifestUri] = "{}"; }, "ManifestInvalid: "},
      {"another manifest",
       [](Setting& s) {
         s.source.objects[kManifestUri] =
             R"([{"path":"a","sha256":")" + sha256_hex("") + R"(","size":0}])";
       },
       "ArtifactDigestMismatch: the manifest of s3://b/47/ has digest"},
      {"a huge manifest",
       [](Setting& s) {
         s.source.objects[kManifestUri] = std::string(artifact::kMaxManifestBytes + 1, ' ');
       },
       "ObjectTooLarge: "},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Setting s;
    row.spoil(s);
    const std::string said = s.read();
    CAPTURE(said);
    CHECK(contains(said, row.says));
    CHECK(s.kept.empty());
  }
}

TEST_CASE("reading: a file with other bytes is named") {
  Setting s;
  s.source.objects["s3://b/47/MLmodel"] = "flavour";
  const std::string said = s.read();
  CHECK(contains(said, "ArtifactDigestMismatch: file MLmodel has digest"));
  CHECK(s.kept["MLmodel"].empty());
}

TEST_CASE("reading: where folders cannot be listed, what the manifest names is read and no more") {
  Setting s;
  s.source.lists = false;
  s.source.objects["s3://b/47/code/evil.py"] = "x";
  CHECK(s.read().empty());
  CHECK(s.kept.size() == 3);
  s.source.objects.erase("s3://b/47/MLmodel");
  CHECK(contains(s.read(), "FetchRefused: file MLmodel"));
}

TEST_CASE("reading: whoever expects the manifest may end it") {
  Setting s;
  s.reading.expect = [](const artifact::Manifest& manifest) -> gates::Reasoned<void> {
    return gates::because("NoRoom", std::to_string(manifest.size_bytes()));
  };
  CHECK(s.read() == "NoRoom: 20");
  CHECK(s.kept.empty());
}

namespace {

struct OneObject {
  Setting setting;
  DropSink sink;
  Item item{.what = "the artifact", .object = artifact::parse_location("s3://b/a").value()};

  explicit OneObject(const std::string& bytes) { setting.source.objects["s3://b/a"] = bytes; }

  std::string code() {
    const auto done = transfer(item, setting.source, sink, setting.patience);
    return done ? done->digest.str() : done.error().code;
  }
};

}  // namespace

TEST_CASE("transfer: a broken read goes on at its byte, as often as it brings something") {
  const std::string bytes(96, 'x');
  OneObject one(bytes);
  one.setting.source.errors.assign(4, {ErrorCode::kUnavailable, "reset"});
  CHECK(one.code() == sha256_digest(bytes).str());
  std::vector<std::uint64_t> offsets;
  for (const auto& from : one.setting.source.reads)
    offsets.push_back(from.offset);
  CHECK(offsets == std::vector<std::uint64_t>{0, 48, 72, 84, 90});
  CHECK(one.setting.slept == std::chrono::seconds(4));
}

TEST_CASE("transfer: what brings nothing ends, and so does what never ends") {
  OneObject one("");
  one.setting.source.tells_size = false;
  one.setting.source.errors.assign(9, {ErrorCode::kUnavailable, "reset"});
  CHECK(one.code() == "FetchFailed");
  CHECK(one.setting.source.reads.size() == 3);
  CHECK(one.setting.slept == std::chrono::seconds(3));

  OneObject other(std::string(3000, 'x'));
  other.setting.patience.resumptions = 2;
  other.setting.source.errors.assign(9, {ErrorCode::kUnavailable, "reset"});
  CHECK(other.code() == "FetchFailed");
  CHECK(other.setting.source.reads.size() == 3);
}

TEST_CASE("transfer: an object that changes under way is an error") {
  OneObject one(std::string(96, 'x'));
  one.setting.source.errors = {{ErrorCode::kUnavailable, "reset"}};
  one.setting.patience.sleep = [&](std::chrono::milliseconds) {
    one.setting.source.etag = "\"v2\"";
  };
  CHECK(one.code() == "ObjectChanged");
  CHECK(one.setting.source.reads.size() == 2);
}

TEST_CASE("transfer: without an ETag the object is read again from its first byte") {
  const std::string bytes(96, 'x');
  OneObject one(bytes);
  one.setting.source.etag.clear();
  one.setting.source.errors = {{ErrorCode::kUnavailable, "reset"}};
  CHECK(one.code() == sha256_digest(bytes).str());
  CHECK(one.setting.source.reads.back().offset == 0);
  one.setting.source.errors.assign(9, {ErrorCode::kUnavailable, "reset"});
  CHECK(one.code() == "FetchFailed");
}
