#include "model/history.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

namespace stagekeeper {
namespace {

/// Sequences in ascending order. A snapshot uses those up to its head, so that one index serves
/// all snapshots of a log.
using Sequences = std::vector<std::uint64_t>;

/// Lets a map of strings be searched by string_view.
struct TextHash {
  using is_transparent = void;

  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>()(text);
  }
};

template <typename Value>
using ByText = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

Sequences::const_iterator end_at(const Sequences& all, std::uint64_t head) {
  return std::upper_bound(all.begin(), all.end(), head);
}

/// The last sequence up to `head`, or 0.
std::uint64_t last_at(const Sequences& all, std::uint64_t head) {
  const auto end = end_at(all, head);
  return end == all.begin() ? 0 : *std::prev(end);
}

const Sequences& find_in(const ByText<Sequences>& index, std::string_view key) {
  static const Sequences none;
  const auto found = index.find(key);
  return found == index.end() ? none : found->second;
}

void add_once(Sequences& to, std::uint64_t sequence) {
  if (to.empty() || to.back() != sequence) to.push_back(sequence);
}

/// Names of requests hold no line break, so that no other pair has this text.
std::string name_and_digest(std::string_view name, std::string_view digest) {
  return std::string(name) + "\n" + std::string(digest);
}

bool closes_intent(RecordKind kind) {
  return kind == RecordKind::kApplied || kind == RecordKind::kAborted ||
         kind == RecordKind::kAbandoned;
}

}  // namespace

/// A deque never moves its elements when it grows, but it moves what it finds them by: hence the
/// lock for every look, and none for a pointer once found.
struct HistoryLog::State {
  struct FirstDigest {
    std::uint64_t sequence = 0;
    std::string digest;
  };

  mutable std::shared_mutex mutex;
  std::deque<RecordFact> records;
  ByText<Sequences> by_request;
  ByText<Sequences> concluded_by_uid;
  ByText<Sequences> concluded_by_name;  // and spec digest
  ByText<Sequences> decided_by_name;    // and spec digest
  ByText<Sequences> moves_by_number;
  ByText<FirstDigest> first_digests;
  std::map<std::string, std::uint64_t> targets;  // name → the first record that names it
  std::unordered_map<std::uint64_t, std::uint64_t> end_of_intent;
  Sequences intents;
  Sequences applied;
  Sequences pins;
  Sequences drifts;  // Drift and DriftEnded
  Sequences templates;
  Sequences restores;
  ByText<Sequences> stops_by_uid;                    // of the request that is to end
  std::array<Sequences, 3> concluded_without_gates;  // by Effect

  [[nodiscard]] const RecordFact& get(std::uint64_t sequence) const {
    return records[sequence - 1];
  }

  [[nodiscard]] const RecordFact* find(std::uint64_t sequence) const {
    return sequence == 0 ? nullptr : &get(sequence);
  }

  /// Records of a ledger never go back in time: from the end, as far as they are young.
  [[nodiscard]] std::size_t count_since(const Sequences& all, std::uint64_t head,
                                        TimePoint since) const {
    std::size_t count = 0;
    for (auto at = std::make_reverse_iterator(end_at(all, head)); at != all.rend(); ++at) {
      if (get(*at).time <= since) break;
      ++count;
    }
    return count;
  }

  [[nodiscard]] std::vector<const RecordFact*> get_all(const Sequences& all,
                                                       std::uint64_t head) const {
    std::vector<const RecordFact*> out;
    for (auto at = all.begin(), end = end_at(all, head); at != end; ++at)
      out.push_back(&get(*at));
    return out;
  }

  void note_version(const VersionRef& version, std::uint64_t sequence) {
    if (version.version.empty() || version.digest.empty()) return;
    first_digests.try_emplace(version.version, FirstDigest{sequence, version.digest});
  }

