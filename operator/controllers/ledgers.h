#pragma once

#include "audit/ledger.h"
#include "kube/api.h"
#include "model/objects.h"
#include "operator/controllers/body_cache.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace stagekeeper {

/// The object that a ledger belongs to: the ServingTarget, or the model's PromotionPolicy.
struct LedgerOwner {
  std::string name;
  std::string uid;  ///< empty: it is gone
  /// What the caller has read of it in this round, by a live GET: saves reading it once more.
  std::optional<audit::PendingSnapshot> seen;
};

/// What a live GET showed of a ServingTarget or PromotionPolicy, for its next append.
LedgerOwner ledger_owner(const ObjectMeta& meta, const std::optional<PendingRecord>& pending);

/// The ledgers of one cluster, in the words of promotion. Thread-safe.
class Ledgers {
 public:
  Ledgers(audit::Ledger& ledger, kube::Api& api) : ledger_(ledger), api_(api) {}

  /// Before anything else is called, once.
  void set_cluster_uid(std::string cluster_uid) { cluster_uid_ = std::move(cluster_uid); }

  /// The records of a target or a model as the bucket holds them now: what may be decided on.
  /// Errors: those of audit::Ledger::load; Unavailable also when they are known from before.
  Result<History> view(const std::string& ns, const LedgerName& name);

  /// What memory holds, without any call: for showing, never for deciding. Nothing: never read.
  [[nodiscard]] std::optional<History> known(const std::string& ns, const LedgerName& name) const;

  /// Appends a record to the ledger of `owner` and returns it, locked and read back.
  /// Errors: those of audit::Ledger::append.
  Result<RecordFact> append(const std::string& ns, const LedgerName& name, LedgerOwner owner,
                            const RecordContent& content);

  /// The body of one record, from memory when it was read lately. Errors: as audit::Ledger::read.
  Result<std::string> body(const std::string& ns, const LedgerName& name, std::uint64_t sequence);

  /// What is strange about a ledger and stops nothing, as last read.
  [[nodiscard]] std::vector<audit::Finding> findings(const std::string& ns,
                                                     const LedgerName& name) const;

  /// Corrupt when a status knows more, or another thing, than the bucket holds.
  Status check_head(const std::string& ns, const LedgerName& name, const LedgerHead& head);

  /// Set once the store did not keep or lock a record: it is not to be trusted any more.
  [[nodiscard]] std::optional<std::string> store_fault() const { return ledger_.store_fault(); }

  /// As audit::Ledger::unguessable.
  [[nodiscard]] std::string unguessable(std::string_view about) const {
    return ledger_.unguessable(about);
  }

  [[nodiscard]] const std::string& cluster_uid() const { return cluster_uid_; }

 private:
  [[nodiscard]] audit::LedgerId id(const std::string& ns, const LedgerName& name) const;

  static constexpr std::size_t kMaxBodyCacheBytes = 8U << 20U;

  audit::Ledger& ledger_;
  kube::Api& api_;
  std::string cluster_uid_;
  BodyCache bodies_{kMaxBodyCacheBytes};
};

}  // namespace stagekeeper
