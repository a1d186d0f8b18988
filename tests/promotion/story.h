#pragma once

#include "promotion/decide.h"
#include "promotion/world.h"

#include <functional>
#include <limits>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace stagekeeper::promotion {

/// The outside of a few promotions, reduced to what decisions read and actions change: objects,
/// Jobs, clones, one Deployment with its controller, two ledgers. Every round and every action is
/// checked against the invariants; what is broken stands in `violations`.
///
/// Members are the levers of the tests: whoever is not the operator changes them as he likes.
class Story {
 public:
  static constexpr int kAllActions = std::numeric_limits<int>::max();

  struct FakeJob {
    std::string uid;
    std::string request_uid;
    CreateGateJob what;
    Verdict verdict = Verdict::kRunning;
    bool retryable = false;
  };

  Story();

  // People and controllers of the cluster.
  PromotionRequest& ask(const std::string& version, const std::string& stage,
                        RequestAction action = RequestAction::kPromote);
  /// Somebody answers the review that was shown last. `digest` empty: the shown one.
  void answer(const std::string& request, const std::string& who, bool approve = true,
              const std::string& digest = "");
  void end_jobs(const std::function<Verdict(const FakeJob&)>& judge);
  void disrupt_jobs();
  /// The Deployment controller makes one step: sees the template, or brings up its pods.
  void roll();
  /// The Deployment controller gives up on the present template.
  void give_up();
  void delete_deployment();
  void create_deployment(const std::string& pinned = "");

  // The operator.
  [[nodiscard]] World observe(const PromotionRequest& request) const;
  /// One round for a request; it dies after so many actions.
  Decision round(const std::string& request, int actions = kAllActions);
  /// Rounds for every request and fair behaviour of everybody but people, until nothing changes.
  /// False when that did not come about in `most` rounds.
  bool settle(int most = 60);

  void check_at_rest();
  [[nodiscard]] bool ended(const PromotionRequest& request) const;
  [[nodiscard]] const Decision& shown(const std::string& request) const;
  [[nodiscard]] std::string serving() const;
  [[nodiscard]] std::size_t count(const std::string& kind) const;

  TimePoint now;
  StoreState store;
  bool store_down = false;
  std::optional<PromotionPolicy> policy;
  std::string policy_digest;
  std::map<std::string, ModelVersion> versions;
  std::map<std::string, GateClass> gate_classes;
  std::optional<ServingTarget> target;
  std::optional<Deployment> deployment;
  std::string template_digest;
  std::string pin_owner;  ///< somebody else owns the pins' fields
  std::string stray_service;
  std::optional<bool> requesters_allowed = true;
  std::optional<bool> approvers_allowed = true;
  LedgerView model_ledger;
  LedgerView target_ledger;
  std::vector<FakeJob> jobs;
  std::vector<CloneState> clones;
  std::vector<ApprovalState> approvals;
  std::vector<PromotionRequest> requests;
  std::string trace;
  std::vector<std::string> violations;

 private:
  bool perform(PromotionRequest& request, const World& seen, const Action& action);
  bool append(const World& seen, const AppendRecord& record);
  bool patch(const World& seen, const PatchPin& pin);
  [[nodiscard]] GateState gate_state(const World& world, const GateSpec& spec,
                                     const std::string& input) const;
  void check_record(const World& seen, const AppendRecord& record);
  void check_intent(const World& seen, const AppendRecord& record);
  void check_gates_passed(const World& seen, const AppendRecord& record);
  void check_ledger();
  void check_finalizer(const PromotionRequest& request);
  void check_phase(const PromotionRequest& request, const Decision& decision);
  void note(const std::string& request, const Decision& decision, std::size_t done);
  void collect_garbage();
  void broken(const std::string& what);
  [[nodiscard]] std::string state() const;

  std::map<std::string, std::string> bodies_;  ///< of records, by digest
  std::map<std::string, Decision> shown_;      ///< by the request's name
  std::map<std::string, Phase> ends_;          ///< terminal phase once reached, by uid
  std::map<std::string, std::string> last_note_;
  std::uint64_t highest_sequence_ = 0;
  std::string last_noted_;
  int asked_ = 0;
  int made_ = 0;
};

}  // namespace stagekeeper::promotion
