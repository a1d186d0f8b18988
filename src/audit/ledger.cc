#include "audit/ledger.h"

#include "audit/dsse.h"
#include "base/canonical_json.h"
#include "base/log.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cassert>
#include <fmt/format.h>

namespace stagekeeper::audit {
namespace {

constexpr std::size_t kMaxEntries = 200'000;
constexpr int kMaxRounds = 8;       // Genesis, adoption, a pending record, a few lost races
constexpr int kMaxPutAttempts = 3;  // S3 asks to repeat a PUT that raced

std::string_view mode_name(LockMode mode) {
  switch (mode) {
    case LockMode::kCompliance:
      return "COMPLIANCE";
    case LockMode::kGovernance:
      return "GOVERNANCE";
    case LockMode::kNone:
      break;
  }
  return "no lock";
}

/// The store answered and what it says cannot be: not an outage.
tl::unexpected<Error> untrue(std::string_view key, std::string_view what) {
  return fail(ErrorCode::kCorrupt, fmt::format("read back {}: {}", key, what));
}

}  // namespace

Status check_lock(const ObjectLock& lock, TimePoint until) {
  constexpr std::chrono::seconds kTolerance{1};
  if (lock.mode != LockMode::kCompliance) {
    return fail(ErrorCode::kCorrupt, fmt::format("{} instead of COMPLIANCE", mode_name(lock.mode)));
  }
  if (lock.retain_until + kTolerance < until) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("locked until {} instead of {}", format_time(lock.retain_until),
                            format_time(until)));
  }
  return {};
}

Result<std::vector<VersionEntry>> list_ledger(Store& store, const LedgerId& id,
                                              std::uint64_t after) {
  std::vector<VersionEntry> entries;
  std::optional<VersionMarker> from = VersionMarker{};
  if (after > 0) from->key_marker = id.key(after);
  while (from) {
    Result<VersionPage> page = store.list_versions(id.prefix(), *from);
    if (!page) return fail(std::move(page.error()), "list ledger " + id.path());
    entries.insert(entries.end(), page->entries.begin(), page->entries.end());
    if (entries.size() > kMaxEntries) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("ledger {}: more than {} objects", id.path(), kMaxEntries));
    }
    from = page->next;
  }
  return entries;
}

Ledger::Ledger(Store& store, SigningKey key, const Clock& clock, LedgerOptions options)
    : store_(store),
      key_(std::move(key)),
      clock_(clock),
      options_(std::move(options)),
      trusted_(options_.also_trusted) {
  const Result<VerifyKey> own = VerifyKey::from_pem(key_.public_pem());
  assert(own.has_value());  // the PEM comes from the key itself
  trusted_.push_back(*own);
}

std::shared_ptr<Ledger::Slot> Ledger::slot_of(const LedgerId& id) {
  const MutexLock lock(mutex_);
  std::shared_ptr<Slot>& slot = slots_[id.prefix()];
  if (slot == nullptr) {
    slot = std::make_shared<Slot>();
    const MutexLock inner(slot->mutex);
    slot->state = std::make_shared<const LedgerState>(LedgerState{.id = id});
  }
  return slot;
}

/// Adds what the bucket holds after the head. On failure the slot is as it was.
Status Ledger::refresh(Slot& slot, const LedgerId& id) {
  const std::uint64_t head = slot.state->head_sequence();
  const Result<std::vector<VersionEntry>> entries = list_ledger(store_, id, head);
  if (!entries) return tl::unexpected(entries.error());
  if (entries->empty()) return {};
  const Arranged arranged = arrange(id, head + 1, *entries);
  LedgerState next = *slot.state;
  for (const VersionEntry& entry : arranged.records) {
    Result<std::string> bytes = store_.get(entry.key, entry.version_id);
    if (!bytes && bytes.error().code == ErrorCode::kNotFound) {
      return fail(ErrorCode::kCorrupt, fmt::format("{} is listed and not there", entry.key));
    }
    if (!bytes) return fail(std::move(bytes.error()), "read ledger " + id.path());
    const StoredRecord stored{
        .key = entry.key, .version_id = entry.version_id, .bytes = std::move(*bytes)};
    if (const Result<Record> record = extend(next, stored, trusted_); !record) {
      return tl::unexpected(record.error());
    }
  }
  for (const Finding& finding : arranged.findings) {
    if (finding.kind == Finding::Kind::kIncomplete) {
      return fail(ErrorCode::kCorrupt, fmt::format("ledger {}: {}", id.path(), finding.what));
    }
    next.findings.push_back(finding);
  }
  slot.state = std::make_shared<const LedgerState>(std::move(next));
  return {};
}

