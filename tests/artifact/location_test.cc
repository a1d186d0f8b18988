#include "artifact/location.h"

#include <doctest/doctest.h>

#include <string>

using namespace stagekeeper;            // NOLINT(google-build-using-namespace)
using namespace stagekeeper::artifact;  // NOLINT(google-build-using-namespace)

TEST_CASE("location: a URI is read into its parts and written as it was") {
  struct Row {
    const char* uri;
    Scheme scheme;
    const char* authority;
    const char* path;
    bool folder;
  };

  const Row rows[] = {
      {"s3://models/credit-risk/47/model.json", Scheme::kS3, "models", "credit-risk/47/model.json",
       false},
      {"s3://models/1/8f3c/artifacts/model/", Scheme::kS3, "models", "1/8f3c/artifacts/model/",
       true},
      {"https://models.example:8443/a/b.onnx", Scheme::kHttps, "models.example:8443", "a/b.onnx",
       false},
      {"file:///credit-risk/47/", Scheme::kFile, "", "credit-risk/47/", true},
  };
  for (const Row& row : rows) {
    CAPTURE(row.uri);
    const Location location = parse_location(row.uri).value();
    CHECK(location.scheme == row.scheme);
    CHECK(location.authority == row.authority);
    CHECK(location.path == row.path);
    CHECK(location.is_folder() == row.folder);
    CHECK(location.uri() == row.uri);
  }
}

TEST_CASE("location: what could mean another place is refused, with what to write") {
  for (const char* uri : {"",
                          "model.json",
                          "s3://models",
                          "s3://models/",
                          "s3:///key",
                          "s3://models//key",
                          "s3://models/a/../b",
                          "s3://models/./b",
                          "s3://models/a/..",
                          "s3://models/a//",
                          "file:///",
                          "file://host/x",
                          "file:///../etc/passwd",
                          "file:////etc/passwd",
                          "https://user@host/x",
                          "https://host/x?token=1",
                          "https://host/%2e%2e/x",
                          "http://host/x",
                          "s3://models/a b",
                          "s3://models/$(HOME)",
                          "s3://models/a\nb",
                          "ftp://host/x"}) {
    CAPTURE(uri);
    const auto location = parse_location(uri);
    REQUIRE_FALSE(location);
    CHECK(location.error().code == ErrorCode::kInvalid);
    CHECK(location.error().message.find("write s3://BUCKET/KEY") != std::string::npos);
  }
  CHECK_FALSE(parse_location("s3://models/" + std::string(1024, 'a')));
}

TEST_CASE("location: an image is nobody's to download") {
  const auto location = parse_location("oci://registry.example/m@sha256:00");
  REQUIRE_FALSE(location);
  CHECK(location.error().message.find("the kubelet") != std::string::npos);
}

TEST_CASE("location: the URI alone tells the type") {
  CHECK(type_of_uri("s3://models/47/model.json") == Type::kFile);
  CHECK(type_of_uri("s3://models/47/") == Type::kManifest);
  CHECK(type_of_uri("oci://registry.example/m@sha256:00") == Type::kImage);
  for (const Type type : {Type::kFile, Type::kManifest, Type::kImage})
    CHECK(type_named(name(type)) == type);
  CHECK_FALSE(type_named("Folder"));
}

TEST_CASE("location: a file of a folder lies below it") {
  const Location folder = parse_location("s3://models/47/").value();
  CHECK(folder.child("code/my file.py").uri() == "s3://models/47/code/my file.py");
}
