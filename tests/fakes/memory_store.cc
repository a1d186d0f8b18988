#include "tests/fakes/memory_store.h"

#include <algorithm>
#include <thread>

namespace stagekeeper::fakes {
namespace {

Status run(const Hook& hook, std::string_view call, std::string_view key) {
  if (!hook) return {};
  if (Fault fault = hook(call, key)) return tl::unexpected(std::move(*fault));
  return {};
}

}  // namespace

TimePoint ManualClock::now() const {
  const MutexLock lock(mutex_);
  return now_;
}

void ManualClock::set(TimePoint time) {
  const MutexLock lock(mutex_);
  now_ = time;
}

void ManualClock::advance(std::chrono::seconds by) {
  const MutexLock lock(mutex_);
  now_ += by;
}

Status MemoryStore::enter(std::string_view call, std::string_view key) {
  if (latency.count() > 0) std::this_thread::sleep_for(latency);
  const std::lock_guard lock(hooks_);
  return run(before, call, key);
}

Status MemoryStore::leave(std::string_view call, std::string_view key) {
  const std::lock_guard lock(hooks_);
  return run(after, call, key);
}

Result<audit::Stored> MemoryStore::put_new(std::string_view key, std::string_view bytes,
                                           TimePoint retain_until) {
  if (Status s = enter("put", key); !s) return tl::unexpected(s.error());
  std::string id;
  {
    const MutexLock lock(mutex_);
    std::vector<Version>& versions = objects[std::string(key)];
    // As AWS does: a delete marker on top lets a conditional PUT through again.
    if (!versions.empty() && !versions.back().marker) {
      return fail(ErrorCode::kAlreadyExists, "PUT: 412 PreconditionFailed");
    }
    id = "v" + std::to_string(next_version_++);
    versions.push_back(
        {.id = id,
         .bytes = std::string(bytes),
         .lock = {.mode = audit::LockMode::kCompliance, .retain_until = retain_until}});
  }
  if (Status s = leave("put", key); !s) return tl::unexpected(s.error());
  return audit::Stored{.version_id = id};
}

MemoryStore::Version* MemoryStore::find(std::string_view key, std::string_view version_id) {
  const auto object = objects.find(std::string(key));
  if (object == objects.end()) return nullptr;
  for (Version& version : object->second) {
    if (version.id == version_id && !version.marker) return &version;
  }
  return nullptr;
}

Result<std::string> MemoryStore::get(std::string_view key, std::string_view version_id) {
  if (Status s = enter("get", key); !s) return tl::unexpected(s.error());
  std::string bytes;
  {
    const MutexLock lock(mutex_);
    const Version* version = find(key, version_id);
    if (version == nullptr) return fail(ErrorCode::kNotFound, "GET: 404 NoSuchVersion");
    bytes = version->bytes;
  }
  if (Status s = leave("get", key); !s) return tl::unexpected(s.error());
  return bytes;
}

Result<audit::ObjectLock> MemoryStore::lock_of(std::string_view key, std::string_view version_id) {
  if (Status s = enter("lock", key); !s) return tl::unexpected(s.error());
  audit::ObjectLock found;
  {
    const MutexLock lock(mutex_);
    const Version* version = find(key, version_id);
    if (version == nullptr) return fail(ErrorCode::kNotFound, "GET ?retention: 404 NoSuchVersion");
    found = version->lock;
  }
  if (Status s = leave("lock", key); !s) return tl::unexpected(s.error());
  return found;
}

Result<audit::VersionPage> MemoryStore::list_versions(std::string_view prefix,
                                                      const audit::VersionMarker& page) {
  if (Status s = enter("list", prefix); !s) return tl::unexpected(s.error());
  audit::VersionPage out;
  {
    const MutexLock lock(mutex_);
    bool past_marker = page.version_id_marker.empty();
    const std::string first = std::max(std::string(prefix), page.key_marker);
    for (auto object = objects.lower_bound(first); object != objects.end(); ++object) {
      const auto& [key, versions] = *object;
      if (!key.starts_with(prefix)) break;
      if (key == page.key_marker && page.version_id_marker.empty()) continue;
      for (auto version = versions.rbegin(); version != versions.rend(); ++version) {
        if (key == page.key_marker && !past_marker) {
          past_marker = version->id == page.version_id_marker;
          continue;
        }
        if (out.entries.size() == page_size) {
          out.next = audit::VersionMarker{.key_marker = out.entries.back().key,
                                          .version_id_marker = out.entries.back().version_id};
          return out;
        }
        out.entries.push_back({.key = key,
                               .version_id = version->id,
                               .is_latest = version == versions.rbegin(),
                               .delete_marker = version->marker});
      }
    }
  }
  if (Status s = leave("list", prefix); !s) return tl::unexpected(s.error());
  return out;
}

std::optional<audit::ServerTime> MemoryStore::server_time() const {
  return audit::ServerTime{.server = clock_.now() + clock_ahead, .local = clock_.now()};
}

void MemoryStore::add_version(const std::string& key, std::string bytes, bool marker) {
  const MutexLock lock(mutex_);
  objects[key].push_back(
      {.id = "x" + std::to_string(next_version_++), .marker = marker, .bytes = std::move(bytes)});
}

Result<audit::PendingSnapshot> MemoryPending::read() {
  if (Status s = run(before, "read", {}); !s) return tl::unexpected(s.error());
  audit::PendingSnapshot out;
  {
    const MutexLock lock(status_.mutex);
    out = {.pending = status_.pending, .token = std::to_string(status_.version)};
  }
  if (Status s = run(after, "read", {}); !s) return tl::unexpected(s.error());
  return out;
}

Result<std::string> MemoryPending::write(const audit::Pending& pending, const std::string& token) {
  if (Status s = run(before, "write", pending.key); !s) return tl::unexpected(s.error());
  std::string written;
  {
    const MutexLock lock(status_.mutex);
    if (token != std::to_string(status_.version)) {
      return fail(ErrorCode::kConflict, "PATCH status: 409 Conflict");
    }
    status_.pending = pending;
    written = std::to_string(++status_.version);
  }
  if (Status s = run(after, "write", pending.key); !s) return tl::unexpected(s.error());
  return tells_token ? written : std::string();
}

}  // namespace stagekeeper::fakes
