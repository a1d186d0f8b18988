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

/// An API server in memory: resourceVersion, generation, conflict, status subresource, uid,
/// preconditions, finalizers, pages, watches with bookmarks and history, equality selectors, dry
/// runs, and server-side apply with field owners (lists of objects with a name merge by it).
/// Nothing else: where it and a real server disagree, the real one is right. Thread-safe.
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

  /// Makes a manager of server-side apply own fields, as if it had applied them.
  void own(const kube::ResourceType& type, const kube::ObjectKey& key, const std::string& manager,
           const nlohmann::json& fields);

  /// Answers access reviews by their spec; without it everybody may everything.
  void answer_reviews(std::function<bool(const nlohmann::json& spec)> answer);

  /// Decides about what is created as a dry run, as admission would; without it everything is let
  /// through.
  void admit(
      std::function<Status(const std::string& collection, const nlohmann::json& object)> how);

  /// What becomes creationTimestamp and deletionTimestamp.
  void set_time(std::string now);

  /// Everything there is, without what a clock or counter decides, for comparing states.
  [[nodiscard]] std::string fingerprint() const;

  /// All objects of a type, ordered by key.
  [[nodiscard]] std::vector<nlohmann::json> all(const kube::ResourceType& type) const;

  /// The same without copies. `see` must not call this API.
  void each(const kube::ResourceType& type,
            const std::function<void(const nlohmann::json&)>& see) const;

  /// The resourceVersion of the latest change.
  [[nodiscard]] std::int64_t version() const;

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

  /// Forgets every fault.
  void heal();

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
  Result<Json> applied(const Target& target, const Json& current, const Json& body)
      SK_REQUIRES(mutex_);
  Result<std::string> erase(const Target& target, const std::string& body) SK_REQUIRES(mutex_);
  Json store(const std::string& collection, Json object, const std::string& type)
      SK_REQUIRES(mutex_);
  void drop(const std::string& collection, const kube::ObjectKey& key) SK_REQUIRES(mutex_);
  bool next_line(Stream& stream, const Target& target, std::size_t& next, std::string& line)
      SK_REQUIRES(mutex_);

  mutable Mutex mutex_;
  mutable std::condition_variable_any changed_;
  std::map<std::string, Objects> objects_ SK_GUARDED_BY(mutex_);
  /// By "collection ns/name", then manager: what it last applied.
  std::map<std::string, std::map<std::string, Json>> managers_ SK_GUARDED_BY(mutex_);
  std::map<std::string, int> created_ SK_GUARDED_BY(mutex_);  ///< by "collection ns/name"
  std::function<bool(const Json&)> reviews_ SK_GUARDED_BY(mutex_);
  std::function<Status(const std::string&, const Json&)> admit_ SK_GUARDED_BY(mutex_);
  std::string now_ SK_GUARDED_BY(mutex_) = "2026-03-03T09:00:00Z";
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
