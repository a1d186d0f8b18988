#include "operator/gate/verify.h"

#include "artifact/location.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "base/text.h"
#include "operator/artifacts/placement.h"
#include "operator/artifacts/stores.h"
#include "operator/gate/environment.h"
#include "operator/gate/timer.h"

#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <string_view>
#include <utility>

namespace stagekeeper::gate {
namespace {

using artifacts::Placement;
using gates::because;
using gates::Reason;
using gates::Reasoned;

constexpr std::size_t kMaxMessage = 1536;  // the containers of a pod share 12 KiB
constexpr std::size_t kMaxShown = 200;
constexpr const char* kOtherBytes =
    "These are not the bytes that were registered and approved, so nothing is served. Put those "
    "back, or register what lies there now as a new version; a Rollback serves the version before.";

/// What somebody can do about a reason.
constexpr std::pair<std::string_view, std::string_view> kAdvice[] = {
    {"NoPin",
     "The operator sets both once a version is promoted: name this container in pin.env of the "
     "ServingTarget, with ${artifactUri} and ${digest}."},
    {"InvalidPin", "Correct this container's env, or pin.env of the ServingTarget."},
    {"ArtifactDigestMismatch", kOtherBytes},
    {"FolderDiffers", kOtherBytes},
    {"ManifestInvalid", kOtherBytes},
    {"ObjectChanged", kOtherBytes},
    {"ObjectTooLarge", kOtherBytes},
    {"DiskFull",
     "Give the volume more room: sizeLimit of an emptyDir, ephemeral-storage of the pod, or the "
     "size of the claim."},
    {"NotWritable",
     "Mount an emptyDir above the folder that --to names, and set fsGroup where it belongs to "
     "another user."},
    {"FetchRefused",
     "Correct the address, or the credentials and settings of the store in this container's env "
     "(S3_ENDPOINT, S3_REGION, S3_CA_FILE)."},
    {"FetchFailed",
     "It is tried again; when it goes on, see whether the store is up and whether a "
     "NetworkPolicy lets this pod reach it."},
};

Reasoned<Placement> wanted(const VerifyOptions& options) {
  const std::string uri = environment("MODEL_URI");
  const std::string digest = environment("MODEL_DIGEST");
  if (uri.empty() || digest.empty())
    return because("NoPin", uri.empty() ? "MODEL_URI is not set" : "MODEL_DIGEST is not set");
  if (!is_digest(digest)) {
    return because("InvalidPin", fmt::format("MODEL_DIGEST is '{}', not sha256: and 64 hex digits",
                                             printable(digest, kMaxShown)));
  }
  Result<artifact::Location> location = artifact::parse_location(uri);
  if (!location) return because("InvalidPin", "MODEL_URI: " + location.error().message);
  std::filesystem::path to = std::filesystem::path(options.to).lexically_normal();
  if (!to.has_filename()) to = to.parent_path();
  if (!to.is_absolute() || !to.has_filename()) {
    return because("InvalidPin", fmt::format("--to is '{}', not the absolute path of a folder",
                                             printable(options.to, kMaxShown)));
  }
  return Placement{
      .location = *std::move(location), .digest = Digest(digest), .directory = to.string()};
}

Reasoned<artifacts::Placed> place(const Placement& placement) {
  const SystemClock clock;
  Result<artifacts::StoreOptions> store =
      artifacts::options_from(environment, clock, "stagekeeper-verify");
  if (!store) return because("FetchRefused", store.error().message);
  const auto source = artifacts::make_source(*std::move(store));
  SteadyTimer timer;
  return artifacts::place_artifact(
      placement, *source,
      {.sleep = [&timer](std::chrono::milliseconds pause) { timer.sleep(pause); }});
}

int refuse(const Reason& reason, const VerifyOptions& options) {
  const int code = exit_code(reason);
  log(LogLevel::kError, "not placed", {{"reason", reason.code}, {"message", reason.message}});
  std::ofstream out(options.report_path, std::ios::binary | std::ios::trunc);
  out << refusal_text(reason);
  out.close();
  if (!out.good())
    log(LogLevel::kError, "no termination message",
        {{"err", "cannot write " + options.report_path}});
  return code;
}

}  // namespace

int exit_code(const Reason& reason) {
  if (reason.code == "NoPin" || reason.code == "InvalidPin") return kExitNotSet;
  return reason.code == "FetchFailed" ? kExitMayPass : kExitRefused;
}

std::string refusal_text(const Reason& reason) {
  std::string text = fmt::format("{}: {}.", reason.code,
                                 printable(reason.message, kMaxMessage, CutMark::kEllipsis));
  for (const auto& [code, advice] : kAdvice)
    if (code == reason.code) text += fmt::format(" {}", advice);
  return text;
}

int run_verify(const VerifyOptions& options) {
  const Reasoned<Placement> placement = wanted(options);
  if (!placement) return refuse(placement.error(), options);
  const Reasoned<artifacts::Placed> placed = place(*placement);
  if (!placed) return refuse(placed.error(), options);
  log(LogLevel::kInfo, *placed == artifacts::Placed::kFetched ? "placed" : "was in place",
      {{"artifact", placement->location.uri()},
       {"digest", placement->digest.str()},
       {"folder", placement->directory}});
  return kExitPlaced;
}

}  // namespace stagekeeper::gate
