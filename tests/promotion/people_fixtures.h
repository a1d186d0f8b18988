#pragma once

#include "model/objects.h"
#include "model/workloads.h"
#include "promotion/evaluation/evaluate.h"
#include "promotion/world.h"

#include <chrono>
#include <string>
#include <vector>

// Facts of evaluations and reviews to spoil one thing of. Model credit-risk: version 1 serves on
// credit-risk-eu, 2 is asked for in Production; mia (group mrm) and rex (group retail-credit)
// review.
namespace stagekeeper::promotion::people {

inline constexpr const char* kUid = "uid-2-prod";

/// "sha256:" and 64 times that digit.
std::string sha(char digit);
/// A time on the day of the story.
TimePoint at(std::chrono::seconds since_start);

VersionRef version_ref(const std::string& version);
Identity person(const std::string& name);
PromotionRequest request();
GateSpec gate_spec(const std::string& name, const std::string& kind);
/// With policy, version and GateClasses; Production has gates accuracy, latency and fairness.
Subject subject();
ReviewSpec review();
ServingTarget target();
Deployment deployment(const std::string& version, std::uint64_t sequence);
/// A target's ledger by which that version serves.
History serves(const std::string& version);
TargetState target_state();

/// The serving Deployment as the API server has it.
std::string primary_json();

/// An evaluation under way: both clones are there and ready, no gate has begun.
struct EvaluationStory {
  Subject about = subject();
  EvaluationFacts facts;
  Belongings owned;
  VersionRef champion = version_ref("1");
  TimePoint now = at(std::chrono::hours(2));

  EvaluationStory();
  [[nodiscard]] EvaluationCase at_hand() const;

  [[nodiscard]] Evaluated run() const { return evaluate(at_hand()); }

  /// The step, which must be there.
  [[nodiscard]] Decision step() const { return *run().step; }

  CloneState& clone(CloneRole role);
  void drop(CloneRole role);
  GateState& gate(const std::string& name);
};

CloneState clone(CloneRole role);

Approval approval(const std::string& who, const std::string& digest);

template <typename T>
std::vector<T> all(const Decision& decision) {
  std::vector<T> out;
  for (const Action& action : decision.actions)
    if (const T* one = std::get_if<T>(&action)) out.push_back(*one);
  return out;
}

}  // namespace stagekeeper::promotion::people
