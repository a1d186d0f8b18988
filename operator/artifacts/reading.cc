#include "operator/artifacts/reading.h"

#include "base/text.h"

#include <fmt/format.h>
#include <utility>

namespace stagekeeper::artifacts {
namespace {

using artifact::Manifest;
using artifact::ManifestFile;
using gates::because;
using gates::Reasoned;

constexpr std::size_t kMaxShown = 200;

Reasoned<Manifest> read_manifest(const Reading& reading, ObjectSource& source,
                                 const Patience& patience) {
  const Item item{.what = "the manifest",
                  .object = reading.location.child(artifact::kManifestName),
                  .max_bytes = artifact::kMaxManifestBytes};
  TextSink sink;
  const Reasoned<Received> read = transfer(item, source, sink, patience);
  if (!read) {
    gates::Reason reason = read.error();
    if (reason.code == "FetchRefused") {
      reason.message += fmt::format(
          "; a folder needs the list of its files beside them, [{{\"path\", \"size\", "
          "\"sha256\"}}, …], "
          "as {}, which `kubectl stagekeeper artifact digest --write-manifest` writes",
          artifact::kManifestName);
    }
    return tl::unexpected(std::move(reason));
  }
  Result<Manifest> manifest = artifact::parse_manifest(sink.text);
  if (!manifest) return because("ManifestInvalid", manifest.error().message);
  const Result<Digest> digest = artifact::manifest_digest(*manifest);
  if (!digest) return because("ManifestInvalid", digest.error().message);
  if (*digest != reading.digest) {
    return because("ArtifactDigestMismatch",
                   fmt::format("the manifest of {} has digest {}, expected {}",
                               reading.location.uri(), digest->str(), reading.digest.str()));
  }
  return *std::move(manifest);
}

gates::Reason listing_reason(const artifact::Location& folder, const Error& error) {
  const bool passes = error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kThrottled;
  std::string message = fmt::format("cannot list {}: {}", folder.uri(), error.message);
  if (error.code == ErrorCode::kDenied)
    message += "; a folder is compared with its manifest: grant s3:ListBucket for it";
  return {.code = passes ? "FetchFailed" : "FetchRefused", .message = std::move(message)};
}

}  // namespace

Reasoned<std::optional<std::vector<artifact::Listed>>> list_folder(const artifact::Location& folder,
                                                                   ObjectSource& source,
                                                                   const Patience& patience) {
  std::chrono::milliseconds pause{1000};
  for (int attempt = 1;; ++attempt) {
    auto listing = source.list(folder);
    if (listing) return *std::move(listing);
    gates::Reason reason = listing_reason(folder, listing.error());
    if (reason.code != "FetchFailed" || attempt >= patience.attempts)
      return tl::unexpected(std::move(reason));
    patience.sleep(pause);
    pause *= 2;
  }
}

namespace {

Reasoned<void> check_folder(const Reading& reading, const Manifest& manifest, ObjectSource& source,
                            const Patience& patience) {
  SK_TRY(const auto listing, list_folder(reading.location, source, patience));
  if (!listing) return {};
  if (const Status same = artifact::check_listing(manifest, *listing); !same) {
    return because("FolderDiffers",
                   fmt::format("{}: {}", reading.location.uri(), same.error().message));
  }
  return {};
}

Reasoned<void> read_file(const Reading& reading, const ManifestFile& file, ObjectSource& source,
                         const Patience& patience) {
  SK_TRY(const std::unique_ptr<Sink> sink, reading.keep(file.path));
  const Item item{.what = fmt::format("file {}", printable(file.path, kMaxShown)),
                  .object = reading.location.child(file.path),
                  .digest = file.digest,
                  .max_bytes = file.size_bytes};
  SK_CHECK_OK(transfer(item, source, *sink, patience));
  return {};
}

}  // namespace

Reasoned<void> read_artifact(const Reading& reading, ObjectSource& source,
                             const Patience& patience) {
  if (!reading.location.is_folder()) {
    SK_TRY(const std::unique_ptr<Sink> sink, reading.keep(""));
    const Item item{.what = "the artifact", .object = reading.location, .digest = reading.digest};
    SK_CHECK_OK(transfer(item, source, *sink, patience));
    return {};
  }
  SK_TRY(const Manifest manifest, read_manifest(reading, source, patience));
  SK_CHECK_OK(check_folder(reading, manifest, source, patience));
  if (reading.expect) SK_CHECK_OK(reading.expect(manifest));
  for (const ManifestFile& file : manifest.files)
    SK_CHECK_OK(read_file(reading, file, source, patience));
  return {};
}

}  // namespace stagekeeper::artifacts
