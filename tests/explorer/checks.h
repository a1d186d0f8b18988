#pragma once

#include "tests/operator/room.h"

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace stagekeeper::explorer {

using operator_test::Room;

class Scene;

/// Something that people do once, when it is possible.
struct Deed {
  std::string name;
  std::function<bool(Room&)> possible;
  std::function<void(Room&)> act;
  bool distrust = false;  ///< the probe says that the bucket is not to be trusted any more
};

/// A small world to be explored: how it begins, and what people may do in it.
struct Scope {
  std::string name;
  Room::Options room;
  std::function<void(Room&)> begin;
  std::vector<Deed> deeds;
  gates::Verdict verdict = gates::Verdict::kPassed;
  bool smoke_only = false;     ///< the gates have passed already; `verdict` is the smoke test's
  std::set<std::string> sick;  ///< versions whose rollouts never get ready
  std::set<std::string> rests = {"AwaitingApproval"};  ///< what a request may wait for at the end
  bool held = true;                                    ///< false: somebody takes finalizers off
};

/// Watches a world: what must hold at every write, after every move, and when all is at rest.
///
/// At every write: a pin changes to exactly the pins of the open Intent, once, which a Decided
/// record names, which people approved whose Approvals name it, and gates passed; nothing is
/// written while the bucket is not trusted; a request that has ended (or is a re-creation of one)
/// records nothing, makes nothing and holds nothing; versions move along the policy's graph, under
/// one digest; an Applied says what the Deployment bears; a request ends after its Intents.
/// After every move: pins are those of what serves or is under way; what is owned is held; an end
/// that is shown was recorded.
/// At rest: no Intent is open, pins are those that serve by record, nothing that has ended owns
/// anything, stages and Approvals are shown as they are recorded, and nobody is stuck.
class Checks {
 public:
  Checks(Room& room, const Scope& scope) : room_(room), scope_(scope) {}

  /// What is there is taken as given.
  void begin();

  void after_write(const std::string& what);
  void after_move();
  void at_rest();

  void violate(const std::string& what);

  [[nodiscard]] const std::string& violation() const { return violation_; }

  /// What is made now was sent before others acted, and nothing could hold it back: it need only be
  /// gone at rest.
  bool late = false;
  bool trusted = true;                         ///< what the operators were told of the bucket
  std::map<std::string, std::string> failing;  ///< rounds that fail, and why: for messages

 private:
  void check_pins();
  std::string restored_uid(const std::string& target);
  void check_pin(const std::string& target, const std::string& was, const std::string& now);
  void check_decided(const RecordFact& intent, const std::string& target);
  void check_records();
  void check_record(const LedgerName& ledger, const RecordFact& record);
  void check_moves(const RecordFact& record);
  void check_closing(const RecordFact& record);
  void check_belongings();
  void check_holders();
  void check_shown();
  void check_requests_at_rest();
  void check_stages();
  void check_approvals();
  [[nodiscard]] const RecordFact* end_of(const nlohmann::json& request);
  [[nodiscard]] std::string pins_of(const std::string& deployment);

  Room& room_;
  const Scope& scope_;
  std::string violation_;
  std::vector<std::pair<std::string, std::string>> changed_;  ///< targets and their pins before
  std::map<std::string, std::string> pins_;                   ///< of each Deployment that serves
  std::map<std::string, std::string> uids_;                   ///< of the Deployments, the same
  std::map<std::string, std::uint64_t> heads_;  ///< of each ledger, as far as looked at
  std::map<std::string, std::string> stages_;   ///< of each version
  std::map<std::string, std::string> digests_;  ///< of each version number
  std::set<std::string> ended_;                 ///< uids of requests
  /// Of requests that have ended, uid by name: whoever is called so again is the same one.
  std::map<std::string, std::string> names_;
  std::set<std::string> carried_out_;       ///< target and sequence of Intents
  std::set<std::string> rejected_;          ///< the same: people had said no before
  std::set<std::string> owned_;             ///< uids of Jobs and clones that were seen
  std::set<std::string> late_;              ///< those of them that were made late
  std::map<std::string, RequestRef> refs_;  ///< of requests, by uid
};

}  // namespace stagekeeper::explorer
