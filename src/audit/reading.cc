#include "audit/reading.h"

#include <algorithm>
#include <atomic>
#include <fmt/format.h>
#include <future>
#include <optional>

namespace stagekeeper::audit {
namespace {

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

Result<OpenedRecord> fetch_record(Store& store, const VersionEntry& entry,
                                  const std::vector<TrustedKey>& keys) {
  Result<std::string> bytes = store.get(entry.key, entry.version_id);
  if (!bytes && bytes.error().code == ErrorCode::kNotFound) {
    return fail(ErrorCode::kCorrupt, fmt::format("{} is listed and not there", entry.key));
  }
  if (!bytes) return fail(std::move(bytes.error()), "read " + entry.key);
  return open_record({.key = entry.key, .version_id = entry.version_id, .bytes = std::move(*bytes)},
                     keys);
}

/// Of each key a listing keeps the newest and the oldest data version and one delete marker, which
/// is all that is asked of it: nobody fills the memory by writing over one key.
void keep(std::vector<VersionEntry>& entries, VersionEntry entry) {
  std::size_t same = 0;
  VersionEntry* oldest = nullptr;
  for (auto at = entries.rbegin(); at != entries.rend() && at->key == entry.key; ++at) {
    if (at->delete_marker != entry.delete_marker) continue;
    ++same;
    if (oldest == nullptr) oldest = &*at;
  }
  if (entry.delete_marker && same == 1) return;
  if (same == 2) {
    *oldest = std::move(entry);
  } else {
    entries.push_back(std::move(entry));
  }
}

}  // namespace

void for_each_parallel(std::size_t count, unsigned threads,
                       const std::function<bool(std::size_t)>& one) {
  std::atomic<std::size_t> next = 0;
  std::atomic<bool> stopped = false;
  const auto work = [&] {
    while (!stopped) {
      const std::size_t mine = next++;
      if (mine >= count) return;
      if (!one(mine)) stopped = true;
    }
  };
  const std::size_t helpers = std::min<std::size_t>(std::max(threads, 1U), count);
  if (helpers <= 1) return work();
  std::vector<std::future<void>> running;
  running.reserve(helpers);
  for (std::size_t i = 0; i < helpers; ++i)
    running.push_back(std::async(std::launch::async, work));
  for (std::future<void>& helper : running)
    helper.get();
}

Result<Listing> list_ledger(Store& store, const LedgerId& id, std::uint64_t after,
                            std::size_t max_entries) {
  Listing out;
  VersionMarker from;
  if (after > 0) from.key_marker = id.key(after);
  while (true) {
    Result<VersionPage> page = store.list_versions(id.prefix(), from);
    if (!page) return fail(std::move(page.error()), "list ledger " + id.path());
    for (VersionEntry& entry : page->entries)
      keep(out.entries, std::move(entry));
    if (!page->next) return out;
    from = *page->next;
    if (out.entries.size() < max_entries) continue;
    // The last key may go on in the next page: it is left for the next listing.
    const std::string last = out.entries.back().key;
    if (out.entries.front().key == last) continue;
    out.complete = false;
    std::erase_if(out.entries, [&](const VersionEntry& entry) { return entry.key == last; });
    return out;
  }
}

std::vector<Result<OpenedRecord>> fetch_records(Store& store,
                                                const std::vector<VersionEntry>& entries,
                                                const std::vector<TrustedKey>& keys,
                                                unsigned threads) {
  std::vector<std::optional<Result<OpenedRecord>>> fetched(entries.size());
  for_each_parallel(entries.size(), threads, [&](std::size_t i) {
    fetched[i] = fetch_record(store, entries[i], keys);
    return fetched[i]->has_value();
  });
  // Reading is in ascending order: before the first failure everything was begun and is there.
  std::vector<Result<OpenedRecord>> out;
  out.reserve(entries.size());
  for (std::optional<Result<OpenedRecord>>& one : fetched) {
    if (!one) break;
    out.push_back(std::move(*one));
    if (!out.back()) break;
  }
  return out;
}

bool is_genuine(const LedgerId& id, const Result<OpenedRecord>& opened) {
  if (!opened) return false;
  const Frame& frame = opened->record.frame;
  return frame.cluster == id.cluster && frame.ledger == id.path() &&
         opened->key == id.key(frame.sequence);
}

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

}  // namespace stagekeeper::audit
