#pragma once

#include "promotion/decide.h"
#include "promotion/world.h"

#include <string>
#include <string_view>

// Valid Worlds to spoil one thing of. Model credit-risk: version 1 serves, 2 is in Staging and is
// asked for Production; mia (group mrm) and rex (group retail-credit) review.
namespace stagekeeper::promotion::fixtures {

inline constexpr const char* kUid = "uid-2-prod";

/// "sha256:" and 64 times that digit.
std::string digest_of(char digit);

/// A time on the day of the story, which begins at 0.
TimePoint at(std::chrono::seconds since_start);

GateSpec gate_spec(const std::string& name, GateType type);
GateClass gate_class(GateType type);
VersionRef version_ref(const std::string& version, const std::string& stage = "Production");
ModelVersion model_version(const std::string& version);
PromotionPolicy policy();
ServingTarget serving_target();
/// Rolled out and healthy, pinned to that version by that sequence; an empty version: unpinned.
Deployment deployment(const std::string& version, std::uint64_t sequence);
PromotionRequest request(const std::string& version, const std::string& stage,
                         RequestAction action = RequestAction::kPromote);
Identity person(const std::string& name);
ApprovalState approval(const PromotionRequest& request, const std::string& who,
                       const std::string& digest);
GateState passed(const GateSpec& spec);
CloneState clone(const std::string& role, const std::string& request_uid,
                 const std::string& evaluation);

/// Appends a record with the next sequence.
RecordFact& append(LedgerView& ledger, RecordFact record);

/// Two approvals stand: the next decision is the Intent for version 2.
World ready_to_promote();

/// The Intent for version 2 is open, the Deployment is pinned to it and rolled out, the smoke test
/// has passed: the next decision is Applied.
World rolled_out();

/// Brings results and approvals up to date with whatever a test has changed in the World.
void agree(World& world);

bool patches(const Decision& decision);
/// The record of that kind that a decision appends, or null.
const AppendRecord* appends(const Decision& decision, std::string_view kind);

template <typename T>
bool holds(const Decision& decision) {
  for (const Action& action : decision.actions) {
    if (std::holds_alternative<T>(action)) return true;
  }
  return false;
}

}  // namespace stagekeeper::promotion::fixtures
