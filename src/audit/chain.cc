#include "audit/chain.h"

#include "audit/dsse.h"
#include "base/canonical_json.h"
#include "base/json_access.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <optional>

namespace stagekeeper::audit {
namespace {

bool closes_intent(RecordKind kind) {
  return kind == RecordKind::kApplied || kind == RecordKind::kAborted ||
         kind == RecordKind::kAbandoned;
}

bool is_rollback(const RecordContent& content) {
  return content.action == "Rollback";
}

tl::unexpected<Error> invalid(std::string what) {
  return fail(ErrorCode::kInvalid, std::move(what));
}

/// Kinds that only one of the two ledgers holds.
bool belongs(LedgerKind ledger, RecordKind kind) {
  switch (kind) {
    case RecordKind::kIntent:
    case RecordKind::kApplied:
    case RecordKind::kAborted:
    case RecordKind::kAbandoned:
    case RecordKind::kDrift:
    case RecordKind::kDriftEnded:
    case RecordKind::kTemplateChanged:
    case RecordKind::kRestored:
      return ledger == LedgerKind::kTarget;
    case RecordKind::kGateResult:
    case RecordKind::kDecided:
    case RecordKind::kConcluded:
      return ledger == LedgerKind::kModel;
    case RecordKind::kGenesis:
    case RecordKind::kObjectAdopted:
    case RecordKind::kKeyRotation:
    case RecordKind::kUnknown:
      break;
  }
  return true;
}

/// A request changes a target once, and once more to take that back: the last pin record is then
/// its own Aborted, which left pins changed (one that took it over wrote the Aborted itself).
bool owes_way_back(const History& history, const std::string& request_uid) {
  const RecordFact* last = history.last_pin();
  return left_pins_changed(last) && last->request.uid == request_uid;
}

Status check_intent(const History& history, const RecordContent& content) {
  if (content.request.uid.empty()) return invalid("an Intent is of a request");
  if (!is_digest(content.decided)) {
    return invalid("an Intent names the Decided record that it carries out");
  }
  // The first promotion of a target has nothing to go back to but "no pin".
  if (content.to.version.empty() && !is_rollback(content)) {
    return invalid("an Intent names the version it goes to");
  }
  if (const RecordFact* open = history.open_intent()) {
    return fail(ErrorCode::kConflict, fmt::format("Intent {} of request {} is still open",
                                                  open->sequence, open->request.name));
  }
  if (history.last_of(RecordKind::kIntent, content.request.uid) == nullptr) return {};
  if (is_rollback(content) && owes_way_back(history, content.request.uid)) return {};
  return fail(ErrorCode::kConflict,
              fmt::format("request {} has had its Intent, and nothing is to be taken back",
                          content.request.name));
}

/// Who may close an Intent: its own request; a Rollback that takes the target over; and whoever
/// finds that the request is gone.
Status check_closer(const RecordFact& intent, const RecordContent& content) {
  if (content.kind == RecordKind::kAbandoned) return {};
  if (content.request.uid == intent.request.uid) return {};
  const bool supersedes = content.kind == RecordKind::kAborted &&
                          content.code == EndCode::kSuperseded && is_rollback(content) &&
                          !content.request.uid.empty();
  if (supersedes) return {};
  return invalid(fmt::format("Intent {} is of another request", intent.sequence));
}

Status check_end(const History& history, const RecordContent& content) {
  if (content.of == 0) return invalid("what ends an Intent names it");
  const RecordFact* open = history.open_intent();
  if (open == nullptr || open->sequence != content.of) {
    return fail(ErrorCode::kConflict, fmt::format("Intent {} is not open", content.of));
  }
  SK_CHECK_OK(check_closer(*open, content));
  if (content.kind == RecordKind::kApplied && !same_version(content.to, open->to)) {
    return invalid(fmt::format("Applied says another version than Intent {}", content.of));
  }
  if (content.kind == RecordKind::kAborted && content.code == EndCode::kNone) {
    return invalid("Aborted has a code");
  }
  return {};
}

/// A late writer must not go on with a request that another one has ended, or decided on,
/// meanwhile.
Status check_not_ended(const History& history, const RecordContent& content) {
  const RecordFact* ended = history.conclusion(content.request);
  if (ended == nullptr) return {};
  return fail(ErrorCode::kConflict, fmt::format("request {} has ended by record {}",
                                                ended->request.name, ended->sequence));
}

Status check_decided(const History& history, const RecordContent& content) {
  if (content.request.uid.empty()) return invalid("Decided is of a request");
  if (!is_digest(content.decision_digest)) return invalid("Decided names its decision");
  if (content.targets.empty() || !std::is_sorted(content.targets.begin(), content.targets.end())) {
    return invalid("Decided names its targets, sorted");
  }
  if (const auto* decided = history.last_of(RecordKind::kDecided, content.request.uid)) {
    return fail(ErrorCode::kConflict, fmt::format("request {} was decided by record {}",
                                                  decided->request.name, decided->sequence));
  }
  return check_not_ended(history, content);
}

Status check_concluded(const History& history, const RecordContent& content) {
  if (content.request.uid.empty()) return invalid("Concluded is of a request");
  if (content.code == EndCode::kNone) return invalid("Concluded has a code");
  return check_not_ended(history, content);
}

/// A drift begins, changes or ends; it has no end that nothing began.
Status check_drift_ended(const History& history) {
  if (history.open_drift() != nullptr) return {};
  return fail(ErrorCode::kConflict, "no drift is open that could end");
}

void add_finding(Arranged& out, std::uint64_t sequence, std::string what) {
  constexpr std::size_t kMaxFindings = 1000;
  if (out.findings.size() >= kMaxFindings) return;
  out.findings.push_back(
      {.kind = Finding::Kind::kTampered, .sequence = sequence, .what = std::move(what)});
}

/// The oldest data version of one key, whose entries are newest first; nothing if there is none.
std::optional<VersionEntry> oldest(Arranged& out, std::uint64_t sequence,
                                   const std::vector<VersionEntry>& versions) {
  std::optional<VersionEntry> first;
  std::size_t data = 0;
  std::size_t markers = 0;
  for (const VersionEntry& version : versions) {
    ++(version.delete_marker ? markers : data);
    if (!version.delete_marker) first = version;
  }
  if (markers > 0 && first) {
    add_finding(out, sequence, fmt::format("{} delete marker(s) hide it", markers));
  } else if (markers > 0) {
    add_finding(out, sequence,
                fmt::format("{} delete marker(s) where no record is; they stop nothing", markers));
  }
  if (data > 1) {
    add_finding(out, sequence, fmt::format("{} more version(s) were written over it", data - 1));
  }
  return first;
}

tl::unexpected<Error> corrupt(const LedgerId& id, std::uint64_t sequence, std::string_view what) {
  return fail(ErrorCode::kCorrupt,
              fmt::format("ledger {} record {}: {}", id.path(), sequence, what));
}

/// The key that a Genesis or KeyRotation record carries.
std::string carried_key(const Record& record) {
  const Result<nlohmann::json> body = parse_strict_json(record.content.body, kMaxPayloadBytes);
  return body ? text_at(*body, {"keyId"}) : std::string();
}

RecordFact fact_of(const OpenedRecord& opened) {
  RecordFact fact;
  static_cast<RecordContent&>(fact) = opened.record.content;
  fact.body = "{}";
  fact.body.shrink_to_fit();
  fact.sequence = opened.record.frame.sequence;
  fact.digest = opened.digest;
  fact.key = opened.key;
  fact.version_id = opened.version_id;
  fact.time = opened.record.frame.recorded;
  fact.retain_until = opened.record.frame.retain_until;
  return fact;
}

}  // namespace

Result<OpenedRecord> open_record(const StoredRecord& stored, const std::vector<TrustedKey>& keys) {
  SK_TRY(const Opened opened, open_envelope(stored.bytes, keys));
  SK_TRY(Record record, decode_record(opened.payload));
  const TrustedKey* key = find_key(keys, opened.key_id.str());
  if (key == nullptr || !is_valid_at(*key, record.frame.recorded)) {
    return fail(ErrorCode::kCorrupt, fmt::format("recorded at {}, and its key is trusted {}",
                                                 format_time(record.frame.recorded),
                                                 key == nullptr ? "never" : validity_text(*key)));
  }
  return OpenedRecord{.record = std::move(record),
                      .key_id = opened.key_id.str(),
                      .digest = sha256_digest(stored.bytes).str(),
                      .key = stored.key,
                      .version_id = stored.version_id};
}

Arranged arrange(const LedgerId& id, std::uint64_t first,
                 const std::vector<VersionEntry>& entries) {
  Arranged out;
  std::map<std::uint64_t, std::vector<VersionEntry>> by_sequence;
  for (const VersionEntry& entry : entries) {
    const std::optional<std::uint64_t> sequence = id.sequence_of(entry.key);
    if (!sequence || *sequence == 0) {
      add_finding(out, 0, "a strange object: " + entry.key.substr(0, 300));
    } else if (*sequence >= first) {
      by_sequence[*sequence].push_back(entry);
    }
  }
  for (const auto& [sequence, versions] : by_sequence) {
    std::optional<VersionEntry> record = oldest(out, sequence, versions);
    if (!record) continue;
    const bool next = sequence == first + out.records.size();
    (next ? out.records : out.beyond).push_back(std::move(*record));
  }
  return out;
}

Status check_next(const LedgerId& id, const History& history, const RecordContent& content) {
  if (history.empty() != (content.kind == RecordKind::kGenesis)) {
    return invalid("Genesis is the first record of a ledger, and only that");
  }
  if (!belongs(id.kind, content.kind)) {
    return invalid(
        fmt::format("{} does not belong in a {} ledger", name(content.kind), name(id.kind)));
  }
  if (closes_intent(content.kind)) return check_end(history, content);
  if (content.of != 0) return invalid("only what ends an Intent names one");
  switch (content.kind) {
    case RecordKind::kIntent:
      return check_intent(history, content);
    case RecordKind::kDecided:
      return check_decided(history, content);
    case RecordKind::kGateResult:
      return check_not_ended(history, content);
    case RecordKind::kConcluded:
      return check_concluded(history, content);
    case RecordKind::kDriftEnded:
      return check_drift_ended(history);
    default:
      return {};
  }
}

const RecordFact* find_same(const History& history, const RecordContent& content) {
  if (content.request.uid.empty()) return nullptr;
  const std::vector<const RecordFact*> all = history.of_request(content.request.uid);
  const auto found = std::find_if(all.rbegin(), all.rend(), [&](const RecordFact* fact) {
    return fact->kind == content.kind && fact->decision_digest == content.decision_digest &&
           fact->action == content.action && fact->of == content.of && fact->code == content.code &&
           fact->pins_changed == content.pins_changed && fact->decided == content.decided &&
           same_version(fact->to, content.to) && fact->targets == content.targets;
  });
  return found == all.rend() ? nullptr : *found;
}

Status Chain::check(const OpenedRecord& opened) const {
  const History history = log_->snapshot();
  const std::uint64_t expected = history.head_sequence() + 1;
  const auto broken = [&](std::string_view what) { return corrupt(id_, expected, what); };
  const RecordContent& content = opened.record.content;
  const Frame& frame = opened.record.frame;
  if (frame.cluster != id_.cluster || frame.ledger != id_.path()) {
    return broken("belongs to another ledger");
  }
  if (frame.sequence != expected || opened.key != id_.key(expected)) {
    return broken(fmt::format("says it is record {}", frame.sequence));
  }
  if (frame.prev != history.head_digest()) return broken("does not follow the record before it");
  const RecordFact* head = history.at(history.head_sequence());
  if (head != nullptr && frame.recorded < head->time) {
    return broken("is older than the record before it");
  }
  if (frame.retain_until <= frame.recorded) return broken("was not to be retained");
  if (Status s = check_next(id_, history, content); !s) return broken(s.error().message);
  if (head != nullptr && content.kind != RecordKind::kObjectAdopted &&
      frame.object_uid != object_uid_) {
    return broken("is for an object that was never adopted");
  }
  const bool rotates = content.kind == RecordKind::kKeyRotation;
  if (head != nullptr && rotates == (opened.key_id == key_id_)) {
    return broken(rotates ? "changes the key to the same key"
                          : "is signed with another key than the record before it, and no "
                            "KeyRotation says so");
  }
  if ((rotates || head == nullptr) && carried_key(opened.record) != opened.key_id) {
    return broken("does not carry the key that it is signed with");
  }
  return {};
}

Status Chain::extend(const OpenedRecord& opened) {
  SK_CHECK_OK(check(opened));
  object_uid_ = opened.record.frame.object_uid;
  key_id_ = opened.key_id;
  log_->append(fact_of(opened));
  return {};
}

}  // namespace stagekeeper::audit
