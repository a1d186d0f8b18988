#include "artifact/manifest.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace stagekeeper;            // NOLINT(google-build-using-namespace)
using namespace stagekeeper::artifact;  // NOLINT(google-build-using-namespace)

namespace {

ManifestFile file(const std::string& path, const std::string& content) {
  return {.path = path, .size_bytes = content.size(), .digest = sha256_digest(content)};
}

Manifest model() {
  return make_manifest({file("model.pkl", "weights"), file("MLmodel", "flavors"),
                        file("code/score.py", "def f(): pass")})
      .value();
}

std::vector<Listed> listing_of(const Manifest& manifest) {
  std::vector<Listed> out;
  for (const ManifestFile& each : manifest.files)
    out.push_back({.path = each.path, .size_bytes = each.size_bytes});
  return out;
}

}  // namespace

TEST_CASE("manifest: its digest is that of the canonical JSON, sorted by the bytes of the paths") {
  const std::string text = manifest_text(model()).value();
  CHECK(text == R"([{"path":"MLmodel","sha256":")" + sha256_hex("flavors") +
                    R"(","size":7},{"path":"code/score.py","sha256":")" +
                    sha256_hex("def f(): pass") + R"(","size":13},{"path":"model.pkl","sha256":")" +
                    sha256_hex("weights") + R"(","size":7}])");
  CHECK(manifest_digest(model()).value() == sha256_digest(text));
  CHECK(model().size_bytes() == 27);
}

TEST_CASE("manifest: order and white space of the object do not count, its content does") {
  const std::string a = R"({"size":1,"sha256":")" + sha256_hex("a") + R"(","path":"a"})";
  const std::string b = R"({"path":"b","size":1,"sha256":")" + sha256_hex("b") + R"("})";
  const Manifest one = parse_manifest("[" + a + "," + b + "]").value();
  const Manifest two = parse_manifest("[\n  " + b + ",\n  " + a + "\n]\n").value();
  CHECK(manifest_digest(one).value() == manifest_digest(two).value());
  CHECK(parse_manifest(manifest_text(model()).value()).value().files == model().files);
}

TEST_CASE("manifest: a path that could lead elsewhere is refused") {
  for (const std::string& path :
       {std::string(), std::string("/etc/passwd"), std::string("../x"), std::string("a/../../x"),
        std::string("a/.."), std::string("."), std::string("./a"), std::string("a//b"),
        std::string("a/"), std::string("a\\..\\b"), std::string("a\nb"), std::string("a\0b", 3),
        std::string("\xff"), std::string(513, 'a'), std::string(256, 'a') + "/b",
        std::string("stagekeeper-manifest.json")}) {
    CAPTURE(path);
    CHECK_FALSE(path_flaw(path).empty());
    CHECK_FALSE(make_manifest({file(path, "x")}));
  }
  for (const char* path : {"MLmodel", ".hidden", "a b/c+d.bin", "größe/模型.onnx", "..a", "a..",
                           "code/stagekeeper-manifest.json"}) {
    CAPTURE(path);
    CHECK(path_flaw(path).empty());
  }
}

TEST_CASE("manifest: what is no list of distinct files is refused, naming the file") {
  struct Row {
    const char* what;
    std::vector<ManifestFile> files;
    const char* says;
  };

  std::vector<ManifestFile> many;
  for (std::size_t i = 0; i <= kMaxFiles; ++i)
    many.push_back(file(std::to_string(i), "x"));
  ManifestFile huge = file("huge", "");
  huge.size_bytes = (std::uint64_t{1} << 50U) + 1;
  ManifestFile odd = file("odd", "");
  odd.digest = Digest("sha256:ABC");
  const Row rows[] = {
      {"nothing", {}, "no file"},
      {"twice", {file("a", "1"), file("b", "2"), file("a", "3")}, "a is there twice"},
      {"file and folder", {file("a", "1"), file("a.b", ""), file("a/b", "2")}, "a is a file and a"},
      {"too many", many, "10001 files"},
      {"too large", {huge}, "huge is too large"},
      {"no digest", {odd}, "sha256 of odd"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    const auto made = make_manifest(row.files);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == ErrorCode::kInvalid);
    CHECK(made.error().message.find(row.says) != std::string::npos);
  }
}

TEST_CASE("manifest: an object of another shape is refused") {
  const std::string sha = sha256_hex("a");
  for (const std::string& text : {
           std::string(),
           std::string("{}"),
           std::string("[]"),
           std::string("[1]"),
           std::string(R"([{"path":"a","size":1}])"),
           R"([{"path":"a","size":1,"sha256":")" + sha + R"(","mode":1}])",
           R"([{"path":"a","size":-1,"sha256":")" + sha + R"("}])",
           R"([{"path":"a","size":1.5,"sha256":")" + sha + R"("}])",
           R"([{"path":"a","size":"1","sha256":")" + sha + R"("}])",
           R"([{"path":"a","path":"b","size":1,"sha256":")" + sha + R"("}])",
           R"([{"path":"a","size":1,"sha256":"sha256:)" + sha + R"("}])",
           "[" + std::string(kMaxManifestBytes, ' ') + "]",
       }) {
    CAPTURE(text.substr(0, 100));
    CHECK_FALSE(parse_manifest(text));
  }
}

TEST_CASE("manifest: a listing must show its files and no other") {
  const Manifest manifest = model();
  std::vector<Listed> listing = listing_of(manifest);
  CHECK(check_listing(manifest, listing));
  listing.push_back({.path = std::string(kManifestName), .size_bytes = 300});
  CHECK(check_listing(manifest, listing));

  const auto says = [&](const std::vector<Listed>& spoilt) {
    const Status checked = check_listing(manifest, spoilt);
    return checked ? std::string() : checked.error().message;
  };
  auto extra = listing;
  extra.push_back({.path = "code/evil.py", .size_bytes = 1});
  CHECK(says(extra) == "file code/evil.py is in the folder and not in the manifest");
  extra.push_back({.path = "code/worse.py", .size_bytes = 1});
  CHECK(says(extra) == "file code/evil.py (and 1 more) is in the folder and not in the manifest");
  auto missing = listing;
  missing.erase(missing.begin());
  CHECK(says(missing) == "file MLmodel is missing in the folder");
  auto other = listing;
  other[2].size_bytes = 8;
  CHECK(says(other) == "file model.pkl has 8 bytes, and 7 by the manifest");
}
