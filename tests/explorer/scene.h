#pragma once

#include "tests/explorer/checks.h"
#include "tests/explorer/faults.h"
#include "tests/operator/room.h"

#include <array>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace stagekeeper::explorer {

using operator_test::Replica;

/// A defence that is taken away, to see that the explorer notices. Applied to ports and values at
/// the edge of the code under test, never inside it.
struct Bug {
  std::string name;  ///< what must not happen
  std::string scope;
  /// Changes what decide() is told.
  std::function<void(promotion::World&)> world;
  /// Changes what decide() answers.
  std::function<void(const promotion::World&, promotion::Decision&)> decision;
  /// Changes requests to the API server.
  std::function<kube::Request(kube::Request)> request;
  /// Changes its answers.
  std::function<std::string(std::string)> answer;
  bool forget_puts = false;
  bool trusts_blindly = false;  ///< does not hear that the bucket is not to be trusted
};

/// What others do while a request is under way.
enum class Meanwhile { kOther, kEverybody };

/// One thing that may happen next. Plain bytes, so that processes can hand it to each other.
struct Move {
  enum class Kind { kRound, kSettle, kTime, kDeed };

  Kind kind = Kind::kRound;
  int process = 0;             ///< whose round it is
  bool target = false;         ///< of a ServingTarget; else of a PromotionRequest
  std::array<char, 48> key{};  ///< its name
  FaultKind fault = FaultKind::kNone;
  std::size_t at = 0;
  Meanwhile meanwhile = Meanwhile::kOther;  ///< of a pause
  int deed = -1;  ///< of kDeed; of a pause: what people do meanwhile, -1: nothing
};

/// The world of one scope with two operator processes in it, both of which believe to lead.
/// Everything is in memory and nothing runs by itself, so that a fork of the process is a copy of
/// the world.
class Scene {
 public:
  explicit Scene(const Scope& scope, const Bug* bug = nullptr);

  /// Moves that can be made now, without faults. The first is what happens when nothing special
  /// does: process A works, then the cluster, then process B, then time passes, then people act.
  /// Rounds of views are made at once and are no moves.
  [[nodiscard]] std::vector<Move> moves();

  /// The move with each fault at each of the `writes.size()` requests that it was seen to send.
  [[nodiscard]] std::vector<Move> with_faults(const Move& move, const std::vector<bool>& writes,
                                              bool every_request);

  /// Makes a move. Returns what is violated by it; empty: nothing.
  std::string make(const Move& move);

  /// The move that was made last, in words.
  [[nodiscard]] std::string describe(const Move& move) const;

  /// The requests of the last round.
  [[nodiscard]] const std::vector<Sent>& sent() const { return sent_; }

  /// What was violated first since the beginning; empty: nothing.
  [[nodiscard]] const std::string& violation() const { return checks_.violation(); }

  /// Equal for states from which the same can happen.
  [[nodiscard]] std::uint64_t fingerprint();

  /// Lets everything come to rest, time included. Returns what is violated then.
  std::string settle_down();

 private:
  struct Process {
    std::unique_ptr<FaultyApi> api;
    std::unique_ptr<FaultyStore> store;
    std::unique_ptr<Replica> replica;
  };

  void start(std::size_t process);
  promotion::Decision decide(const promotion::World& world);
  [[nodiscard]] bool is_move(const runtime::Key& key);
  [[nodiscard]] std::vector<Move> rounds_of(std::size_t process);
  [[nodiscard]] std::vector<int> possible_deeds();
  [[nodiscard]] bool time_matters();
  /// A round with its fault. A process that dies in it is started again.
  void round(const Move& move);
  void do_deed(int deed);
  void pass_time();
  void settle_cluster();
  void settle_views(std::size_t process);
  /// Whatever the process has to do, without faults. Whether there was anything.
  bool work(std::size_t process);
  void meanwhile(const Move& move);
  bool sweep();

  Room room_;
  const Scope& scope_;
  const Bug* bug_;
  Checks checks_;
  Faults faults_;
  std::array<Process, 2> processes_;
  std::vector<Sent> sent_;
  std::set<int> done_;
  /// Hashes of objects by their resourceVersions, which never come twice.
  std::map<std::string, std::uint64_t> hashes_;
};

}  // namespace stagekeeper::explorer