/// The later of the two clocks, so that a wrong one can lengthen a lock and never shorten it.
Result<TimePoint> Ledger::conservative_now() const {
  const std::optional<ServerTime> seen = store_.server_time();
  if (!seen) {
    return fail(ErrorCode::kUnavailable, "clock: the audit store does not tell its time");
  }
  const std::chrono::seconds skew =
      seen->server > seen->local ? seen->server - seen->local : seen->local - seen->server;
  if (skew > options_.max_skew) {
    return fail(ErrorCode::kUnavailable,
                fmt::format("clock: ours and the audit store's differ by {} s, more than {} s; "
                            "set the clocks right",
                            skew.count(), options_.max_skew.count()));
  }
  return std::max(clock_.now(), seen->server);
}

Result<LedgerSnapshot> Ledger::load(const LedgerId& id) {
  if (Status s = check_ledger_id(id); !s) return tl::unexpected(s.error());
  const std::shared_ptr<Slot> slot = slot_of(id);
  const MutexLock lock(slot->mutex);
  if (Status s = refresh(*slot, id); !s) return tl::unexpected(s.error());
  return slot->state;
}

Result<LedgerSnapshot> Ledger::recover(const LedgerObject& object, PendingStore& pending) {
  if (Status s = check_ledger_id(object.id); !s) return tl::unexpected(s.error());
  const std::shared_ptr<Slot> slot = slot_of(object.id);
  const MutexLock lock(slot->mutex);
  for (int round = 0; round < kMaxRounds; ++round) {
    if (Status s = refresh(*slot, object.id); !s) return tl::unexpected(s.error());
    const Result<PendingSnapshot> found = pending.read();
    if (!found) return tl::unexpected(found.error());
    const Result<Step> step = settle(*slot, *found, pending);
    if (!step) return tl::unexpected(step.error());
    if (*step == Step::kDone) return slot->state;
  }
  return fail(ErrorCode::kConflict, "ledger " + object.id.path() + ": other writers are busy");
}

Result<RecordRef> Ledger::append(const LedgerObject& object, const Draft& draft,
                                 PendingStore& pending) {
  if (Status s = check_ledger_id(object.id); !s) return tl::unexpected(s.error());
  if (draft.kind == RecordKind::kGenesis || draft.kind == RecordKind::kTargetAdopted) {
    return fail(ErrorCode::kInvalid, "the ledger writes this kind itself");
  }
  const std::shared_ptr<Slot> slot = slot_of(object.id);
  const MutexLock lock(slot->mutex);
  for (int round_count = 0; round_count < kMaxRounds; ++round_count) {
    const Result<std::optional<RecordRef>> done = round(*slot, object, draft, pending);
    if (!done) return tl::unexpected(done.error());
    if (*done) return **done;
  }
  return fail(ErrorCode::kConflict, "ledger " + object.id.path() + ": other writers are busy");
}

/// One try of append(): everything is read anew, at most one record is written.
Result<std::optional<RecordRef>> Ledger::round(Slot& slot, const LedgerObject& object, Draft draft,
                                               PendingStore& pending) {
  if (Status s = refresh(slot, object.id); !s) return tl::unexpected(s.error());
  const Result<PendingSnapshot> found = pending.read();
  if (!found) return fail(found.error(), "read pending record");
  const Result<Step> settled = settle(slot, *found, pending);
  if (!settled) return tl::unexpected(settled.error());
  if (*settled == Step::kAgain) return std::nullopt;

  const LedgerState& state = *slot.state;
  if (draft.kind == RecordKind::kApplied && !draft.to && draft.of) {
    if (const RecordEntry* intent = state.find(*draft.of)) draft.to = intent->to;
  }
  if (const RecordEntry* existing = find_same(state, draft)) {
    RecordRef ref = existing->ref;
    if (Status s = ensure_locked(slot, ref); !s) return tl::unexpected(s.error());
    return ref;
  }
  if (state.records.empty()) draft = genesis();
  if (!state.records.empty() && state.object_uid != object.uid) {
    draft = Draft{.kind = RecordKind::kTargetAdopted,
                  .model = state.records.back().model,
                  .body = nlohmann::json{{"old", state.object_uid}, {"new", object.uid}}.dump()};
  }
  if (Status s = check_next(state, draft); !s) return tl::unexpected(s.error());
  const Result<Step> written = write_next(slot, object, draft, pending, found->token);
  if (!written) return tl::unexpected(written.error());
  const bool own = draft.kind != RecordKind::kGenesis && draft.kind != RecordKind::kTargetAdopted;
  if (*written == Step::kAgain || !own) return std::nullopt;
  return slot.state->records.back().ref;
}

