#pragma once

#include "audit/pending.h"
#include "kube/api.h"
#include "kube/resource.h"
#include "model/objects.h"
#include "promotion/world.h"

namespace stagekeeper {

/// `status.ledger` as a JSON object: the head, and null for a pending record that is locked by now.
/// One beyond the head is left alone: it is on its way.
std::string ledger_status(const promotion::LedgerView& ledger,
                          const std::optional<PendingRecord>& pending);

/// `status.ledger.pending` of a ServingTarget or PromotionPolicy as the ledger's PendingStore:
/// reads live, writes by merge patch under uid and resourceVersion. One per append.
class PendingStatus final : public audit::PendingStore {
 public:
  PendingStatus(kube::Api& api, kube::ResourceType type, kube::ObjectKey key)
      : api_(api), type_(std::move(type)), key_(std::move(key)) {}

  Result<audit::PendingSnapshot> read() override;
  Status write(const audit::Pending& pending, const std::string& token) override;

  /// The record's request still exists, and so does every Approval that the record counts: what
  /// was withdrawn meanwhile is decided anew. Errors: those of the API.
  Result<bool> still_holds(const audit::Record& record) override;

 private:
  Result<bool> exists(const kube::ResourceType& type, const std::string& name,
                      const std::string& uid);

  kube::Api& api_;
  const kube::ResourceType type_;
  const kube::ObjectKey key_;
};

}  // namespace stagekeeper
