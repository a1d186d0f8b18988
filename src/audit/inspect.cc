#include "audit/inspect.h"

#include "audit/ledger.h"

#include <algorithm>
#include <fmt/format.h>

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

Status judge_lock(Store& store, const RecordRef& ref, LedgerReport& report) {
  const Result<ObjectLock> lock = store.lock_of(ref.key, ref.version_id);
  if (!lock) return fail(lock.error(), "read lock of " + ref.key);
  if (Status s = check_lock(*lock, ref.retain_until); !s) {
    report.findings.push_back(
        {.kind = Finding::Kind::kTampered, .sequence = ref.sequence, .what = s.error().message});
  }
  if (lock->mode != LockMode::kNone &&
      (!report.first_unlock || lock->retain_until < *report.first_unlock)) {
    report.first_unlock = lock->retain_until;
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
      sort_in(out, std::move(entry));
    from = page->next;
  }
  if (!ns.empty()) {
    std::erase_if(out.ledgers, [&](const auto& one) { return one.second.id.ns != ns; });
  }
  return out;
}

Result<LedgerReport> inspect_ledger(Store& store, const BucketContents::Ledger& ledger,
                                    const std::vector<VerifyKey>& keys) {
  LedgerReport report{
      .state = {.id = ledger.id}, .records = {}, .findings = {}, .first_unlock = {}};
  Arranged arranged = arrange(ledger.id, 1, ledger.entries);
  report.findings = std::move(arranged.findings);
  for (const VersionEntry& entry : arranged.records) {
    const std::uint64_t sequence = report.state.head_sequence() + 1;
    Result<std::string> bytes = store.get(entry.key, entry.version_id);
    if (!bytes && bytes.error().code != ErrorCode::kNotFound) {
      return fail(std::move(bytes.error()), "read " + entry.key);
    }
    if (!bytes) {
      report.findings.push_back({.kind = Finding::Kind::kIncomplete,
                                 .sequence = sequence,
                                 .what = "listed, and not there"});
      break;
    }
    Result<Record> record = extend(
        report.state,
        {.key = entry.key, .version_id = entry.version_id, .bytes = std::move(*bytes)}, keys);
    if (!record) {
      report.findings.push_back(
          {.kind = Finding::Kind::kTampered, .sequence = sequence, .what = record.error().message});
      break;
    }
    report.records.push_back(std::move(*record));
    if (Status s = judge_lock(store, report.state.records.back().ref, report); !s) {
      return tl::unexpected(s.error());
    }
  }
  const std::size_t unread = arranged.records.size() - report.records.size();
  if (unread > 1) {
    report.findings.push_back(
        {.kind = Finding::Kind::kIncomplete,
         .sequence = report.state.head_sequence() + 1,
         .what = fmt::format("{} record(s) from here on were not judged", unread)});
  }
  return report;
}

}  // namespace stagekeeper::audit
