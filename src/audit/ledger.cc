#include "audit/ledger.h"

#include "audit/dsse.h"
#include "base/log.h"
#include "model/objects.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cassert>
#include <fmt/format.h>

namespace stagekeeper::audit {
namespace {

constexpr int kMaxRounds = 8;       // Genesis, adoption, rotation, a few lost races
constexpr int kMaxPutAttempts = 3;  // S3 asks to repeat a PUT that raced

/// Kinds that the ledger writes of itself, or that nobody writes.
bool is_own(RecordKind kind) {
  return kind == RecordKind::kGenesis || kind == RecordKind::kObjectAdopted ||
         kind == RecordKind::kKeyRotation || kind == RecordKind::kUnknown;
}

/// Whether a record may be written although the ledger's object is gone: it ends what an earlier
/// one began, or goes back to what one tells of.
bool needs_no_object(const History& history, const RecordContent& content) {
  if (history.empty()) return false;
  if (content.of != 0) return true;
  const bool goes_back =
      content.kind == RecordKind::kDecided && content.action == name(RequestAction::kRollback);
  if (goes_back) return true;
  return content.kind == RecordKind::kConcluded &&
         history.last_of(RecordKind::kDecided, content.request.uid) != nullptr;
}

/// Whether a request is to be aborted by who has not seen what was decided about it: another writer
/// was first, and pins may be changing. Readers take such a record, as they take every one that was
/// ever written.
bool overlooks_decision(const History& history, const RecordContent& content) {
  if (content.kind != RecordKind::kConcluded || content.code != EndCode::kAborted) return false;
  const RecordFact* decided = history.last_of(RecordKind::kDecided, content.request.uid);
  return decided != nullptr && decided->decision_digest != content.decision_digest;
}

std::vector<TrustedKey> with_own(std::vector<TrustedKey> keys, const SigningKey& own) {
  if (find_key(keys, own.key_id().str()) != nullptr) return keys;
  Result<TrustedKey> trusted = trusted_key(own.public_pem());
  assert(trusted.has_value());  // the PEM comes from the key itself
  keys.push_back(std::move(*trusted));
  return keys;
}

}  // namespace

Ledger::Ledger(Store& store, SigningKey key, const Clock& clock, LedgerOptions options)
    : store_(store),
      key_(std::move(key)),
      key_id_(key_.key_id().str()),
      clock_(clock),
      options_(std::move(options)),
      reading_{.store = store,
               .fault = fault_,
               .keys = with_own(options_.trusted_keys, key_),
               .threads = options_.parallel_reads} {}

std::shared_ptr<Slot> Ledger::slot_of(const LedgerId& id) {
  const MutexLock lock(mutex_);
  Kept& kept = slots_[id.prefix()];
  if (kept.slot == nullptr) kept.slot = std::make_shared<Slot>(reading_, id);
  kept.used = ++uses_;
  std::shared_ptr<Slot> slot = kept.slot;
  if (slots_.size() > options_.max_ledgers) drop_unused();
  return slot;
}

/// Ed25519 gives one signature for one text. The prefix keeps it from being one of anything else.
std::string Ledger::unguessable(std::string_view about) const {
  return sha256_hex(key_.sign(fmt::format("stagekeeper unguessable\n{}", about))).substr(0, 32);
}

std::shared_ptr<Slot> Ledger::find_slot(const LedgerId& id) const {
  const MutexLock lock(mutex_);
  const auto found = slots_.find(id.prefix());
  if (found == slots_.end()) return nullptr;
  found->second.used = ++uses_;
  return found->second.slot;
}

/// Names of ledgers come from requests: whoever invents names must not fill the memory.
void Ledger::drop_unused() {
  auto oldest = slots_.end();
  for (auto at = slots_.begin(); at != slots_.end(); ++at) {
    const bool in_use = at->second.slot.use_count() > 1;
    if (!in_use && (oldest == slots_.end() || at->second.used < oldest->second.used)) oldest = at;
  }
  if (oldest != slots_.end()) slots_.erase(oldest);
}

Result<History> Ledger::load(const LedgerId& id) {
  SK_CHECK_OK(check_ledger_id(id));
  return slot_of(id)->load();
}

std::optional<History> Ledger::known(const LedgerId& id) const {
  const std::shared_ptr<Slot> slot = find_slot(id);
  if (slot == nullptr) return std::nullopt;
  return slot->history();
}

std::vector<Finding> Ledger::findings(const LedgerId& id) const {
  const std::shared_ptr<Slot> slot = find_slot(id);
  return slot == nullptr ? std::vector<Finding>() : slot->findings();
}

Status Ledger::check_head(const LedgerId& id, std::uint64_t sequence, std::string_view digest) {
  History history = known(id).value_or(History());
  if (history.head_sequence() < sequence) {
    SK_TRY(history, load(id));
  }
  if (history.head_sequence() < sequence) {
    return fail(ErrorCode::kCorrupt,
                fmt::format("ledger {}: the status knows record {}, and the bucket ends with {}. "
                            "It is another bucket than before, or records were hidden",
                            id.path(), sequence, history.head_sequence()));
  }
  const RecordFact* fact = history.at(sequence);
  if (fact == nullptr || digest.empty() || fact->digest == digest) return {};
  return fail(
      ErrorCode::kCorrupt,
      fmt::format("ledger {}: record {} is another one than the status knows. It is another "
                  "bucket than before",
                  id.path(), sequence));
}

Result<Record> Ledger::read(const LedgerId& id, std::uint64_t sequence) {
  History history = known(id).value_or(History());
  if (history.at(sequence) == nullptr) {
    SK_TRY(history, load(id));
  }
  const RecordFact* fact = history.at(sequence);
  if (fact == nullptr) {
    return fail(ErrorCode::kNotFound, fmt::format("ledger {}: no record {}", id.path(), sequence));
  }
  const Result<std::string> bytes = store_.get(fact->key, fact->version_id);
  if (!bytes) return fail(bytes.error(), "read record");
  if (sha256_digest(*bytes).str() != fact->digest) {
    return fail(ErrorCode::kCorrupt, fmt::format("read {}: the bytes differ", fact->key));
  }
  SK_TRY(OpenedRecord opened,
         open_record({.key = fact->key, .version_id = fact->version_id, .bytes = *bytes},
                     reading_.keys));
  return std::move(opened.record);
}

Result<RecordFact> Ledger::append(const LedgerObject& object, RecordContent content,
                                  PendingStore& pending, std::optional<PendingSnapshot> seen) {
  SK_CHECK_OK(check_ledger_id(object.id));
  if (is_own(content.kind)) {
    return fail(ErrorCode::kInvalid, "the ledger writes this kind itself");
  }
  SK_TRY(content, normalised(std::move(content)));
  const std::shared_ptr<Slot> slot = slot_of(object.id);
  Work work{.slot = *slot, .object = object, .pending = pending, .seen = std::move(seen)};
  const MutexLock lock(work.slot.io);
  for (int i = 0; i < kMaxRounds; ++i) {
    SK_TRY(const std::optional<RecordFact> done, round(work, content));
    if (done) return *done;
  }
  return fail(ErrorCode::kConflict, "ledger " + object.id.path() + ": other writers are busy");
}

/// One try of append(): at most one record is written. Nothing: go on with what was learnt.
Result<std::optional<RecordFact>> Ledger::round(Work& work, RecordContent content) {
  work.fresh = !work.seen || !work.slot.is_loaded();
  if (work.fresh) SK_CHECK_OK(work.slot.refresh());
  SK_CHECK_OK(work.slot.prove());
  if (!work.seen) {
    Result<PendingSnapshot> read = work.pending.read();
    if (!read) return fail(std::move(read.error()), "read pending record");
    work.seen = std::move(*read);
  }
  const Chain& chain = work.slot.chain();
  const History history = chain.history();
  if (work.object.uid.empty() && !needs_no_object(history, content)) {
    return fail(ErrorCode::kNotFound, "the object of ledger " + work.object.id.path() +
                                          " is gone, so nothing can begin there");
  }
  if (content.kind == RecordKind::kApplied && content.to == VersionRef()) {
    if (const RecordFact* intent = history.at(content.of)) content.to = intent->to;
  }
  if (const RecordFact* existing = find_same(history, content)) {
    SK_CHECK_OK(work.slot.prove(*existing));
    return *existing;
  }
  if (overlooks_decision(history, content)) {
    return fail(ErrorCode::kConflict,
                "request " + content.request.name + " was decided about meanwhile");
  }
  const RecordContent next = next_content(chain, work.object, content);
  if (Status allowed = check_next(work.object.id, history, next); !allowed) {
    if (work.fresh) return tl::unexpected(std::move(allowed.error()));
    work.seen.reset();  // memory may be behind: look again before saying no
    return std::nullopt;
  }
  SK_TRY(const bool written, write_next(work, next));
  if (!written || is_own(next.kind)) return std::nullopt;
  return *chain.history().at(history.head_sequence() + 1);
}

/// The record that has to come first, or the wanted one.
RecordContent Ledger::next_content(const Chain& chain, const LedgerObject& object,
                                   const RecordContent& wanted) const {
  nlohmann::json key_body = {{"publicKey", key_.public_pem()}, {"keyId", key_id_}};
  RecordContent out;
  if (chain.history().empty()) {
    out.kind = RecordKind::kGenesis;
    out.body = key_body.dump();
  } else if (chain.key_id() != key_id_) {
    key_body["previousKeyId"] = chain.key_id();
    out.kind = RecordKind::kKeyRotation;
    out.body = key_body.dump();
  } else if (!object.uid.empty() && chain.object_uid() != object.uid) {
    out.kind = RecordKind::kObjectAdopted;
    out.body = nlohmann::json{{"old", chain.object_uid()}, {"new", object.uid}}.dump();
  } else {
    return wanted;
  }
  out.model = wanted.model;
  // What was made here is an object of texts: nothing in it can be refused.
  return normalised(std::move(out)).value_or(RecordContent());
}

/// Makes the signed bytes final, then sends them. True: they are the head now, locked. False:
/// another record is, or somebody else holds the pending entry.
Result<bool> Ledger::write_next(Work& work, const RecordContent& content) {
  if (std::optional<Outgoing> left = left_pending(work, content)) {
    work.seen.reset();
    return commit(work, std::move(*left));
  }
  SK_TRY(Outgoing outgoing, sign(work, content));
  Result<std::string> token = work.pending.write({.sequence = outgoing.sequence,
                                                  .key = outgoing.key,
                                                  .retain_until = outgoing.retain_until,
                                                  .envelope = outgoing.envelope},
                                                 work.seen->token);
  work.seen.reset();
  if (!token && token.error().code == ErrorCode::kConflict) return false;
  if (!token) return fail(std::move(token.error()), "persist record before writing it");
  SK_TRY(const bool done, commit(work, std::move(outgoing)));
  if (done && !token->empty()) work.seen = PendingSnapshot{.token = std::move(*token)};
  return done;
}

/// A record that an earlier try left pending, if it is the next of this ledger and says exactly
/// what is to be written now. Any other is a decision that nobody takes now: it is overwritten.
/// Nothing that stands beside the envelope is used.
std::optional<Ledger::Outgoing> Ledger::left_pending(Work& work,
                                                     const RecordContent& content) const {
  if (!work.seen->pending) return std::nullopt;
  const Chain& chain = work.slot.chain();
  const std::uint64_t sequence = chain.history().head_sequence() + 1;
  const std::string& envelope = work.seen->pending->envelope;
  const Result<OpenedRecord> opened = open_record(
      {.key = chain.id().key(sequence), .version_id = "pending", .bytes = envelope}, reading_.keys);
  const bool next = opened && chain.check(*opened).has_value() &&
                    opened->record.frame.object_uid == work.object.uid;
  if (!next) return std::nullopt;  // most often: locked by now
  if (opened->record.content != content) {
    log(LogLevel::kWarn, "pending record replaced",
        {{"ledger", chain.id().path()}, {"reason", "it is not what is to be recorded now"}});
    return std::nullopt;
  }
  return Outgoing{.key = opened->key,
                  .envelope = envelope,
                  .sequence = sequence,
                  .retain_until = opened->record.frame.retain_until};
}

Result<Ledger::Outgoing> Ledger::sign(const Work& work, const RecordContent& content) const {
  SK_TRY(const TimePoint now, conservative_now());
  const std::optional<ServerTime> store_time = store_.server_time();
  const History history = work.slot.chain().history();
  const RecordFact* head = history.at(history.head_sequence());
  const TimePoint recorded = head == nullptr ? now : std::max(now, head->time);
  const TrustedKey* own = find_key(reading_.keys, key_id_);
  if (own == nullptr || !is_valid_at(*own, recorded)) {
    return fail(ErrorCode::kDenied,
                "the signing key may not sign now: the configuration trusts it " +
                    (own == nullptr ? "never" : validity_text(*own)));
  }
  const std::uint64_t sequence = history.head_sequence() + 1;
  const Record record{
      .content = content,
      .frame = {
          .cluster = work.object.id.cluster,
          .ledger = work.object.id.path(),
          .object_uid = work.object.uid.empty() ? work.slot.chain().object_uid() : work.object.uid,
          .sequence = sequence,
          .prev = history.head_digest(),
          .recorded = recorded,
          .store_date = store_time ? store_time->server : recorded,
          .retain_until = recorded + options_.retention,
          .operator_version = options_.operator_version,
          .deviations = options_.deviations}};
  SK_TRY(const std::string payload, encode_record(record));
  return Outgoing{.key = work.object.id.key(sequence),
                  .envelope = seal(payload, key_),
                  .sequence = sequence,
                  .retain_until = record.frame.retain_until};
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
    return fail(ErrorCode::kMisconfigured,
                fmt::format("clock: ours and the audit store's differ by {} s, more than {} s; "
                            "set the clocks right",
                            skew.count(), options_.max_skew.count()));
  }
  return std::max(clock_.now(), seen->server);
}

