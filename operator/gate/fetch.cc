#include "operator/gate/fetch.h"

#include "artifact/location.h"
#include "operator/artifacts/file_sink.h"
#include "operator/artifacts/reading.h"

#include <filesystem>
#include <fmt/format.h>
#include <memory>
#include <system_error>
#include <utility>

namespace stagekeeper::gate {
namespace {

using artifacts::Item;
using gates::because;
using gates::Reasoned;

Reasoned<artifact::Location> location_of(const char* what, const std::string& uri) {
  Result<artifact::Location> location = artifact::parse_location(uri);
  if (!location)
    return because("FetchRefused", fmt::format("{}: {}", what, location.error().message));
  return *std::move(location);
}

/// Into a file, which has its name only when its bytes are right.
Reasoned<void> download(const Item& item, const std::string& path, artifacts::ObjectSource& source,
                        const artifacts::Patience& patience) {
  const std::string part = path + ".part";
  std::error_code error;
  std::filesystem::remove(part, error);
  artifacts::FileSink sink(part);
  Reasoned<void> done;
  if (const auto received = artifacts::transfer(item, source, sink, patience); !received)
    done = tl::unexpected(received.error());
  if (done) std::filesystem::rename(part, path, error);
  if (error) done = because("DiskFull", fmt::format("cannot rename {}: {}", part, error.message()));
  if (!done) std::filesystem::remove(part, error);
  return done;
}

}  // namespace

Reasoned<void> fetch_inputs(const gates::GateInput& input, const std::string& directory,
                            artifacts::ObjectSource& source, const artifacts::Patience& patience,
                            std::uint64_t max_dataset_bytes) {
  if (input.dataset) {
    SK_TRY(artifact::Location object, location_of("the dataset", input.dataset->uri));
    if (object.is_folder())
      return because("FetchRefused", "the dataset: a folder is no dataset; name one CSV file");
    const Item item{.what = "the dataset",
                    .object = std::move(object),
                    .digest = input.dataset->digest,
                    .mismatch = "DatasetDigestMismatch",
                    .max_bytes = max_dataset_bytes};
    SK_CHECK_OK(download(item, directory + "/" + kDatasetFile, source, patience));
  }
  if (input.artifact.uri.empty()) return {};
  SK_TRY(artifact::Location location, location_of("the artifact", input.artifact.uri));
  const auto drop = [](const std::string&) -> Reasoned<std::unique_ptr<artifacts::Sink>> {
    return std::make_unique<artifacts::DropSink>();
  };
  return artifacts::read_artifact(
      {.location = std::move(location), .digest = input.artifact.digest, .keep = drop}, source,
      patience);
}

}  // namespace stagekeeper::gate
