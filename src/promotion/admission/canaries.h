#pragma once

#include "base/result.h"
#include "base/time.h"
#include "promotion/world.h"

#include <string>
#include <string_view>
#include <vector>

// Whether the admission policies of the chart are in force, found out and not assumed: forgeries
// that exactly one of them has to refuse, sent as dry runs.
namespace stagekeeper::promotion::admission {

/// The name that every forgery bears; policies let the operator try no other one.
inline constexpr const char* kCanaryName = "stagekeeper-canary";

/// The stage that forgeries name. The operator has the verbs for it and for no other, so that no
/// policy about verbs refuses what one about identities has to.
inline constexpr const char* kCanaryStage = "StagekeeperCanary";

/// What is forged.
enum class CanaryKind { kApproval, kPromotionRequest, kDeployment };

/// One forgery, and who has to refuse it.
struct Canary {
  CanaryKind kind = CanaryKind::kApproval;
  std::string_view policy;  ///< the ValidatingAdmissionPolicy, and its binding of the same name
  std::string_view says;    ///< a part of that policy's message, as the chart has it
  std::string_view forges;  ///< for people: "an Approval in another person's name"
  bool pins = false;        ///< asked only where pins are to be written
  bool dates = false;       ///< identities rest on it: see last_change()
};

/// Every forgery, in the order in which they are tried.
const std::vector<Canary>& canaries();

/// The forged object, which the schema of its kind accepts.
std::string manifest(const Canary& canary, std::string_view ns);

/// What the answer to a forgery proves. kUnknown: the API server could not be asked.
struct Judged {
  AdmissionState::Proof proof = AdmissionState::Proof::kUnknown;
  std::string message;  ///< for people; empty with kIntact
};

/// Whether an error says that the API server has judged nothing, so that nothing is known.
bool unanswered(const Error& error);

/// Judges the answer to a dry run. An answer without error means that the forgery was let through;
/// one refused by anything but the policy proves nothing of the policy. The refusal is recognised
/// by the text of the API server, which says in no other way who refused: the one place where a
/// text for people is read.
Judged judge(const Canary& canary, const Result<std::string>& answer);

/// When a policy or binding last changed: its creation, or the last write of any field manager.
/// What was admitted before that was admitted by another policy, or by none. Pure.
/// Errors: Corrupt when the object bears no readable creationTimestamp.
Result<TimePoint> last_change(std::string_view object_json);

/// From when on answers and requests count: `change` is the last one of any policy that identities
/// rest on. API servers take some seconds to apply a policy that has changed.
TimePoint counts_from(TimePoint change);

}  // namespace stagekeeper::promotion::admission