/// Puts a record and reads it back. True: these bytes are the head of the ledger, locked. False:
/// another record is.
Result<bool> Ledger::commit(Work& work, Outgoing outgoing) {
  SK_TRY(const TimePoint now, conservative_now());
  // A record that waited for the store is locked from now on for its full time.
  outgoing.retain_until = std::max(outgoing.retain_until, now + options_.retention);
  work.slot.expect(outgoing.sequence);
  for (int attempt = 0; attempt < kMaxPutAttempts; ++attempt) {
    const Result<Stored> stored =
        store_.put_new(outgoing.key, outgoing.envelope, outgoing.retain_until);
    if (stored) {
      SK_CHECK_OK(verify_stored(outgoing, stored->version_id));
      SK_TRY(const OpenedRecord opened, open_record({.key = outgoing.key,
                                                     .version_id = stored->version_id,
                                                     .bytes = outgoing.envelope},
                                                    reading_.keys));
      SK_CHECK_OK(work.slot.accept(opened));
      return true;
    }
    if (stored.error().code != ErrorCode::kAlreadyExists) {
      return fail(stored.error(), "write record");
    }
    const std::uint64_t head = work.slot.chain().history().head_sequence();
    const Result<bool> learnt = learn_taken(work, outgoing);
    if (!learnt || work.slot.chain().history().head_sequence() > head) return learnt;
  }
  return fail(ErrorCode::kUnavailable,
              "write record: the store says the key is taken and shows nothing under it");
}