  void index_conclusion(const RecordFact& fact) {
    const std::uint64_t sequence = fact.sequence;
    const RequestRef& request = fact.request;
    concluded_by_uid[request.uid].push_back(sequence);
    if (!request.name.empty() && !request.spec_digest.empty())
      concluded_by_name[name_and_digest(request.name, request.spec_digest)].push_back(sequence);
    for (const StageMove& move : fact.moves)
      add_once(moves_by_number[move.version.version], sequence);
    const Sequences& of_it = find_in(by_request, request.uid);
    const bool gated = std::any_of(of_it.begin(), of_it.end(), [&](std::uint64_t other) {
      return get(other).kind == RecordKind::kGateResult;
    });
    if (!gated) concluded_without_gates[static_cast<std::size_t>(fact.effect)].push_back(sequence);
  }

  void index(const RecordFact& fact) {
    const std::uint64_t sequence = fact.sequence;
    if (fact.kind == RecordKind::kConcluded) index_conclusion(fact);
    if (!fact.request.uid.empty()) by_request[fact.request.uid].push_back(sequence);
    if (fact.kind == RecordKind::kIntent) intents.push_back(sequence);
    if (fact.kind == RecordKind::kApplied) applied.push_back(sequence);
    if (closes_intent(fact.kind)) end_of_intent.try_emplace(fact.of, sequence);
    if (fact.effect == Effect::kPin) pins.push_back(sequence);
    if (fact.kind == RecordKind::kDrift || fact.kind == RecordKind::kDriftEnded)
      drifts.push_back(sequence);
    if (fact.kind == RecordKind::kTemplateChanged) templates.push_back(sequence);
    if (fact.kind == RecordKind::kRestored) restores.push_back(sequence);
    if (fact.kind == RecordKind::kConcluded && !fact.aborts.uid.empty())
      stops_by_uid[fact.aborts.uid].push_back(sequence);
    if (fact.kind == RecordKind::kDecided) {
      decided_by_name[name_and_digest(fact.request.name, fact.request.spec_digest)].push_back(
          sequence);
      for (const std::string& target : fact.targets)
        targets.try_emplace(target, sequence);
    }
    note_version(fact.from, sequence);
    note_version(fact.to, sequence);
    for (const StageMove& move : fact.moves)
      note_version(move.version, sequence);
  }
};

HistoryLog::HistoryLog() : state_(std::make_unique<State>()) {}

HistoryLog::~HistoryLog() = default;

std::shared_ptr<HistoryLog> HistoryLog::create() {
  return std::shared_ptr<HistoryLog>(new HistoryLog());
}

void HistoryLog::append(RecordFact fact) {
  const std::unique_lock lock(state_->mutex);
  assert(fact.sequence == state_->records.size() + 1);
  state_->records.push_back(std::move(fact));
  state_->index(state_->records.back());
}

History HistoryLog::snapshot() const {
  const std::shared_lock lock(state_->mutex);
  return {shared_from_this(), state_->records.size()};
}

std::string History::head_digest() const {
  const RecordFact* head = at(head_);
  return head == nullptr ? std::string() : head->digest;
}

const RecordFact* History::at(std::uint64_t sequence) const {
  if (sequence == 0 || sequence > head_) return nullptr;
  const std::shared_lock lock(log_->state_->mutex);
  return &log_->state_->get(sequence);
}

std::vector<const RecordFact*> History::of_request(std::string_view request_uid) const {
  if (empty()) return {};
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  return state.get_all(find_in(state.by_request, request_uid), head_);
}

const RecordFact* History::last_of(RecordKind kind, std::string_view request_uid) const {
  const std::vector<const RecordFact*> all = of_request(request_uid);
  const auto found = std::find_if(all.rbegin(), all.rend(),
                                  [&](const RecordFact* fact) { return fact->kind == kind; });
  return found == all.rend() ? nullptr : *found;
}

const RecordFact* History::conclusion(const RequestRef& request) const {
  if (empty()) return nullptr;
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  if (!request.uid.empty()) {
    const std::uint64_t own = last_at(find_in(state.concluded_by_uid, request.uid), head_);
    if (own != 0) return &state.get(own);
  }
  if (request.name.empty() || request.spec_digest.empty()) return nullptr;
  const std::string key = name_and_digest(request.name, request.spec_digest);
  return state.find(last_at(find_in(state.concluded_by_name, key), head_));
}

