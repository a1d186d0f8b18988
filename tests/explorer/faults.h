#pragma once

#include "audit/store.h"
#include "kube/api.h"

#include <functional>
#include <string>
#include <vector>

namespace stagekeeper::explorer {

/// Thrown where a process dies. Nothing of it is used any more afterwards.
struct Crash {};

/// What goes wrong at one request.
enum class FaultKind {
  kNone,
  kRefused,    ///< an error, and no effect
  kLost,       ///< the effect, and an error
  kDies,       ///< the process ends before the request
  kDiesAfter,  ///< the process ends before it hears the answer
  kPaused,     ///< before the request others act: it arrives late
};

const char* name(FaultKind kind);

/// One request of a round, to the API server or to the bucket.
struct Sent {
  std::string what;
  bool writes = false;
};

/// Counts the requests of a round and lets one of them go wrong. Not thread-safe.
class Faults {
 public:
  /// Before a round: the fault to come at the `at`th request (from 0).
  void arm(FaultKind kind, std::size_t at, std::function<void()> meanwhile = {});

  /// The requests since arm().
  [[nodiscard]] const std::vector<Sent>& sent() const { return sent_; }

  /// Called after every request that took effect.
  std::function<void(const std::string& what)> after_write;

  /// Sends a request through the fault that is armed, if it is its turn.
  template <typename T>
  Result<T> send(const Sent& request, const std::function<Result<T>()>& effect) {
    const FaultKind fault = sent_.size() == at_ ? kind_ : FaultKind::kNone;
    sent_.push_back(request);
    if (fault == FaultKind::kDies) throw Crash{};
    if (fault == FaultKind::kPaused) pause();
    if (fault == FaultKind::kRefused) return refused();
    Result<T> out = effect();
    if (request.writes && after_write) after_write(request.what);
    if (fault == FaultKind::kDiesAfter) throw Crash{};
    if (fault == FaultKind::kLost) return refused();
    return out;
  }

 private:
  static tl::unexpected<Error> refused() {
    return fail(ErrorCode::kUnavailable, "connection reset by the explorer");
  }

  /// What happens meanwhile is not part of this round.
  void pause();

  FaultKind kind_ = FaultKind::kNone;
  std::size_t at_ = 0;
  std::function<void()> meanwhile_;
  std::vector<Sent> sent_;
};

/// The API server behind faults.
class FaultyApi final : public kube::Api {
 public:
  FaultyApi(kube::Api& api, Faults& faults) : api_(api), faults_(faults) {}

  Result<std::string> call(const kube::Request& request) override {
    const bool review = request.target.find("accessreviews") != std::string::npos;
    const bool dry = request.target.find("dryRun=") != std::string::npos;
    const bool writes = request.method != "GET" && !review && !dry;
    return faults_.send<std::string>({request.method + " " + request.target, writes},
                                     [&]() -> Result<std::string> {
                                       Result<std::string> out = api_.call(edited(request));
                                       if (out && answer) out = answer(std::move(*out));
                                       return out;
                                     });
  }

  Status watch(const kube::Request& /*request*/, const kube::LineSink& /*sink*/,
               std::stop_token /*stop*/) override {
    return fail(ErrorCode::kInvalid, "the explorer fills caches itself");
  }

  /// What a seeded bug does to requests on their way.
  std::function<kube::Request(kube::Request)> edit;
  /// And to answers.
  std::function<std::string(std::string)> answer;

 private:
  [[nodiscard]] kube::Request edited(const kube::Request& request) const {
    return edit ? edit(request) : request;
  }

  kube::Api& api_;
  Faults& faults_;
};

/// The bucket behind faults.
class FaultyStore final : public audit::Store {
 public:
  FaultyStore(audit::Store& store, Faults& faults) : store_(store), faults_(faults) {}

  Result<audit::Stored> put_new(std::string_view key, std::string_view bytes,
                                TimePoint retain_until) override {
    return faults_.send<audit::Stored>({"PUT " + std::string(key), true}, [&] {
      if (forget_puts) return Result<audit::Stored>(audit::Stored{.version_id = "lost"});
      return store_.put_new(key, bytes, retain_until);
    });
  }

  Result<std::string> get(std::string_view key, std::string_view version_id) override {
    return faults_.send<std::string>({"GET " + std::string(key), false},
                                     [&] { return store_.get(key, version_id); });
  }

  Result<audit::ObjectLock> lock_of(std::string_view key, std::string_view version_id) override {
    return faults_.send<audit::ObjectLock>({"LOCK " + std::string(key), false},
                                           [&] { return store_.lock_of(key, version_id); });
  }

  Result<audit::VersionPage> list_versions(std::string_view prefix,
                                           const audit::VersionMarker& page) override {
    return faults_.send<audit::VersionPage>({"LIST " + std::string(prefix), false},
                                            [&] { return store_.list_versions(prefix, page); });
  }

  [[nodiscard]] std::optional<audit::ServerTime> server_time() const override {
    return store_.server_time();
  }

  bool forget_puts = false;  ///< a seeded bug: says that it took a record, and does not

 private:
  audit::Store& store_;
  Faults& faults_;
};

}  // namespace stagekeeper::explorer
