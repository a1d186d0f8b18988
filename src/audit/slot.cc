#include "audit/slot.h"

#include <algorithm>
#include <fmt/format.h>
#include <utility>

namespace stagekeeper::audit {
namespace {

constexpr std::size_t kBatch = 256;  // records read at once
constexpr std::size_t kMaxStrays = 1000;
constexpr std::size_t kMaxFindings = 200;

void add_finding(std::vector<Finding>& to, const Finding& finding) {
  if (to.size() < kMaxFindings && std::find(to.begin(), to.end(), finding) == to.end())
    to.push_back(finding);
}

/// What cannot be a record, and lies where one belongs.
Error in_the_way(const LedgerId& id, std::uint64_t sequence, const Error& cause) {
  return {ErrorCode::kCorrupt,
          fmt::format("ledger {}: what lies where record {} belongs is no record of this operator "
                      "({}). It can neither be removed while it is locked nor passed over: see "
                      "\"When a ledger is broken\" in docs/audit.md",
                      id.path(), sequence, cause.message)};
}

}  // namespace

void StoreFault::set(const std::string& what) {
  const MutexLock lock(mutex_);
  if (!what_) what_ = what;
}

std::optional<std::string> StoreFault::get() const {
  const MutexLock lock(mutex_);
  return what_;
}

History Slot::history() const {
  const MutexLock lock(mutex_);
  return history_;
}

std::vector<Finding> Slot::findings() const {
  const MutexLock lock(mutex_);
  std::vector<Finding> out = kept_;
  out.insert(out.end(), beyond_.begin(), beyond_.end());
  return out;
}

/// The store answered and what it says cannot be: not an outage.
tl::unexpected<Error> Slot::untrue(std::string_view key, std::string_view what) const {
  std::string text = fmt::format("read back {}: {}", key, what);
  reading_.fault.set(text);
  return fail(ErrorCode::kCorrupt, std::move(text));
}

Result<History> Slot::load() {
  std::uint64_t head = 0;
  {
    const MutexLock lock(mutex_);
    head = history_.head_sequence();
  }
  SK_TRY(Listing listing, list_ledger(reading_.store, id_, head, reading_.max_entries));
  if (listing.entries.empty() && head > 0) {
    const MutexLock lock(mutex_);
    beyond_.clear();
    if (!has_unproven_) return history_;
  }
  const MutexLock lock(io);
  SK_CHECK_OK(complete(std::move(listing)));
  SK_CHECK_OK(prove());
  return history();
}

Status Slot::refresh() {
  const std::uint64_t head = chain_.history().head_sequence();
  SK_TRY(Listing listing, list_ledger(reading_.store, id_, head, reading_.max_entries));
  return complete(std::move(listing));
}

/// Merges a listing, and further ones while the last went on and ended with a record.
Status Slot::complete(Listing listing) {
  while (true) {
    SK_CHECK_OK(merge(listing));
    const History known = chain_.history();
    const bool at_end =
        listing.complete || listing.entries.back().key != id_.key(known.head_sequence());
    if (!listing.complete && at_end) {
      const MutexLock lock(mutex_);
      add_finding(beyond_, {.what = "more objects lie behind the last record than are looked at"});
    }
    if (at_end) break;
    SK_TRY(listing, list_ledger(reading_.store, id_, known.head_sequence(), reading_.max_entries));
  }
  if (!loaded_ && !chain_.history().empty()) unproven_.insert(chain_.history().head_sequence());
  loaded_ = true;
  publish();
  return {};
}

Status Slot::merge(const Listing& listing) {
  const std::uint64_t head = chain_.history().head_sequence();
  const Arranged arranged = arrange(id_, head + 1, listing.entries);
  const Status merged = merge_records(arranged.records);
  publish();
  if (!merged) return merged;
  {
    const std::uint64_t last = chain_.history().head_sequence();
    const MutexLock lock(mutex_);
    beyond_.clear();
    for (const Finding& finding : arranged.findings) {
      const bool of_a_record = finding.sequence > 0 && finding.sequence <= last;
      add_finding(of_a_record ? kept_ : beyond_, finding);
    }
  }
  return look_beyond(arranged);
}

Status Slot::merge_records(const std::vector<VersionEntry>& entries) {
  for (std::size_t begin = 0; begin < entries.size(); begin += kBatch) {
    const auto from = entries.begin() + static_cast<std::ptrdiff_t>(begin);
    const std::size_t count = std::min(kBatch, entries.size() - begin);
    const std::vector<VersionEntry> batch(from, from + static_cast<std::ptrdiff_t>(count));
    for (const Result<OpenedRecord>& opened :
         fetch_records(reading_.store, batch, reading_.keys, reading_.threads)) {
      const std::uint64_t next = chain_.history().head_sequence() + 1;
      if (!opened && opened.error().code == ErrorCode::kCorrupt)
        return tl::unexpected(in_the_way(id_, next, opened.error()));
      if (!opened) return fail(opened.error(), "ledger " + id_.path());
      SK_CHECK_OK(add(*opened));
    }
  }
  return {};
}

/// Objects behind a gap stop nothing, unless one of them is ours: then records were hidden, and the
/// next write would fork the ledger.
Status Slot::look_beyond(const Arranged& arranged) {
  const std::uint64_t head = chain_.history().head_sequence();
  std::vector<VersionEntry> unknown;
  for (const VersionEntry& entry : arranged.beyond) {
    const std::uint64_t sequence = id_.sequence_of(entry.key).value_or(0);
    {
      const MutexLock lock(mutex_);
      add_finding(beyond_, {.sequence = sequence,
                            .what = fmt::format("an object behind the last record, {}; it is no "
                                                "record and stops nothing now",
                                                head)});
    }
    if (unknown.size() < kMaxStrays && !judged_strays_.contains(entry.key + entry.version_id))
      unknown.push_back(entry);
  }
  for (const VersionEntry& entry : unknown) {
    const std::vector<Result<OpenedRecord>> read =
        fetch_records(reading_.store, {entry}, reading_.keys, 1);
    const Result<OpenedRecord>& opened = read.front();
    if (!opened && opened.error().code != ErrorCode::kCorrupt)
      return fail(opened.error(), "ledger " + id_.path());
    if (is_genuine(id_, opened)) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("ledger {}: record {} is missing, and {} behind it is genuine",
                              id_.path(), head + 1, entry.key));
    }
    judged_strays_.insert(entry.key + entry.version_id);
  }
  return {};
}