Draft Ledger::genesis() const {
  const nlohmann::json body = {{"publicKey", key_.public_pem()}, {"keyId", key_.key_id().str()}};
  return Draft{.kind = RecordKind::kGenesis, .body = body.dump()};
}

/// Step A: the signed bytes become final, then commit() sends them.
Result<Ledger::Step> Ledger::write_next(Slot& slot, const LedgerObject& object, const Draft& draft,
                                        PendingStore& pending, const std::string& token) {
  const Result<TimePoint> now = conservative_now();
  if (!now) return tl::unexpected(now.error());
  const std::optional<ServerTime> store_time = store_.server_time();
  const LedgerState& state = *slot.state;
  const TimePoint recorded =
      state.records.empty() ? *now : std::max(*now, state.records.back().ref.recorded);
  const Record record{.draft = draft,
                      .frame = {.cluster = object.id.cluster,
                                .ledger = object.id.path(),
                                .object_uid = object.uid,
                                .sequence = state.head_sequence() + 1,
                                .prev = state.head_digest(),
                                .recorded = recorded,
                                .store_date = store_time ? store_time->server : recorded,
                                .retain_until = recorded + options_.retention,
                                .operator_version = options_.operator_version,
                                .deviations = options_.deviations}};
  const Result<std::string> payload = encode_record(record);
  if (!payload) return tl::unexpected(payload.error());
  const Pending final{.sequence = record.frame.sequence,
                      .key = object.id.key(record.frame.sequence),
                      .retain_until = record.frame.retain_until,
                      .envelope = seal(*payload, key_)};
  if (Status s = pending.write(final, token); !s) {
    if (s.error().code == ErrorCode::kConflict) return Step::kAgain;
    return fail(std::move(s.error()), "persist record before writing it");
  }
  return commit(slot,
                {.key = final.key, .envelope = final.envelope, .retain_until = final.retain_until});
}

/// Steps P and V. kDone: these bytes are the head of the ledger, locked. kAgain: another record is.
Result<Ledger::Step> Ledger::commit(Slot& slot, Outgoing outgoing) {
  const Result<TimePoint> now = conservative_now();
  if (!now) return tl::unexpected(now.error());
  // A record that waited for the store is locked from now on for its full time.
  outgoing.retain_until = std::max(outgoing.retain_until, *now + options_.retention);
  for (int attempt = 0; attempt < kMaxPutAttempts; ++attempt) {
    const Result<Stored> stored =
        store_.put_new(outgoing.key, outgoing.envelope, outgoing.retain_until);
    if (stored) {
      if (stored->version_id.empty()) return untrue(outgoing.key, "the store gave no version id");
      if (Status s = verify_stored(outgoing, stored->version_id); !s) {
        return tl::unexpected(s.error());
      }
      LedgerState next = *slot.state;
      const Result<Record> record = extend(
          next, {.key = outgoing.key, .version_id = stored->version_id, .bytes = outgoing.envelope},
          trusted_);
      if (!record) return tl::unexpected(record.error());
      slot.locked.insert(next.head_sequence());
      slot.state = std::make_shared<const LedgerState>(std::move(next));
      return Step::kDone;
    }
    if (stored.error().code != ErrorCode::kAlreadyExists) {
      return fail(stored.error(), "write record");
    }
    const std::uint64_t head = slot.state->head_sequence();
    const Result<Step> learnt = learn_taken(slot, outgoing);
    if (!learnt || slot.state->head_sequence() > head) return learnt;
  }
  return fail(ErrorCode::kUnavailable,
              "write record: the store says the key is taken and shows nothing under it");
}

/// The key was taken: by our own bytes whose acknowledgement was lost, or by another writer. What
/// is there must be a good record of this ledger; refresh() fails with Corrupt when it is not.
Result<Ledger::Step> Ledger::learn_taken(Slot& slot, const Outgoing& outgoing) {
  const LedgerSnapshot before = slot.state;
  if (Status s = refresh(slot, before->id); !s) return tl::unexpected(s.error());
  const RecordEntry* there = slot.state->find(before->head_sequence() + 1);
  if (there == nullptr || there->ref.digest != sha256_digest(outgoing.envelope)) {
    return Step::kAgain;
  }
  if (Status s = ensure_locked(slot, there->ref); !s) return tl::unexpected(s.error());
  // Others may have gone on behind our record; then it is in the ledger and no longer its head.
  return slot.state->head_sequence() == there->ref.sequence ? Step::kDone : Step::kAgain;
}

