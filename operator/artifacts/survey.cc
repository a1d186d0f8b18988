#include "operator/artifacts/survey.h"

#include "base/text.h"
#include "operator/artifacts/reading.h"

#include <fmt/format.h>
#include <utility>

namespace stagekeeper::artifacts {
namespace {

using artifact::Manifest;
using gates::because;
using gates::Reasoned;

constexpr std::size_t kMaxShown = 200;

}  // namespace

Reasoned<Manifest> survey(const artifact::Location& folder, ObjectSource& source,
                          const Patience& patience) {
  SK_TRY(const auto listing, list_folder(folder, source, patience));
  if (!listing) {
    return because("FetchRefused", fmt::format("{}: nobody can list a folder over https; name its "
                                               "copy on this machine or in S3",
                                               folder.uri()));
  }
  std::vector<artifact::ManifestFile> files;
  for (const artifact::Listed& listed : *listing) {
    if (listed.path == artifact::kManifestName) continue;
    const std::string shown = printable(listed.path, kMaxShown);
    if (const std::string flaw = artifact::path_flaw(listed.path); !flaw.empty())
      return because("ManifestInvalid", fmt::format("path '{}' {}", shown, flaw));
    const Item item{.what = fmt::format("file {}", shown), .object = folder.child(listed.path)};
    DropSink sink;
    SK_TRY(const Received received, transfer(item, source, sink, patience));
    files.push_back(
        {.path = listed.path, .size_bytes = received.size_bytes, .digest = received.digest});
  }
  Result<Manifest> manifest = artifact::make_manifest(std::move(files));
  if (!manifest) return because("ManifestInvalid", manifest.error().message);
  return *std::move(manifest);
}

std::optional<Digest> manifest_beside(const artifact::Location& folder, ObjectSource& source,
                                      const Patience& patience) {
  TextSink sink;
  const Item item{.what = "the manifest",
                  .object = folder.child(artifact::kManifestName),
                  .max_bytes = artifact::kMaxManifestBytes};
  if (!transfer(item, source, sink, patience)) return std::nullopt;
  const Result<Manifest> manifest = artifact::parse_manifest(sink.text);
  if (!manifest) return std::nullopt;
  const Result<Digest> digest = artifact::manifest_digest(*manifest);
  return digest ? std::optional(*digest) : std::nullopt;
}

}  // namespace stagekeeper::artifacts
