#pragma once

#include "model/record.h"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper {

class HistoryLog;

/// The records of one ledger up to some head, in order.
///
/// A value: copies are cheap (they share what is behind them) and never change, also while the log
/// they come from grows. Look-ups by request, version and kind use indexes and do not depend on the
/// length of the history. Thread-safe. Pointers stay valid as long as any copy lives.
class History {
 public:
  /// Empty.
  History() = default;

  [[nodiscard]] std::uint64_t head_sequence() const { return head_; }

  [[nodiscard]] bool empty() const { return head_ == 0; }

  /// Digest of the last record, "" when there is none.
  [[nodiscard]] std::string head_digest() const;

  /// The record of that sequence, or null.
  [[nodiscard]] const RecordFact* at(std::uint64_t sequence) const;

  /// All records of one request, in order.
  [[nodiscard]] std::vector<const RecordFact*> of_request(std::string_view request_uid) const;

  /// The last record of that kind for that request, or null.
  [[nodiscard]] const RecordFact* last_of(RecordKind kind, std::string_view request_uid) const;

  /// The Concluded record of a request: of its uid, else of one with the same name and spec digest
  /// (a request that was deleted and created again has ended already). Null: not ended.
  [[nodiscard]] const RecordFact* conclusion(const RequestRef& request) const;

  /// The last Decided record of another request with the same name and spec digest, or null: of one
  /// that was deleted and created again.
  [[nodiscard]] const RecordFact* decided_before(const RequestRef& request) const;

  /// The Intent without a record that closes it, or null. A ledger never has two.
  [[nodiscard]] const RecordFact* open_intent() const;

  /// The record that closes an Intent, or null.
  [[nodiscard]] const RecordFact* end_of(std::uint64_t intent) const;

  /// The last Applied record: what the target serves. Null before the first.
  [[nodiscard]] const RecordFact* serving() const;

  /// Every Applied record, in order.
  [[nodiscard]] std::vector<const RecordFact*> applied() const;

  /// The last Drift record that no DriftEnded follows, or null: what users reach is as recorded.
  [[nodiscard]] const RecordFact* open_drift() const;

  /// The last TemplateChanged record, or null.
  [[nodiscard]] const RecordFact* template_change() const;

  /// The last Restored record, or null.
  [[nodiscard]] const RecordFact* last_restored() const;

  /// The first record of an Abort that ends that request, or null.
  [[nodiscard]] const RecordFact* stop_of(std::string_view request_uid) const;

  /// How many Drift, TemplateChanged and Restored records are younger than `since`: whoever
  /// may change Services, Deployments and pods can cause these.
  [[nodiscard]] std::size_t seen_since(TimePoint since) const;

  /// The last record below `before` that concerns a pin (Effect::kPin), or null.
  [[nodiscard]] const RecordFact* last_pin(
      std::uint64_t before = std::numeric_limits<std::uint64_t>::max()) const;

  /// Concluded records that moved that version (number and digest), in order. An empty digest
  /// matches any.
  [[nodiscard]] std::vector<const RecordFact*> moves_of(std::string_view version,
                                                        std::string_view digest) const;

  /// The digest under which a version's number was first recorded, "" when never.
  [[nodiscard]] std::string digest_of_number(std::string_view version) const;

  /// Names of every ServingTarget that a Decided record ever named, sorted.
  [[nodiscard]] std::vector<std::string> targets() const;

  /// How many Concluded records with that effect, of requests without a GateResult, are younger
  /// than `since`: what a requester can cause without any gate having run.
  [[nodiscard]] std::size_t concluded_since(Effect effect, TimePoint since) const;

 private:
  friend class HistoryLog;

  History(std::shared_ptr<const HistoryLog> log, std::uint64_t head)
      : log_(std::move(log)), head_(head) {}

  std::shared_ptr<const HistoryLog> log_;
  std::uint64_t head_ = 0;
};

/// The growing end of a history. Append costs the same however long the history is.
/// Thread rule: one thread at a time appends; snapshots may be read meanwhile.
class HistoryLog : public std::enable_shared_from_this<HistoryLog> {
 public:
  static std::shared_ptr<HistoryLog> create();
  HistoryLog(const HistoryLog&) = delete;
  HistoryLog& operator=(const HistoryLog&) = delete;
  HistoryLog(HistoryLog&&) = delete;
  HistoryLog& operator=(HistoryLog&&) = delete;
  ~HistoryLog();

  /// `fact.sequence` must be the head's plus one.
  void append(RecordFact fact);

  [[nodiscard]] History snapshot() const;

 private:
  friend class History;
  HistoryLog();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace stagekeeper
