#include "operator/cli/artifact_digest.h"

#include "artifact/manifest.h"
#include "base/crypto.h"
#include "base/files.h"
#include "operator/artifacts/file_source.h"
#include "operator/artifacts/placement.h"
#include "tests/gate/memory_source.h"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <filesystem>
#include <fstream>
#include <string>

using namespace stagekeeper;  // NOLINT(google-build-using-namespace)
using cli::ExitCode;
namespace fs = std::filesystem;

namespace {

/// A folder of this machine with two files.
struct Setting {
  fs::path root = fs::temp_directory_path() / ("digest-" + random_hex(8));
  fs::path folder = root / "my model";
  artifacts::FileSource files{"/"};
  artifacts::Patience patience{.sleep = [](std::chrono::milliseconds) {}};
  cli::DigestFlags flags{.what = folder.string()};

  Setting() {
    fs::create_directories(folder / "code");
    std::ofstream(folder / "MLmodel") << "flavors";
    std::ofstream(folder / "code/größe.py") << "pass";
  }

  Setting(const Setting&) = delete;
  Setting& operator=(const Setting&) = delete;
  Setting(Setting&&) = delete;
  Setting& operator=(Setting&&) = delete;

  ~Setting() { fs::remove_all(root); }

  cli::Output run() { return cli::artifact_digest(flags, files, patience); }

  static std::string manifest() {
    return R"([{"path":"MLmodel","sha256":")" + sha256_hex("flavors") +
           R"(","size":7},{"path":"code/größe.py","sha256":")" + sha256_hex("pass") +
           R"(","size":4}])";
  }
};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("artifact digest: a folder, as a ModelVersion names it") {
  Setting s;
  const cli::Output out = s.run();
  CHECK(out.code == ExitCode::kOk);
  CHECK(out.text == "artifact:\n  type: Manifest\n  digest: " +
                        sha256_digest(Setting::manifest()).str() + "\n# 2 files, 11 bytes\n");
  CHECK(contains(out.errors, "stagekeeper-manifest.json is not in the folder"));
  CHECK(contains(out.errors, "--write-manifest"));
  CHECK_FALSE(fs::exists(s.folder / "stagekeeper-manifest.json"));
}

TEST_CASE("artifact digest: the manifest is written once, beside the files") {
  Setting s;
  s.flags.write_manifest = true;
  const std::string text = s.run().text;
  CHECK(read_file(s.folder / "stagekeeper-manifest.json", 1000).value() == Setting::manifest());
  CHECK(s.run().text == text);
  CHECK(s.run().errors.empty());
  s.flags.write_manifest = false;
  std::ofstream(s.folder / "more") << "x";
  CHECK(contains(s.run().errors, "lists other files"));
  s.flags.json = true;
  CHECK(nlohmann::json::parse(s.run().text)["manifest"] == "Other");
  CHECK(artifacts::list_files(s.folder.string())->size() == 4);
}

TEST_CASE("artifact digest: what it says is what a server's init container takes") {
  Setting s;
  s.flags.write_manifest = true;
  s.flags.json = true;
  const auto said = nlohmann::json::parse(s.run().text);
  const artifacts::Placement wanted{.location = {.scheme = artifact::Scheme::kFile,
                                                 .authority = {},
                                                 .path = s.folder.string().substr(1) + "/"},
                                    .digest = Digest(said["digest"].get<std::string>()),
                                    .directory = (s.root / "placed").string()};
  CHECK(artifacts::place_artifact(wanted, s.files, s.patience).has_value());
  CHECK(read_file(s.root / "placed/code/größe.py", 100).value() == "pass");
}

TEST_CASE("artifact digest: one file") {
  Setting s;
  s.flags.what = (s.folder / "MLmodel").string();
  const cli::Output out = s.run();
  CHECK(out.text == "artifact:\n  type: File\n  digest: " + sha256_digest("flavors").str() +
                        "\n# 1 file, 7 bytes\n");
  CHECK(out.errors.empty());
}

TEST_CASE("artifact digest: a link to the folder is followed, one in it is an error") {
  Setting s;
  fs::create_directory_symlink(s.folder, s.root / "link");
  s.flags.what = (s.root / "link").string();
  CHECK(s.run().code == ExitCode::kOk);
  fs::create_symlink("MLmodel", s.folder / "again");
  const cli::Output out = s.run();
  CHECK(out.code == ExitCode::kRefused);
  CHECK(contains(out.errors, "again in the folder is neither a file nor a folder but a symbolic"));
  CHECK(contains(out.errors, "cp -rL"));
}

TEST_CASE("artifact digest: objects of a bucket, with their address") {
  Setting s;
  gate::MemorySource bucket;
  bucket.objects = {{"s3://b/47/MLmodel", "flavors"}, {"s3://b/47/code/größe.py", "pass"}};
  s.flags.what = "s3://b/47/";
  cli::Output out = cli::artifact_digest(s.flags, bucket, s.patience);
  CHECK(out.text == "artifact:\n  type: Manifest\n  uri: s3://b/47/\n  digest: " +
                        sha256_digest(Setting::manifest()).str() + "\n# 2 files, 11 bytes\n");
  CHECK(contains(out.errors, "print it with --manifest"));
  s.flags.manifest = true;
  out = cli::artifact_digest(s.flags, bucket, s.patience);
  CHECK(out.text == Setting::manifest());
  bucket.objects["s3://b/47/stagekeeper-manifest.json"] = out.text;
  s.flags.manifest = false;
  CHECK(cli::artifact_digest(s.flags, bucket, s.patience).errors.empty());
}

TEST_CASE("artifact digest: what cannot be done is said before anything is read") {
  struct Row {
    const char* what;
    bool write;
    bool print;
    ExitCode code;
    const char* says;
  };

  const Row rows[] = {
      {"/no/such", false, false, ExitCode::kUsage, "name a file or a folder of this machine"},
      {"ftp://b/47", false, false, ExitCode::kUsage, "its scheme is not known"},
      {"oci://r/m@sha256:1", false, false, ExitCode::kUsage, "nobody downloads an image"},
      {"s3://b/47/", true, false, ExitCode::kUsage, "--write-manifest writes into a folder of"},
      {"s3://b/47", false, true, ExitCode::kUsage, "--manifest is for a folder"},
      {"s3://b/47", false, false, ExitCode::kRefused, "the address of a folder ends with /"},
      {"s3://b/48/", false, false, ExitCode::kRefused, "ManifestInvalid: manifest: the folder has"},
  };
  Setting s;
  gate::MemorySource bucket;
  for (const Row& row : rows) {
    CAPTURE(row.what);
    s.flags.what = row.what;
    s.flags.write_manifest = row.write;
    s.flags.manifest = row.print;
    const cli::Output out = cli::artifact_digest(s.flags, bucket, s.patience);
    CHECK(out.code == row.code);
    CHECK(contains(out.errors, row.says));
    CHECK(out.text.empty());
  }
  bucket.lists = false;
  s.flags = {.what = "https://example.com/47/"};
  CHECK(contains(cli::artifact_digest(s.flags, bucket, s.patience).errors,
                 "nobody can list a folder over https"));
  bucket.errors.assign(3, {.code = ErrorCode::kUnavailable, .message = "broken"});
  bucket.objects["https://example.com/f"] = "x";
  s.flags.what = "https://example.com/f";
  CHECK(cli::artifact_digest(s.flags, bucket, s.patience).code == ExitCode::kUnreachable);
}
