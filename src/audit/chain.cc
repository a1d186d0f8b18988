#include "audit/chain.h"

#include "audit/dsse.h"

#include <algorithm>
#include <fmt/format.h>
#include <map>

namespace stagekeeper::audit {
namespace {

bool is_terminal(RecordKind kind) {
  return kind == RecordKind::kApplied || kind == RecordKind::kAborted;
}

bool same_pin(const ModelState& a, const ModelState& b) {
  return a.version == b.version && a.digest == b.digest;
}

/// One request may write several records of a kind about different versions (Archived).
bool same_subject(const std::optional<ModelState>& a, const std::optional<ModelState>& b) {
  return a.has_value() == b.has_value() && (!a || same_pin(*a, *b));
}

tl::unexpected<Error> corrupt(const LedgerState& state, std::uint64_t sequence,
                              std::string_view what) {
  return fail(ErrorCode::kCorrupt,
              fmt::format("ledger {} record {}: {}", state.id.path(), sequence, what));
}

bool is_open(const LedgerState& state, std::uint64_t intent) {
  return std::find(state.open_intents.begin(), state.open_intents.end(), intent) !=
         state.open_intents.end();
}

Status check_intent(const LedgerState& state, const Draft& draft) {
  // The first promotion of a target has nothing to go back to but "no pin".
  const bool to_nothing = !draft.to && draft.action == "Rollback";
  if (!to_nothing && (!draft.to || draft.to->version.empty())) {
    return fail(ErrorCode::kInvalid, "an Intent names the version it goes to");
  }
  if (state.open_intents.empty()) return {};
  const RecordEntry& open = *state.find(state.open_intents.back());
  // Taking back a rollout that failed opens its own Intent before the failed one is closed, so that
  // there is no moment at which the ledger calls the target settled while it is not.
  if (state.open_intents.size() == 1 && draft.action == "Rollback" && open.action != "Rollback" &&
      !draft.request.uid.empty() && draft.request.uid == open.request.uid) {
    return {};
  }
  return fail(ErrorCode::kConflict, fmt::format("Intent {} of request {} is still open",
                                                open.ref.sequence, open.request.name));
}

Status check_terminal(const LedgerState& state, const Draft& draft) {
  if (!draft.of) return fail(ErrorCode::kInvalid, "a terminal record names its Intent");
  if (!is_open(state, *draft.of)) {
    return fail(ErrorCode::kConflict, fmt::format("Intent {} is not open", *draft.of));
  }
  const RecordEntry& intent = *state.find(*draft.of);
  if (draft.request.uid != intent.request.uid) {
    return fail(ErrorCode::kInvalid, fmt::format("Intent {} is of another request", *draft.of));
  }
  if (draft.kind == RecordKind::kApplied && !same_subject(draft.to, intent.to)) {
    return fail(ErrorCode::kInvalid,
                fmt::format("Applied says another version than Intent {}", *draft.of));
  }
  return {};
}

/// Kinds that only one of the two ledgers holds. Results of gates may lie in both.
bool belongs(LedgerKind ledger, RecordKind kind) {
  switch (kind) {
    case RecordKind::kIntent:
    case RecordKind::kApplied:
    case RecordKind::kAborted:
      return ledger == LedgerKind::kTarget;
    case RecordKind::kStaged:
    case RecordKind::kBlocked:
    case RecordKind::kRejected:
    case RecordKind::kExpired:
    case RecordKind::kNoChange:
    case RecordKind::kArchived:
    case RecordKind::kPolicyChange:
      return ledger == LedgerKind::kModel;
    default:
      return true;
  }
}

/// The consequences of a record that check_next() accepted.
void take_effect(LedgerState& state, const RecordEntry& entry) {
  if (entry.ref.kind == RecordKind::kIntent) {
    state.open_intents.push_back(entry.ref.sequence);
  }
  if (!is_terminal(entry.ref.kind)) return;
  if (entry.of) std::erase(state.open_intents, *entry.of);
  if (entry.ref.kind != RecordKind::kApplied) return;
  const bool changes = state.serving && (!entry.to || !same_pin(state.serving->what, *entry.to));
  if (changes) state.previous = state.serving;
  state.serving.reset();
  if (entry.to) state.serving = Serving{.what = *entry.to, .by = entry.ref};
}

Status check_frame(const LedgerState& state, const Frame& frame, std::string_view key) {
  const std::uint64_t expected = state.head_sequence() + 1;
  if (frame.cluster != state.id.cluster || frame.ledger != state.id.path()) {
    return corrupt(state, expected, "belongs to another ledger");
  }
  if (frame.sequence != expected || key != state.id.key(expected)) {
    return corrupt(state, expected, fmt::format("says it is record {}", frame.sequence));
  }
  if (frame.prev != state.head_digest()) {
    return corrupt(state, expected, "does not follow the record before it");
  }
  if (!state.records.empty() && frame.recorded < state.records.back().ref.recorded) {
    return corrupt(state, expected, "is older than the record before it");
  }
  if (frame.retain_until <= frame.recorded) {
    return corrupt(state, expected, "was not to be retained");
  }
  return {};
}

void add_finding(Arranged& out, Finding::Kind kind, std::uint64_t sequence, std::string what) {
  constexpr std::size_t kMaxFindings = 1000;
  if (out.findings.size() >= kMaxFindings) return;
  out.findings.push_back({.kind = kind, .sequence = sequence, .what = std::move(what)});
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
  if (markers > 0) {
    add_finding(out, Finding::Kind::kTampered, sequence,
                fmt::format("{} delete marker(s) hide it", markers));
  }
  if (data > 1) {
    add_finding(out, Finding::Kind::kTampered, sequence,
                fmt::format("{} more version(s) were written over it", data - 1));
  }
  return first;
}

}  // namespace

std::string LedgerState::head_digest() const {
  return records.empty() ? std::string() : records.back().ref.digest.str();
}

const RecordEntry* LedgerState::find(std::uint64_t sequence) const {
  if (sequence == 0 || sequence > records.size()) return nullptr;
  return &records[sequence - 1];
}

const RecordEntry* LedgerState::terminal_of(std::uint64_t intent) const {
  const auto found = std::find_if(records.begin(), records.end(), [&](const RecordEntry& entry) {
    return is_terminal(entry.ref.kind) && entry.of == intent;
  });
  return found == records.end() ? nullptr : &*found;
}

Arranged arrange(const LedgerId& id, std::uint64_t first,
                 const std::vector<VersionEntry>& entries) {
  Arranged out;
  std::map<std::uint64_t, std::vector<VersionEntry>> by_sequence;
  for (const VersionEntry& entry : entries) {
    const std::optional<std::uint64_t> sequence = id.sequence_of(entry.key);
    if (!sequence || *sequence == 0) {
      add_finding(out, Finding::Kind::kTampered, 0,
                  "a strange object: " + entry.key.substr(0, 300));
    } else if (*sequence >= first) {
      by_sequence[*sequence].push_back(entry);
    }
  }
  std::uint64_t expected = first;
  for (const auto& [sequence, versions] : by_sequence) {
    std::optional<VersionEntry> record = oldest(out, sequence, versions);
    if (sequence != expected || !record) {
      const std::uint64_t last_missing = sequence != expected ? sequence - 1 : sequence;
      add_finding(out, Finding::Kind::kIncomplete, expected,
                  last_missing == expected
                      ? fmt::format("record {} is missing", expected)
                      : fmt::format("records {} to {} are missing", expected, last_missing));
      return out;
    }
    out.records.push_back(std::move(*record));
    ++expected;
  }
  return out;
}

Status check_next(const LedgerState& state, const Draft& draft) {
  if (state.records.empty() != (draft.kind == RecordKind::kGenesis)) {
    return fail(ErrorCode::kInvalid, "Genesis is the first record of a ledger, and only that");
  }
  if (!belongs(state.id.kind, draft.kind)) {
    return fail(ErrorCode::kInvalid, fmt::format("{} does not belong in a {} ledger",
                                                 name(draft.kind), name(state.id.kind)));
  }
  if (draft.kind == RecordKind::kIntent) return check_intent(state, draft);
  if (is_terminal(draft.kind)) return check_terminal(state, draft);
  if (draft.of) return fail(ErrorCode::kInvalid, "only a terminal record names an Intent");
  return {};
}

Result<Record> extend(LedgerState& state, const StoredRecord& stored,
                      const std::vector<VerifyKey>& keys) {
  const std::uint64_t expected = state.head_sequence() + 1;
  const Result<Opened> opened = open_envelope(stored.bytes, keys);
  if (!opened) return corrupt(state, expected, opened.error().message);
  Result<Record> record = decode_record(opened->payload);
  if (!record) return corrupt(state, expected, record.error().message);
  const Frame& frame = record->frame;
  if (Status s = check_frame(state, frame, stored.key); !s) return tl::unexpected(s.error());
  if (Status s = check_next(state, record->draft); !s) {
    return corrupt(state, expected, s.error().message);
  }
  if (!state.records.empty() && record->draft.kind != RecordKind::kTargetAdopted &&
      frame.object_uid != state.object_uid) {
    return corrupt(state, expected, "is for an object that was never adopted");
  }
  RecordEntry entry{.ref = {.kind = record->draft.kind,
                            .sequence = expected,
                            .key = stored.key,
                            .version_id = stored.version_id,
                            .digest = sha256_digest(stored.bytes),
                            .recorded = frame.recorded,
                            .retain_until = frame.retain_until},
                    .model = record->draft.model,
                    .request = record->draft.request,
                    .decision_digest = record->draft.decision_digest,
                    .action = record->draft.action,
                    .from = record->draft.from,
                    .to = record->draft.to,
                    .of = record->draft.of,
                    .reason = record->draft.reason};
  state.object_uid = frame.object_uid;
  take_effect(state, entry);
  state.records.push_back(std::move(entry));
  return record;
}

const RecordEntry* find_same(const LedgerState& state, const Draft& draft) {
  for (auto entry = state.records.rbegin(); entry != state.records.rend(); ++entry) {
    if (entry->ref.kind != draft.kind) continue;
    const bool same = entry->request.uid == draft.request.uid &&
                      entry->decision_digest == draft.decision_digest &&
                      entry->action == draft.action && entry->of == draft.of &&
                      same_subject(entry->to, draft.to);
    if (same) return &*entry;
    if (draft.request.uid.empty()) return nullptr;
  }
  return nullptr;
}

}  // namespace stagekeeper::audit