/// The key was taken: by our own bytes whose acknowledgement was lost, or by another writer. What
/// is there must be a good record of this ledger; refresh() fails with Corrupt when it is not.
Result<bool> Ledger::learn_taken(Work& work, const Outgoing& outgoing) {
  work.seen.reset();
  SK_CHECK_OK(work.slot.refresh());
  const History history = work.slot.chain().history();
  const RecordFact* there = history.at(outgoing.sequence);
  if (there == nullptr || there->digest != sha256_digest(outgoing.envelope).str()) return false;
  SK_CHECK_OK(work.slot.prove(*there));
  // Others may have gone on behind our record; the next round finds it then.
  return history.head_sequence() == outgoing.sequence;
}

/// The bytes and the lock as the store has them.
Status Ledger::verify_stored(const Outgoing& outgoing, const std::string& version_id) {
  const auto untrue = [&](std::string_view what) -> Status {
    std::string text = fmt::format("read back {}: {}", outgoing.key, what);
    fault_.set(text);
    return fail(ErrorCode::kCorrupt, std::move(text));
  };
  if (version_id.empty()) return untrue("the store gave no version id");
  const Result<std::string> bytes = store_.get(outgoing.key, version_id);
  if (!bytes && bytes.error().code == ErrorCode::kNotFound) return untrue("not there");
  if (!bytes) return fail(bytes.error(), "read back record");
  if (*bytes != outgoing.envelope) return untrue("the bytes differ");
  const Result<ObjectLock> lock = store_.lock_of(outgoing.key, version_id);
  if (!lock) return fail(lock.error(), "read back lock");
  if (Status s = check_lock(*lock, outgoing.retain_until); !s) return untrue(s.error().message);
  return {};
}

}  // namespace stagekeeper::audit