/// Step V: the bytes and the lock as the store has them.
Status Ledger::verify_stored(const Outgoing& outgoing, const std::string& version_id) {
  const Result<std::string> bytes = store_.get(outgoing.key, version_id);
  if (!bytes) {
    if (bytes.error().code == ErrorCode::kNotFound) return untrue(outgoing.key, "not there");
    return fail(bytes.error(), "read back record");
  }
  if (*bytes != outgoing.envelope) return untrue(outgoing.key, "the bytes differ");
  const Result<ObjectLock> lock = store_.lock_of(outgoing.key, version_id);
  if (!lock) return fail(lock.error(), "read back lock");
  if (Status s = check_lock(*lock, outgoing.retain_until); !s) {
    return untrue(outgoing.key, s.error().message);
  }
  return {};
}

/// The lock of a record that this process did not write, or whose writing it did not see through.
Status Ledger::ensure_locked(Slot& slot, const RecordRef& ref) {
  if (slot.locked.contains(ref.sequence)) return {};
  const Result<ObjectLock> lock = store_.lock_of(ref.key, ref.version_id);
  if (!lock) return fail(lock.error(), "read back lock");
  if (Status s = check_lock(*lock, ref.retain_until); !s) return untrue(ref.key, s.error().message);
  slot.locked.insert(ref.sequence);
  return {};
}

/// Finishes a pending record that is ours and next. kDone: there is none, or it is not to be
/// believed and the next write will replace it. kAgain: one was written.
Result<Ledger::Step> Ledger::settle(Slot& slot, const PendingSnapshot& found,
                                    PendingStore& pending) {
  if (!found.pending) return Step::kDone;
  const LedgerState& state = *slot.state;
  const Result<Record> record = check_pending(state, *found.pending);
  if (!record) {
    // A pending record that is already in the ledger is the normal case, and nothing to tell.
    if (record.error().code == ErrorCode::kCorrupt) {
      log(LogLevel::kWarn, "pending record dropped",
          {{"ledger", state.id.path()}, {"err", record.error().message}});
    }
    return Step::kDone;
  }
  const Result<bool> holds = pending.still_holds(*record);
  if (!holds) return fail(holds.error(), "pending record");
  if (!*holds) {
    log(LogLevel::kWarn, "pending record dropped",
        {{"ledger", state.id.path()}, {"reason", "its decision no longer holds"}});
    return Step::kDone;
  }
  Result<Step> step = commit(slot, {.key = state.id.key(record->frame.sequence),
                                    .envelope = found.pending->envelope,
                                    .retain_until = record->frame.retain_until});
  if (!step) return step;
  return Step::kAgain;
}

/// The record in a pending entry, if it is the next of this ledger and signed by us. Nothing that
/// stands beside the envelope is used. Errors: Gone when it is stale, Corrupt when it is no record.
Result<Record> Ledger::check_pending(const LedgerState& state, const Pending& pending) const {
  const Result<Opened> opened = open_envelope(pending.envelope, trusted_);
  if (!opened) return tl::unexpected(opened.error());
  Result<Record> decoded = decode_record(opened->payload);
  if (!decoded) return decoded;
  if (decoded->frame.sequence <= state.head_sequence()) {
    return fail(ErrorCode::kGone, "already followed by others");
  }
  LedgerState next = state;
  return extend(next,
                {.key = state.id.key(decoded->frame.sequence),
                 .version_id = "pending",
                 .bytes = pending.envelope},
                trusted_);
}

Result<Record> Ledger::read(const LedgerId& id, std::uint64_t sequence) {
  const Result<LedgerSnapshot> state = load(id);
  if (!state) return tl::unexpected(state.error());
  const RecordEntry* entry = (*state)->find(sequence);
  if (entry == nullptr) {
    return fail(ErrorCode::kNotFound, fmt::format("ledger {}: no record {}", id.path(), sequence));
  }
  const Result<std::string> bytes = store_.get(entry->ref.key, entry->ref.version_id);
  if (!bytes) return fail(bytes.error(), "read record");
  if (sha256_digest(*bytes) != entry->ref.digest) {
    return untrue(entry->ref.key, "the bytes differ");
  }
  const Result<Opened> opened = open_envelope(*bytes, trusted_);
  if (!opened) return tl::unexpected(opened.error());
  return decode_record(opened->payload);
}

}  // namespace stagekeeper::audit
