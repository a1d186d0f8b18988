#pragma once

#include "base/mutex.h"
#include "kube/api.h"

#include <nlohmann/json.hpp>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace stagekeeper::fakes {

/// An API server in memory: resourceVersion, conflict, status subresource, uid, preconditions,
/// finalizers, pages, watches with bookmarks and history, equality label selectors. Server-side
/// apply is a merge without field owners; access reviews are answered with yes. Nothing else: where
/// it and a real server disagree, the real one is right. Thread-safe.
class FakeApi final : public kube::Api {
 public:
  Result<std::string> call(const kube::Request& request) override;
  Status watch(const kube::Request& request, const kube::LineSink& sink,
               std::stop_token stop) override;

  // The world, changed behind the back of who is tested.

  /// Creates or replaces (status too). Returns the stored object.
  nlohmann::json put(const kube::ResourceType& type, nlohmann::json object);
  std::optional<nlohmann::json> get(const kube::ResourceType& type,
                                    const kube::ObjectKey& key) const;
  void remove(const kube::ResourceType& type, const kube::ObjectKey& key);
  [[nodiscard]] std::size_t count(const kube::ResourceType& type) const;

  // Faults.

  /// The next `times` calls (not watches) whose "METHOD target" contains `pattern` fail. With
  /// `after_commit` the effect happens all the same.
  struct Fault {
    std::string pattern;
    Error error;
    int times = 1;
    bool after_commit = false;
  };

  void inject(Fault fault);

  /// Runs before each call is served, outside the lock, with "METHOD target".
  void on_call(std::function<void(const std::string&)> hook);

  /// Ends all watches that run now; with an error when given.
  void end_watches(std::optional<Error> how = std::nullopt);

  /// Sends a line as it is on all watches that run now.
  void send_line(const std::string& line);

  /// A bookmark with the current resourceVersion on all watches that run now.
  void bookmark(const kube::ResourceType& type);

  /// Forgets the history: a watch from before gets 410 (in-stream, or as status when `as_status`).
  void compact(bool as_status = false);

  /// New watches fail with this; nullopt: they work.
  void refuse_watches(std::optional<Error> how);

  // What happened.

  /// "METHOD target" of every call and "WATCH target" of every watch.
  [[nodiscard]] std::vector<std::string> calls() const;
  [[nodiscard]] std::size_t calls_with(const std::string& pattern) const;
  [[nodiscard]] std::size_t open_watches() const;

  /// Waits for a condition on this fake; false after 5 s.
  bool eventually(const std::function<bool()>& condition) const;

 private:
  using Json = nlohmann::json;

  struct Target {
    std::string collection;  ///< "apis/batch/v1/jobs": without namespace
    std::string ns;
    std::string name;
    std::string subresource;
    std::map<std::string, std::string> query;
  };

  struct HistoryEvent {
    std::int64_t version = 0;
    std::string collection;
    std::string type;
    Json object;
  };

  struct Stream {
    std::deque<std::string> raw;
    bool ended = false;
    std::optional<Error> how;
    std::string collection;
  };

  using Objects = std::map<kube::ObjectKey, Json>;

  static Target parse(const std::string& target);
  static std::string collection_of(const kube::ResourceType& type);
  static bool selected(const Target& target, const Json& object);

  Result<std::string> serve(const kube::Request& request) SK_REQUIRES(mutex_);
  Result<std::string> list(const Target& target) SK_REQUIRES(mutex_);
  Result<std::string> create(const Target& target, const std::string& body) SK_REQUIRES(mutex_);
  Result<std::string> patch(const Target& target, const kube::Request& request) SK_REQUIRES(mutex_);
  Result<std::string> erase(const Target& target, const std::string& body) SK_REQUIRES(mutex_);
  Json store(const std::string& collection, Json object, const std::string& type)
      SK_REQUIRES(mutex_);
  void drop(const std::string& collection, const kube::ObjectKey& key) SK_REQUIRES(mutex_);
  bool next_line(Stream& stream, const Target& target, std::size_t& next, std::string& line)
      SK_REQUIRES(mutex_);

  mutable Mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::map<std::string, Objects> objects_ SK_GUARDED_BY(mutex_);
  std::vector<HistoryEvent> history_ SK_GUARDED_BY(mutex_);
  std::int64_t version_ SK_GUARDED_BY(mutex_) = 100;
  std::int64_t oldest_ SK_GUARDED_BY(mutex_) = 0;
  bool compact_status_ SK_GUARDED_BY(mutex_) = false;
  std::vector<Fault> faults_ SK_GUARDED_BY(mutex_);
  std::function<void(const std::string&)> hook_ SK_GUARDED_BY(mutex_);
  std::optional<Error> refuse_ SK_GUARDED_BY(mutex_);
  std::vector<Stream*> streams_ SK_GUARDED_BY(mutex_);
  std::vector<std::string> calls_ SK_GUARDED_BY(mutex_);
};

}  // namespace stagekeeper::fakes
