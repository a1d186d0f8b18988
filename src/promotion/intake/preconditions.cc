#include "base/time.h"
#include "promotion/intake/intake.h"
#include "promotion/targets.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::promotion::intake {
namespace {

/// What riskTier High asks of every stage that serves users.
constexpr int kHighRiskSeats = 2;

/// No event tells that a right was granted.
constexpr std::chrono::seconds kAskAgain{60};

/// Nor that policies are in force again.
constexpr std::chrono::seconds kLookAgain{5};

int seats(const ReviewSpec& review) {
  int sum = 0;
  for (const ApproverRole& role : review.approvers)
    sum += role.count;
  return sum;
}

std::string policy_fault(const PromotionPolicy& policy, const StageSpec& stage) {
  if (!serves(stage)) {
    const bool nothing = stage.gates.empty() && !stage.review;
    return nothing ? "has neither gates nor a review" : "";
  }
  const int least = policy.high_risk ? kHighRiskSeats : 1;
  if (!stage.review || seats(*stage.review) < least)
    return fmt::format("serves users and needs a review by at least {}", least);
  if (std::ranges::none_of(stage.gates, &GateSpec::blocking))
    return "serves users and needs at least one blocking gate";
  return "";
}

}  // namespace

std::optional<Wait> precondition(const Case& facts) {
  const PromotionRequest& request = facts.subject.request;
  if (!facts.subject.policy) {
    return Wait{
        .code = WaitCode::kPolicyMissing,
        .about = "PromotionPolicy " + request.model,
        .what = fmt::format("there is no PromotionPolicy {} in this namespace", request.model),
        .who_can = "whoever writes policies",
        .command = "create it"};
  }
  if (!facts.store.trusted) {
    return Wait{.code = WaitCode::kAuditStoreNotTrusted,
                .about = "audit store",
                .what = facts.store.message,
                .who_can = "whoever runs the audit store"};
  }
  if (request.requester.username.empty()) {
    return Wait{.code = WaitCode::kRequesterUnknown,
                .about = "admission policies",
                .what = "the request names no requester: the admission policies are not installed",
                .who_can = "a cluster admin",
                .command = "install the chart and create the request again"};
  }
  return std::nullopt;
}

std::optional<Wait> version_missing(const Subject& subject) {
  if (subject.version) return std::nullopt;
  const std::string name =
      fmt::format("ModelVersion {}-{}", subject.request.model, subject.request.version);
  return Wait{.code = WaitCode::kModelVersionMissing,
              .about = name,
              .what = fmt::format("there is no {} in this namespace", name),
              .who_can = "whoever registers versions",
              .command = "create it"};
}

std::optional<Wait> stage_unknown(const Subject& subject) {
  if (subject.stage() != nullptr) return std::nullopt;
  const PromotionRequest& request = subject.request;
  return Wait{
      .code = WaitCode::kStageUnknown,
      .about = "PromotionPolicy " + request.model,
      .what = fmt::format("PromotionPolicy {} has no stage {}", request.model, request.stage),
      .who_can = "whoever writes policies",
      .command = "add the stage, or create a request for another"};
}

std::optional<Wait> unsafe_policy(const PromotionPolicy& policy, const StageSpec& stage) {
  const std::string fault = policy_fault(policy, stage);
  if (fault.empty()) return std::nullopt;
  return Wait{
      .code = WaitCode::kPolicyUnsafe,
      .about = "PromotionPolicy " + policy.meta.name,
      .what = fmt::format("stage {} of PromotionPolicy {} {}", stage.name, policy.meta.name, fault),
      .who_can = "whoever writes policies",
      .command = "correct the policy"};
}

std::optional<Decision> missing_right(const Case& facts) {
  const PromotionRequest& request = facts.subject.request;
  const RightsQuestion question{.who = request.requester,
                                .verb = std::string(verb_of(request.action))};
  const std::optional<bool>* answer = facts.rights.find(question);
  if (answer == nullptr) {
    Decision asking;
    asking.questions.emplace_back(question);
    return asking;
  }
  if (answer->value_or(false)) return std::nullopt;
  Wait wait{.code = WaitCode::kAuthorizationUnknown,
            .about = "authorization",
            .what = fmt::format("the API server could not be asked whether {} may do this",
                                request.requester.username)};
  if (answer->has_value()) {
    wait = {.code = WaitCode::kRequesterNotAuthorized,
            .about = "rights of " + request.requester.username,
            .what = fmt::format("{} may not do this on stage {}: the verb {} on modelstages is "
                                "missing",
                                request.requester.username, request.stage, question.verb),
            .who_can = "a cluster admin",
            .command = fmt::format("grant verb {} on modelstages.{}", question.verb, kApiGroup)};
  }
  Decision out = waiting(Phase::kPending, std::move(wait));
  out.wake_at = facts.now + kAskAgain;
  return out;
}

TimePoint counts_from(const Case& facts) {
  TimePoint from = facts.admission ? facts.admission->counts_from : TimePoint{};
  if (!facts.subject.policy) return from;
  const auto remembered = parse_time(facts.subject.policy->admission.counts_from);
  return remembered ? std::max(from, *remembered) : from;
}

std::optional<Decision> ask_admission(const Case& facts) {
  const StageSpec* stage = facts.subject.stage();
  const bool pins = stage != nullptr && serves(*stage);
  if (facts.admission && (facts.admission->pins || !pins)) return std::nullopt;
  Decision asking;
  asking.questions.emplace_back(AdmissionQuestion{.pins = pins});
  return asking;
}

std::string admission_doubt(const Case& facts) {
  const bool proven = facts.admission && facts.admission->proof == AdmissionState::Proof::kIntact;
  if (!proven) return facts.admission ? facts.admission->message : "not asked";
  const PromotionRequest& request = facts.subject.request;
  if (request.meta.created > counts_from(facts)) return "";
  return fmt::format(
      "the request was made before {}, up to when the admission policies were not "
      "in force, so that nobody knows who made it",
      format_time(counts_from(facts)));
}

std::optional<Decision> missing_admission(const Case& facts, Phase phase, Requester requester) {
  if (auto asking = ask_admission(facts)) return asking;
  const PromotionRequest& request = facts.subject.request;
  const bool intact = facts.admission->proof == AdmissionState::Proof::kIntact;
  const bool settled = !facts.subject.policy || facts.subject.policy->admission.intact;
  const bool certain = requester == Requester::kProven || request.meta.created > counts_from(facts);
  if (intact && settled && certain) return std::nullopt;
  Wait wait{.code = WaitCode::kPolicyNotIntact, .about = "admission policies"};
  if (!intact) {
    wait.what = facts.admission->message;
    wait.who_can = "a cluster admin";
    wait.command =
        "install the chart's admission policies again (helm upgrade); approvals and requests made "
        "until then have to be made anew";
  } else if (!settled) {
    wait.what = "the admission policies are in force again, and that is being written down";
  } else {
    wait.what = admission_doubt(facts);
    wait.who_can = "the requester";
    wait.command = "create it again under another name";
  }
  Decision out = waiting(phase, std::move(wait));
  if (!intact || !settled) out.wake_at = facts.now + kLookAgain;
  return out;
}

}  // namespace stagekeeper::promotion::intake
