#pragma once

#include "audit/record.h"
#include "aws/s3_client.h"
#include "base/clock.h"
#include "base/result.h"

#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper::audit {

/// What trying a point on the real bucket showed.
enum class ProbeOutcome {
  kPassed,
  kFailed,    ///< the store allowed what it must refuse, or lost what it must keep
  kUnproven,  ///< refused for want of a right: the store itself was not put to the test
};

std::string_view name(ProbeOutcome outcome);

/// One point. `point` is the letter by which a configuration acknowledges it.
struct ProbeResult {
  std::string point;
  ProbeOutcome outcome = ProbeOutcome::kUnproven;
  std::string detail;
};

/// What a point means, for people: "a record cannot be overwritten". "" for an unknown letter.
std::string_view probe_point_title(std::string_view point);

/// Tries the bucket with the operator's own credentials on a throw-away object below
/// `v1/<cluster>/probe/`, locked for minutes: (b) a second conditional PUT is refused, (c) so is
/// the deletion of the version, (f) so is shortening its lock, (i) lock and bytes read back as
/// written.
///
/// For (f) the lock is first made longer: when that is allowed and the way back is not, the store
/// itself said no. Nothing can show that for (c) without a right that the operator must not have.
/// Errors: those of the store when a question could not be asked at all (Unavailable, Throttled,
/// Misconfigured).
Result<std::vector<ProbeResult>> probe_bucket(aws::S3Client& client, const Clock& clock,
                                              std::string_view cluster);

/// Whether records may be written, and why. `reason` is one of Trusted, AcknowledgedDeviations,
/// DeviationNotAcknowledged, ProbeIncomplete; `message` names every point that did not pass.
struct ProbeVerdict {
  bool trusted = false;
  std::string reason;
  std::string message;
};

/// Judges a probe. A failed point needs to be acknowledged by its letter. (c) and (f) may be
/// unproven: an operator without these rights is what is wanted. (b) and (i) may not: they need no
/// right beyond those for writing. Pure.
ProbeVerdict judge_probe(const std::vector<ProbeResult>& results,
                         const std::vector<Deviation>& acknowledged);

}  // namespace stagekeeper::audit
