#pragma once

#include "audit/pending.h"
#include "kube/api.h"
#include "kube/resource.h"
#include "model/history.h"
#include "model/objects.h"

#include <optional>
#include <string>

namespace stagekeeper {

/// `status.ledger` as a JSON object: the head, and null for a pending record that is locked by now.
/// One beyond the head is left alone: it is on its way.
std::string ledger_status(const History& ledger, const std::optional<PendingRecord>& pending);

/// A decoded pending entry in the ledger's words. What cannot be read counts as none: only a signed
/// envelope is ever believed.
std::optional<audit::Pending> pending_of(const std::optional<PendingRecord>& record);

/// What a write of the pending entry must still find: the object of that uid, unchanged since.
std::string pending_token(const std::string& uid, const std::string& resource_version);

/// `status.ledger.pending` of a ServingTarget or PromotionPolicy as the ledger's PendingStore:
/// reads live, writes by merge patch under uid and resourceVersion. One per append.
class PendingStatus final : public audit::PendingStore {
 public:
  PendingStatus(kube::Api& api, kube::ResourceType type, kube::ObjectKey key)
      : api_(api), type_(std::move(type)), key_(std::move(key)) {}

  Result<audit::PendingSnapshot> read() override;
  Result<std::string> write(const audit::Pending& pending, const std::string& token) override;

 private:
  kube::Api& api_;
  const kube::ResourceType type_;
  const kube::ObjectKey key_;
};

/// In place of a status that is nowhere, since its object is gone. A key that can be created once
/// makes the record one all the same; what a crash costs is that another time stands in it.
class NoPendingStatus final : public audit::PendingStore {
 public:
  Result<audit::PendingSnapshot> read() override { return audit::PendingSnapshot{}; }

  Result<std::string> write(const audit::Pending& /*pending*/,
                            const std::string& /*token*/) override {
    return std::string();
  }
};

}  // namespace stagekeeper