const RecordFact* History::open_intent() const {
  if (empty()) return nullptr;
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  const std::uint64_t last = last_at(state.intents, head_);
  const auto end = state.end_of_intent.find(last);
  const bool closed = end != state.end_of_intent.end() && end->second <= head_;
  return closed ? nullptr : state.find(last);
}

const RecordFact* History::end_of(std::uint64_t intent) const {
  if (empty()) return nullptr;
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  const auto end = state.end_of_intent.find(intent);
  if (end == state.end_of_intent.end() || end->second > head_) return nullptr;
  return &state.get(end->second);
}

const RecordFact* History::serving() const {
  if (empty()) return nullptr;
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  return state.find(last_at(state.applied, head_));
}

std::vector<const RecordFact*> History::applied() const {
  if (empty()) return {};
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  return state.get_all(state.applied, head_);
}

const RecordFact* History::last_pin(std::uint64_t before) const {
  if (empty() || before == 0) return nullptr;
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  return state.find(last_at(state.pins, std::min(head_, before - 1)));
}

std::vector<const RecordFact*> History::moves_of(std::string_view version,
                                                 std::string_view digest) const {
  if (empty()) return {};
  std::vector<const RecordFact*> out;
  {
    const HistoryLog::State& state = *log_->state_;
    const std::shared_lock lock(state.mutex);
    out = state.get_all(find_in(state.moves_by_number, version), head_);
  }
  if (digest.empty()) return out;
  std::erase_if(out, [&](const RecordFact* fact) {
    return std::none_of(fact->moves.begin(), fact->moves.end(), [&](const StageMove& move) {
      return move.version.version == version && move.version.digest == digest;
    });
  });
  return out;
}

std::string History::digest_of_number(std::string_view version) const {
  if (empty()) return {};
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  const auto found = state.first_digests.find(version);
  const bool known = found != state.first_digests.end() && found->second.sequence <= head_;
  return known ? found->second.digest : std::string();
}

std::vector<std::string> History::targets() const {
  if (empty()) return {};
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  std::vector<std::string> out;
  for (const auto& [target, first] : state.targets)
    if (first <= head_) out.push_back(target);
  return out;
}

const RecordFact* History::decided_before(const RequestRef& request) const {
  if (empty() || request.name.empty() || request.spec_digest.empty()) return nullptr;
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  const Sequences& all =
      find_in(state.decided_by_name, name_and_digest(request.name, request.spec_digest));
  const RecordFact* last = state.find(last_at(all, head_));
  return last != nullptr && last->request.uid != request.uid ? last : nullptr;
}

const RecordFact* History::open_drift() const {
  if (empty()) return nullptr;
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  const RecordFact* last = state.find(last_at(state.drifts, head_));
  return last != nullptr && last->kind == RecordKind::kDrift ? last : nullptr;
}

const RecordFact* History::template_change() const {
  if (empty()) return nullptr;
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  return state.find(last_at(state.templates, head_));
}

const RecordFact* History::last_restored() const {
  if (empty()) return nullptr;
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  return state.find(last_at(state.restores, head_));
}

const RecordFact* History::stop_of(std::string_view request_uid) const {
  if (empty() || request_uid.empty()) return nullptr;
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  const Sequences& all = find_in(state.stops_by_uid, request_uid);
  return all.empty() || all.front() > head_ ? nullptr : &state.get(all.front());
}

std::size_t History::seen_since(TimePoint since) const {
  if (empty()) return 0;
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  return state.count_since(state.drifts, head_, since) +
         state.count_since(state.templates, head_, since) +
         state.count_since(state.restores, head_, since);
}

std::size_t History::concluded_since(Effect effect, TimePoint since) const {
  if (empty()) return 0;
  const HistoryLog::State& state = *log_->state_;
  const std::shared_lock lock(state.mutex);
  return state.count_since(state.concluded_without_gates[static_cast<std::size_t>(effect)], head_,
                           since);
}

}  // namespace stagekeeper
