#include "audit/inspect.h"

#include "audit/reading.h"

#include <algorithm>
#include <fmt/format.h>
#include <functional>

namespace stagekeeper::audit {
namespace {

constexpr std::size_t kMaxObjects = 1'000'000;
constexpr std::size_t kMaxStrangers = 1000;

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t slash = path.find('/');
    parts.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    path.remove_prefix(slash + 1);
  }
}

void sort_in(BucketContents& out, VersionEntry entry) {
  const std::optional<LedgerId> id = ledger_of_key(entry.key);
  if (id) {
    BucketContents::Ledger& ledger = out.ledgers[id->prefix()];
    ledger.id = *id;
    ledger.entries.push_back(std::move(entry));
    return;
  }
  const std::vector<std::string_view> parts = split_path(entry.key);
  const bool probe = parts.size() == 4 && parts[2] == "probe";
  if (!probe && out.strangers.size() < kMaxStrangers) out.strangers.push_back(entry.key);
}

void add(LedgerReport& report, Finding::Kind kind, std::uint64_t sequence, std::string what) {
  report.findings.push_back({.kind = kind, .sequence = sequence, .what = std::move(what)});
}

/// Adds records as far as they hold. False: a finding says why it ends here.
Result<bool> read_records(Store& store, Chain& chain, const std::vector<VersionEntry>& entries,
                          const std::vector<TrustedKey>& keys, unsigned threads,
                          LedgerReport& report) {
  for (Result<OpenedRecord>& opened : fetch_records(store, entries, keys, threads)) {
    const std::uint64_t sequence = chain.history().head_sequence() + 1;
    if (!opened && opened.error().code != ErrorCode::kCorrupt)
      return tl::unexpected(std::move(opened.error()));
    const Status added = opened ? chain.extend(*opened) : tl::unexpected(opened.error());
    if (!added) {
      add(report, Finding::Kind::kTampered, sequence, added.error().message);
      return false;
    }
    report.records.push_back(std::move(opened->record));
  }
  return true;
}

Status judge_locks(Store& store, unsigned threads, LedgerReport& report) {
  const std::size_t count = report.records.size();
  std::vector<std::optional<Result<ObjectLock>>> locks(count);
  for_each_parallel(count, threads, [&](std::size_t i) {
    const RecordFact& fact = *report.history.at(i + 1);
    locks[i] = store.lock_of(fact.key, fact.version_id);
    return locks[i]->has_value();
  });
  std::uint64_t sequence = 0;
  for (const std::optional<Result<ObjectLock>>& read : locks) {
    if (!read) break;
    const RecordFact& fact = *report.history.at(++sequence);
    const Result<ObjectLock>& lock = *read;
    if (!lock) return fail(lock.error(), "read lock of " + fact.key);
    if (Status s = check_lock(*lock, fact.retain_until); !s)
      add(report, Finding::Kind::kTampered, fact.sequence, s.error().message);
    if (lock->mode != LockMode::kNone &&
        (!report.first_unlock || lock->retain_until < *report.first_unlock)) {
      report.first_unlock = lock->retain_until;
    }
  }
  return {};
}

/// Behind a gap: genuine records mean that others are missing, anything else is a stray.
Status judge_beyond(Store& store, const Arranged& arranged, const std::vector<TrustedKey>& keys,
                    unsigned threads, LedgerReport& report) {
  const std::size_t count = arranged.beyond.size();
  std::vector<std::optional<Error>> errors(count);
  std::vector<char> genuine(count, 0);
  for_each_parallel(count, threads, [&](std::size_t i) {
    const auto read = fetch_records(store, {arranged.beyond[i]}, keys, 1);
    const Result<OpenedRecord>& opened = read.front();
    if (!opened && opened.error().code != ErrorCode::kCorrupt) errors[i] = opened.error();
    genuine[i] = is_genuine(report.id, opened) ? 1 : 0;
    return !errors[i];
  });
  std::uint64_t expected = arranged.records.size() + 1;
  for (std::size_t i = 0; i < count; ++i) {
    if (const std::optional<Error>& error = errors[i]; error) return tl::unexpected(*error);
    const std::uint64_t sequence = report.id.sequence_of(arranged.beyond[i].key).value_or(0);
    if (genuine[i] == 0) {
      add(report, Finding::Kind::kTampered, sequence, "an object that is no record lies here");
      continue;
    }
    if (sequence > expected) {
      add(report, Finding::Kind::kIncomplete, expected,
          sequence == expected + 1
              ? fmt::format("record {} is missing", expected)
              : fmt::format("records {} to {} are missing", expected, sequence - 1));
    }
    expected = sequence + 1;
  }
  return {};
}

