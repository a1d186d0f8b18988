#include "operator/controllers/ledgers.h"

#include "kube/objects.h"
#include "operator/controllers/pending_status.h"

#include <fmt/format.h>

namespace stagekeeper {
LedgerOwner ledger_owner(const ObjectMeta& meta, const std::optional<PendingRecord>& pending) {
  return {.name = meta.name,
          .uid = meta.uid,
          .seen = audit::PendingSnapshot{.pending = pending_of(pending),
                                         .token = pending_token(meta.uid, meta.resource_version)}};
}

audit::LedgerId Ledgers::id(const std::string& ns, const LedgerName& name) const {
  return {.cluster = cluster_uid_, .ns = ns, .kind = name.kind, .name = name.name};
}

Result<History> Ledgers::view(const std::string& ns, const LedgerName& name) {
  Result<History> loaded = ledger_.load(id(ns, name));
  if (!loaded) return fail(std::move(loaded.error()), "read ledger " + id(ns, name).path());
  return loaded;
}

std::optional<History> Ledgers::known(const std::string& ns, const LedgerName& name) const {
  return ledger_.known(id(ns, name));
}

Result<RecordFact> Ledgers::append(const std::string& ns, const LedgerName& name, LedgerOwner owner,
                                   const RecordContent& content) {
  const bool target = name.kind == LedgerKind::kTarget;
  PendingStatus status(api_,
                       target ? kube::type_of<ServingTarget>() : kube::type_of<PromotionPolicy>(),
                       {ns, owner.name});
  NoPendingStatus nowhere;
  audit::PendingStore& pending =
      owner.uid.empty() ? static_cast<audit::PendingStore&>(nowhere) : status;
  Result<RecordFact> done = ledger_.append({.id = id(ns, name), .uid = owner.uid}, content, pending,
                                           std::move(owner.seen));
  if (!done) {
    return fail(std::move(done.error()), fmt::format("record {}", stagekeeper::name(content.kind)));
  }
  return done;
}

Result<std::string> Ledgers::body(const std::string& ns, const LedgerName& name,
                                  std::uint64_t sequence) {
  const audit::LedgerId ledger = id(ns, name);
  const std::string key = ledger.key(sequence);
  if (std::optional<std::string> kept = bodies_.get(key)) return std::move(*kept);
  Result<audit::Record> record = ledger_.read(ledger, sequence);
  if (!record) {
    return fail(std::move(record.error()),
                fmt::format("read record {} of ledger {}", sequence, ledger.path()));
  }
  bodies_.put(key, record->content.body);
  return std::move(record->content.body);
}

std::vector<audit::Finding> Ledgers::findings(const std::string& ns, const LedgerName& name) const {
  return ledger_.findings(id(ns, name));
}

Status Ledgers::check_head(const std::string& ns, const LedgerName& name, const LedgerHead& head) {
  return ledger_.check_head(id(ns, name), head.sequence, head.digest);
}

}  // namespace stagekeeper