/// Adds a record and keeps the list of those that must be proven: what a request is still to act
/// on.
Status Slot::add(const OpenedRecord& opened) {
  SK_CHECK_OK(chain_.extend(opened));
  const RecordContent& content = opened.record.content;
  const std::uint64_t sequence = opened.record.frame.sequence;
  if (content.kind == RecordKind::kIntent || content.kind == RecordKind::kDecided)
    unproven_.insert(sequence);
  if (content.of != 0) unproven_.erase(content.of);
  if (content.kind == RecordKind::kConcluded) {
    for (const RecordFact* fact : chain_.history().of_request(content.request.uid))
      if (fact->kind == RecordKind::kDecided) unproven_.erase(fact->sequence);
  }
  return {};
}

void Slot::expect(std::uint64_t sequence) {
  unproven_.insert(sequence);
  publish();
}

Status Slot::accept(const OpenedRecord& opened) {
  SK_CHECK_OK(add(opened));
  unproven_.erase(opened.record.frame.sequence);
  publish();
  return {};
}

void Slot::publish() {
  History now = chain_.history();
  const bool has_unproven = !unproven_.empty() && *unproven_.begin() <= now.head_sequence();
  const MutexLock lock(mutex_);
  history_ = std::move(now);
  has_unproven_ = has_unproven;
}

Status Slot::prove(const RecordFact& fact) {
  const Result<ObjectLock> lock = reading_.store.lock_of(fact.key, fact.version_id);
  if (!lock && lock.error().code == ErrorCode::kNotFound) return untrue(fact.key, "not there");
  if (!lock) return fail(lock.error(), "read back lock");
  if (Status s = check_lock(*lock, fact.retain_until); !s) {
    return untrue(fact.key, s.error().message);
  }
  unproven_.erase(fact.sequence);
  publish();
  return {};
}

Status Slot::prove() {
  const History known = chain_.history();
  const std::vector<std::uint64_t> wanted(unproven_.begin(), unproven_.end());
  for (const std::uint64_t sequence : wanted) {
    // A sequence behind the head was tried and never arrived: it is proven when something is there.
    const RecordFact* fact = known.at(sequence);
    if (fact != nullptr) SK_CHECK_OK(prove(*fact));
  }
  return {};
}

}  // namespace stagekeeper::audit