Status list_below(Store& store, const std::string& prefix,
                  const std::function<void(VersionEntry)>& take) {
  std::size_t count = 0;
  std::optional<VersionMarker> from = VersionMarker{};
  while (from) {
    Result<VersionPage> page = store.list_versions(prefix, *from);
    if (!page) return fail(std::move(page.error()), "list bucket");
    count += page->entries.size();
    if (count > kMaxObjects) {
      return fail(ErrorCode::kCorrupt,
                  fmt::format("list bucket: more than {} objects", kMaxObjects));
    }
    for (VersionEntry& entry : page->entries)
      take(std::move(entry));
    from = page->next;
  }
  return {};
}

}  // namespace

std::optional<LedgerId> ledger_of_key(std::string_view key) {
  // v1/<cluster>/<ns>/<kind>/<name>/rec/…
  const std::vector<std::string_view> parts = split_path(key);
  if (parts.size() < 7 || parts[0] != "v1" || parts[5] != "rec") return std::nullopt;
  const std::optional<LedgerKind> kind = ledger_kind(parts[3]);
  if (!kind) return std::nullopt;
  LedgerId id{.cluster = std::string(parts[1]),
              .ns = std::string(parts[2]),
              .kind = *kind,
              .name = std::string(parts[4])};
  if (!check_ledger_id(id)) return std::nullopt;
  return id;
}

Result<BucketContents> list_bucket(Store& store, std::string_view cluster, std::string_view ns) {
  std::string prefix = "v1/";
  if (!cluster.empty()) prefix += std::string(cluster) + "/";
  if (!cluster.empty() && !ns.empty()) prefix += std::string(ns) + "/";
  BucketContents out;
  SK_CHECK_OK(
      list_below(store, prefix, [&](VersionEntry entry) { sort_in(out, std::move(entry)); }));
  if (!ns.empty()) {
    std::erase_if(out.ledgers, [&](const auto& one) { return one.second.id.ns != ns; });
  }
  return out;
}

Result<BucketContents::Ledger> list_one(Store& store, const LedgerId& id) {
  BucketContents::Ledger out{.id = id};
  SK_CHECK_OK(list_below(store, id.prefix(),
                         [&](VersionEntry entry) { out.entries.push_back(std::move(entry)); }));
  return out;
}

Result<std::vector<std::string>> list_parts(Store& store, const std::string& prefix) {
  std::vector<std::string> out;
  VersionMarker from;
  while (true) {
    Result<VersionPage> page = store.list_versions(prefix, from);
    if (!page) return fail(std::move(page.error()), "list bucket");
    if (page->entries.empty()) return out;
    for (const VersionEntry& entry : page->entries) {
      const std::string rest = entry.key.substr(prefix.size());
      const std::size_t slash = rest.find('/');
      const std::string part = rest.substr(0, slash);
      if (slash != std::string::npos && (out.empty() || out.back() != part)) out.push_back(part);
    }
    if (!page->next || out.empty()) return out;
    // On behind everything of the last part: '0' is the character after '/'.
    from = VersionMarker{.key_marker = prefix + out.back() + "0"};
  }
}

Result<LedgerReport> inspect_ledger(Store& store, const BucketContents::Ledger& ledger,
                                    const std::vector<TrustedKey>& keys, unsigned threads) {
  LedgerReport report{.id = ledger.id};
  Chain chain(ledger.id);
  Arranged arranged = arrange(ledger.id, 1, ledger.entries);
  report.findings = std::move(arranged.findings);
  SK_TRY(const bool whole, read_records(store, chain, arranged.records, keys, threads, report));
  report.history = chain.history();
  SK_CHECK_OK(judge_locks(store, threads, report));
  const std::size_t unread = arranged.records.size() - report.records.size();
  if (!whole && unread > 1) {
    add(report, Finding::Kind::kIncomplete, report.history.head_sequence() + 1,
        fmt::format("{} record(s) from here on were not judged", unread));
  }
  SK_CHECK_OK(judge_beyond(store, arranged, keys, threads, report));
  return report;
}

}  // namespace stagekeeper::audit
