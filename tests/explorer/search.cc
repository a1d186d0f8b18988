#include "tests/explorer/search.h"

#include "tests/explorer/board.h"

#include <algorithm>
#include <fmt/format.h>

namespace stagekeeper::explorer {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kTableSize = std::size_t{1} << 21U;
constexpr std::size_t kMaxSteps = 256;
constexpr std::size_t kMaxSent = 192;
/// What is spent on making a trace shorter.
constexpr std::chrono::milliseconds kShortening{2500};

using Trace = std::vector<Move>;

/// What the forks of one search tell each other. One of them works at a time. Begins as zeros.
struct Board {
  std::uint64_t states;
  std::uint64_t transitions;
  std::uint64_t ends;
  bool violated;
  bool unrest;  ///< found when everything was let come to rest
  bool cut;
  int seen_all;  ///< with how many deviations everything was seen
  SharedText<4096> violation;
  std::size_t steps;
  std::array<Move, kMaxSteps> trace;
  std::array<SharedText<256>, kMaxSteps> words;
  /// By depth: which requests the move made there has sent, and whether they write.
  std::array<std::size_t, kMaxSteps> sent;
  std::array<std::array<bool, kMaxSent>, kMaxSteps> writes;
  std::array<std::uint64_t, kTableSize> seen;  ///< hashes of states, open addressing; 0: free
  std::array<std::uint8_t, kTableSize> left;   ///< with how many deviations left, plus 1

  /// Whether the state is new, or was seen with fewer deviations left.
  bool add(std::uint64_t hash, int deviations) {
    if (hash == 0) hash = 1;
    const auto wanted = static_cast<std::uint8_t>(deviations + 1);
    std::size_t at = hash % kTableSize;
    for (std::size_t i = 0; i < kTableSize; ++i, at = (at + 1) % kTableSize) {
      if (seen[at] == hash && left[at] >= wanted) return false;
      if (seen[at] == 0) ++states;
      if (seen[at] != 0 && seen[at] != hash) continue;
      seen[at] = hash;
      left[at] = wanted;
      return true;
    }
    return false;
  }
};

class Search {
 public:
  Search(Board& board, const Bounds& bounds, steady_clock::time_point end)
      : board_(board), bounds_(bounds), end_(end) {}

  /// Follows everything that may happen from here.
  void go(Scene& scene, int deviations) {
    while (!over()) {
      if (trace_.size() + 1 >= kMaxSteps) return report("it never comes to rest");
      const std::vector<Move> moves = scene.moves();
      if (!scene.violation().empty()) return report(scene.violation());
      if (moves.empty()) {
        ++board_.ends;
        return;
      }
      if (deviations > 0) return branch(scene, moves, deviations);
      if (!step(scene, moves.front(), deviations)) return;
    }
  }

 private:
  bool over() {
    if (board_.violated) return true;
    if (board_.transitions < bounds_.transitions && steady_clock::now() < end_) return false;
    board_.cut = true;
    return true;
  }

  void report(const std::string& violation) {
    if (violation.empty() || board_.violated) return;
    board_.violated = true;
    board_.violation.set(violation);
    board_.steps = trace_.size();
    std::ranges::copy(trace_, board_.trace.begin());
  }

  /// Makes a move. Whether it leads to a state that is still to be followed.
  bool step(Scene& scene, const Move& move, int deviations) {
    trace_.push_back(move);
    ++board_.transitions;
    const std::string violation = scene.make(move);
    remember(scene);
    if (!violation.empty()) {
      report(violation);
      return false;
    }
    const std::uint64_t hash = scene.fingerprint();
    // Round and round, as long as no time passes: where that leads is an end.
    if (std::ranges::find(path_, hash) != path_.end()) {
      ++board_.ends;
      if (!board_.violated) board_.unrest = true;
      report(scene.settle_down());
      return false;
    }
    path_.push_back(hash);
    return board_.add(hash, deviations);
  }

  void remember(const Scene& scene) {
    const std::size_t depth = trace_.size();
    const auto& sent = scene.sent();
    board_.sent[depth] = std::min(sent.size(), kMaxSent);
    for (std::size_t i = 0; i < board_.sent[depth]; ++i)
      board_.writes[depth][i] = sent[i].writes;
  }

