#include "operator/gate/fetch.h"

#include "base/crypto.h"
#include "gates/kind.h"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <functional>

namespace stagekeeper::gate {
namespace {

using gates::because;
using gates::Reasoned;

/// One of the two objects: what it is called, how large it may be.
struct Item {
  const char* what;      ///< "dataset"
  const char* mismatch;  ///< code
  const gates::InputObject& object;
  std::uint64_t max_bytes;
};

/// Hands the object's bytes to `keep`, which is false when it could not keep a piece, and checks
/// how many they are and their digest. Holds one piece at a time.
Reasoned<void> receive(const Item& item, ObjectSource& source, const http::BodySink& keep) {
  Sha256 sha;
  std::uint64_t bytes = 0;
  bool kept = true;
  const Status read = source.read(item.object.uri, [&](std::string_view piece) {
    bytes += piece.size();
    if (bytes > item.max_bytes) return false;
    sha.update(piece);
    kept = keep(piece);
    return kept;
  });
  if (bytes > item.max_bytes) {
    return because("ObjectTooLarge", fmt::format("the {} {} is larger than {} bytes", item.what,
                                                 item.object.uri, item.max_bytes));
  }
  if (!read) {
    const bool may_pass = is_transient(read.error()) && read.error().code != ErrorCode::kNotFound;
    return because(may_pass ? "FetchFailed" : "FetchRefused",
                   fmt::format("the {} {}: {}", item.what, item.object.uri, read.error().message));
  }
  if (!kept)
    return because("DiskFull",
                   fmt::format("cannot write the {}: is the volume too small?", item.what));
  if (const Digest actual = sha.finish(); actual != item.object.digest) {
    return because(item.mismatch, fmt::format("the {} has digest {}, expected {}", item.what,
                                              actual.str(), item.object.digest.str()));
  }
  return {};
}

/// Into a file, which has its name only when its bytes are right and on the disk.
Reasoned<void> download(const Item& item, const std::string& path, ObjectSource& source) {
  const std::string part = path + ".part";
  std::ofstream out(part, std::ios::binary | std::ios::trunc);
  Reasoned<void> received = receive(item, source, [&](std::string_view piece) {
    out.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    return out.good();
  });
  out.close();
  std::error_code error;
  if (received && !out.good())
    received = because("DiskFull", fmt::format("cannot write {}: is the volume too small?", part));
  if (received) std::filesystem::rename(part, path, error);
  if (error)
    received = because("DiskFull", fmt::format("cannot rename {}: {}", part, error.message()));
  if (!received) std::filesystem::remove(part, error);
  return received;
}

/// Tries again what may pass, each time from the first byte.
Reasoned<void> patiently(const std::function<Reasoned<void>()>& once, Timer& timer, int attempts) {
  Timer::Duration pause = std::chrono::seconds(1);
  while (true) {
    Reasoned<void> done = once();
    if (done || done.error().code != "FetchFailed" || --attempts <= 0) return done;
    timer.sleep(pause);
    pause *= 2;
  }
}

}  // namespace

Reasoned<void> fetch_inputs(const gates::GateInput& input, const std::string& directory,
                            ObjectSource& source, Timer& timer, const FetchLimits& limits) {
  if (input.dataset) {
    const Item item{.what = "dataset",
                    .mismatch = "DatasetDigestMismatch",
                    .object = *input.dataset,
                    .max_bytes = limits.dataset_bytes};
    const std::string path = directory + "/" + kDatasetFile;
    SK_CHECK_OK(patiently([&] { return download(item, path, source); }, timer, limits.attempts));
  }
  if (!gates::find_kind(input.kind)->needs.artifact) return {};
  const Item item{.what = "artifact",
                  .mismatch = "ArtifactDigestMismatch",
                  .object = input.artifact,
                  .max_bytes = limits.artifact_bytes};
  const auto drop = [](std::string_view) { return true; };
  return patiently([&] { return receive(item, source, drop); }, timer, limits.attempts);
}

}  // namespace stagekeeper::gate
