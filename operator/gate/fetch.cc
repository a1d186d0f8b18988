#include "operator/gate/fetch.h"

#include "base/crypto.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>

namespace stagekeeper::gate {
namespace {

using gates::because;
using gates::Reasoned;

/// One of the two objects: what it is called, where it goes, how large it may be.
struct Item {
  const char* what;      ///< "dataset"
  const char* mismatch;  ///< code
  const gates::InputObject& object;
  std::string path;
  std::uint64_t max_bytes;
};

/// Takes the pieces of one object: hashes, counts, writes.
class Download {
 public:
  Download(const std::string& path, std::uint64_t max_bytes)
      : out_(path, std::ios::binary | std::ios::trunc), max_bytes_(max_bytes) {}

  bool take(std::string_view piece) {
    bytes_ += piece.size();
    if (bytes_ > max_bytes_) return false;
    sha_.update(piece);
    out_.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    return out_.good();
  }

  [[nodiscard]] bool too_large() const { return bytes_ > max_bytes_; }

  /// Flushes; false when the bytes are not all on the disk.
  bool close() {
    out_.close();
    return out_.good();
  }

  [[nodiscard]] Digest digest() { return sha_.finish(); }

 private:
  std::ofstream out_;
  std::uint64_t max_bytes_;
  std::uint64_t bytes_ = 0;
  Sha256 sha_;
};

Reasoned<void> download(const Item& item, ObjectSource& source) {
  const std::string part = item.path + ".part";
  Download download(part, item.max_bytes);
  const Status read =
      source.read(item.object.uri, [&](std::string_view piece) { return download.take(piece); });
  const bool written = download.close();
  if (download.too_large()) {
    return because("ObjectTooLarge", fmt::format("the {} {} is larger than {} bytes", item.what,
                                                 item.object.uri, item.max_bytes));
  }
  if (!read) {
    const bool may_pass = is_transient(read.error()) && read.error().code != ErrorCode::kNotFound;
    return because(may_pass ? "FetchFailed" : "FetchRefused",
                   fmt::format("the {} {}: {}", item.what, item.object.uri, read.error().message));
  }
  if (!written)
    return because("DiskFull", fmt::format("cannot write {}: is the volume too small?", part));
  if (const Digest actual = download.digest(); actual != item.object.digest) {
    return because(item.mismatch,
                   fmt::format("the {} {} has digest {}, expected {}", item.what, item.object.uri,
                               actual.str(), item.object.digest.str()));
  }
  std::error_code error;
  std::filesystem::rename(part, item.path, error);
  if (error) return because("DiskFull", fmt::format("cannot rename {}: {}", part, error.message()));
  return {};
}

/// Tries again what may pass, each time from the first byte.
Reasoned<void> download_patiently(const Item& item, ObjectSource& source, Timer& timer,
                                  int attempts) {
  Timer::Duration pause = std::chrono::seconds(1);
  while (true) {
    Reasoned<void> done = download(item, source);
    if (done) return done;
    std::error_code ignored;
    std::filesystem::remove(item.path + ".part", ignored);
    if (done.error().code != "FetchFailed" || --attempts <= 0) return done;
    timer.sleep(pause);
    pause *= 2;
  }
}

}  // namespace

Reasoned<void> fetch_inputs(const gates::GateInput& input, const std::string& directory,
                            ObjectSource& source, Timer& timer, const FetchLimits& limits) {
  const Item items[] = {{.what = "dataset",
                         .mismatch = "DatasetDigestMismatch",
                         .object = input.dataset,
                         .path = directory + "/" + kDatasetFile,
                         .max_bytes = limits.dataset_bytes},
                        {.what = "artifact",
                         .mismatch = "ArtifactDigestMismatch",
                         .object = input.artifact,
                         .path = directory + "/" + kArtifactFile,
                         .max_bytes = limits.artifact_bytes}};
  for (const Item& item : items) {
    Reasoned<void> done = download_patiently(item, source, timer, limits.attempts);
    if (!done) return done;
  }
  return {};
}

}  // namespace stagekeeper::gate
