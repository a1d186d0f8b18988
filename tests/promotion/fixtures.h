#pragma once

#include "promotion/decide.h"
#include "promotion/world.h"

#include <chrono>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

// Model credit-risk with stages Staging (gate accuracy) and Production (gate accuracy, one seat,
// targets eu and us), its histories, and one request about it.
namespace stagekeeper::promotion::fixtures {

/// A time on the day of the story, which begins at 0.
TimePoint at(std::chrono::seconds since_start);

VersionRef version_ref(const std::string& version, const std::string& stage = "Production");
ModelVersion model_version(const std::string& version);
PromotionPolicy policy();
GateState passed_gate(const std::string& name);
Approval approval(const PromotionRequest& request, bool approve, const std::string& digest);

/// A request and its world, with everything that decide() may ask answered and everything that it
/// does done. Members are the levers of the tests; refresh() brings `world` up to date with them.
class Bench {
 public:
  /// The request was made at 2 h; `now` is 3 h.
  explicit Bench(RequestAction action = RequestAction::kPromote, const std::string& version = "2",
                 const std::string& stage = "Production");

  World world;
  std::set<std::string> without_right;  ///< users that the API server says no of
  AdmissionState admission{.proof = AdmissionState::Proof::kIntact};  ///< what tries of it find
  std::map<std::string, std::string> conflicts;  ///< target → who owns its pins' fields
  std::map<std::string, Verdict> smoke;  ///< target → how its smoke test ends; absent: Passed
  std::string smoke_reason;              ///< code with which a smoke test ends
  bool rolls = true;                     ///< Deployment controllers do their work after each round

  // Histories, with times one second apart, from one hour on or at `now`.
  RecordFact append(const LedgerName& ledger, RecordContent content);
  /// A version that some earlier request moved to a stage.
  void move(const std::string& version, const std::string& to);
  void move_now(const std::string& version, const std::string& to);
  /// A version that some earlier request applied on a target, and moved to Production.
  void serve(const std::string& target, const std::string& version,
             RequestAction action = RequestAction::kPromote);
  /// The locked results of this request's evaluation, all passed.
  void pass_gates();
  /// One approval of the present decision.
  void approve();
  void reject(const std::string& who = "rex");

  /// What decide() says when its questions are answered. Fails the test on an endless quarrel.
  Decision decide_now();
  /// Decides and does the first `actions` of what was decided, then lets the cluster work.
  Decision round(std::size_t actions = 1000);
  /// Rounds until nothing is to be done, or `most`.
  Decision run(int most = 40);

  RolloutFacts& facts(const std::string& target);

  Deployment& deployment(const std::string& target) { return *facts(target).state.deployment; }

  [[nodiscard]] const History& ledger(const std::string& target) {
    return facts(target).state.ledger;
  }

  /// Every replica of the target runs the present template.
  void roll(const std::string& target);
  void give_up(const std::string& target, TimePoint updated);
  /// The value of MODEL_VERSION on a target; empty: unpinned.
  std::string pinned(const std::string& target);
  void refresh();
  [[nodiscard]] OrphanFacts orphan(const std::string& target);

  std::vector<RightsQuestion> asked;  ///< of the last decision
  std::vector<Decision> decisions;    ///< every one that was acted on

 private:
  void perform(const Action& action);
  void work();

  std::map<std::string, std::shared_ptr<HistoryLog>> logs_;  ///< "" is the model's
  std::map<std::string, std::string> bodies_;                ///< digest of a record → its body
  std::map<std::string, std::vector<RenderedPin>> held_;     ///< what our field manager holds
  int records_ = 0;
};

template <typename T>
const T* find(const Decision& decision) {
  for (const Action& action : decision.actions) {
    if (const auto* found = std::get_if<T>(&action)) return found;
  }
  return nullptr;
}

/// The record of that kind that a decision appends, or null.
const RecordContent* appends(const Decision& decision, RecordKind kind);

/// Whether a decision does anything but delete what the request owns and let it go.
bool acts(const Decision& decision);

}  // namespace stagekeeper::promotion::fixtures