  void branch(Scene& scene, const std::vector<Move>& moves, int deviations) {
    for (std::size_t i = 0; i < moves.size() && !over(); ++i) {
      const int left = i == 0 ? deviations : deviations - 1;
      try_move(scene, moves[i], left);
      if (left == 0 || moves[i].kind != Move::Kind::kRound) continue;
      const std::size_t depth = trace_.size() + 1;
      const std::vector<bool> writes(
          board_.writes[depth].begin(),
          board_.writes[depth].begin() + static_cast<std::ptrdiff_t>(board_.sent[depth]));
      for (const Move& faulty : scene.with_faults(moves[i], writes, bounds_.every_request)) {
        if (over()) return;
        try_move(scene, faulty, left - 1);
      }
    }
  }

  void try_move(Scene& scene, const Move& move, int left) {
    const bool well = in_a_fork([&] {
      if (step(scene, move, left)) go(scene, left);
    });
    if (well) return;
    trace_.push_back(move);
    report("the process died");
    trace_.pop_back();
  }

  Board& board_;
  const Bounds bounds_;
  const steady_clock::time_point end_;
  Trace trace_;
  std::vector<std::uint64_t> path_;
};

/// Whether these moves violate something, or the rest after them does.
bool violates(Board& board, Scene& scene, const Trace& trace) {
  board.violated = false;
  const bool well = in_a_fork([&] {
    std::string violation;
    std::size_t made = 0;
    for (; made < trace.size() && violation.empty(); ++made) {
      static_cast<void>(scene.moves());
      violation = scene.make(trace[made]);
      board.words[made].set(scene.describe(trace[made]));
    }
    if (violation.empty() && board.unrest) violation = scene.settle_down();
    if (violation.empty()) {
      static_cast<void>(scene.moves());
      violation = scene.violation();
    }
    board.steps = made;
    board.violated = !violation.empty();
    if (board.violated) board.violation.set(violation);
  });
  return !well || board.violated;
}

/// Leaves out what can be left out, larger parts first.
Trace shorten(Board& board, Scene& scene, Trace trace) {
  const auto end = steady_clock::now() + kShortening;
  if (!violates(board, scene, trace)) return trace;
  trace.resize(std::min(trace.size(), board.steps));
  for (std::size_t size = std::max<std::size_t>(trace.size() / 2, 1); size > 0; size /= 2) {
    for (std::size_t at = trace.size(); at >= size; at = std::min(at - size, trace.size())) {
      if (steady_clock::now() > end) return trace;
      Trace shorter = trace;
      const auto from = shorter.begin() + static_cast<std::ptrdiff_t>(at - size);
      shorter.erase(from, from + static_cast<std::ptrdiff_t>(size));
      if (violates(board, scene, shorter)) trace = shorter;
      if (at == size) break;
    }
  }
  return trace;
}

}  // namespace

Outcome explore(const Scope& scope, const Bounds& bounds, const Bug* bug) {
  Shared<Board> board;
  const auto end = steady_clock::now() + bounds.time;
  Outcome out;
  const bool well = in_a_fork([&] {
    Scene scene(scope, bug);
    board->seen_all = -1;
    for (int deviations = 0; deviations <= bounds.deviations && !board->violated; ++deviations) {
      board->cut = false;
      in_a_fork([&] { Search(*board, bounds, end).go(scene, deviations); });
      if (board->cut) break;
      board->seen_all = deviations;
    }
    if (!board->violated) return;
    const std::string first = board->violation.get();
    Trace trace(board->trace.begin(),
                board->trace.begin() + static_cast<std::ptrdiff_t>(board->steps));
    trace = shorten(*board, scene, std::move(trace));
    const bool again = violates(*board, scene, trace);
    board->violated = true;
    board->steps = trace.size();
    if (!again) board->violation.set(first + " (and not when it is done again)");
  });
  out.states = board->states;
  out.transitions = board->transitions;
  out.ends = board->ends;
  out.deviations = board->seen_all;
  out.complete = well && !board->cut && !board->violated;
  if (board->violated) out.violation = board->violation.get();
  if (!well && out.violation.empty()) out.violation = "the explorer itself died";
  for (std::size_t i = 0; i < board->steps && board->violated; ++i)
    out.trace.push_back(board->words[i].get());
  return out;
}

}  // namespace stagekeeper::explorer
