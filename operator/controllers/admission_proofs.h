#pragma once

#include "base/clock.h"
#include "base/mutex.h"
#include "kube/api.h"
#include "promotion/world.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace stagekeeper {

/// Tries the admission policies of the chart in a namespace, by forgeries that they have to refuse.
/// Nothing is ever stored: every one is a dry run. An answer is remembered for some seconds, and
/// serves whoever had read what it is to prove before it was begun: decisions at the same time cost
/// one try, and no answer is older than an Approval that it lets count. Thread-safe; waits for the
/// API server, one caller per namespace at a time.
class AdmissionProofs {
 public:
  struct Ports {
    kube::Api& api;
    const Clock& clock;
    /// A namespace has changed between in force and not, or was tried for the first time. Called
    /// without a lock, by whoever asked.
    std::function<void(const std::string& ns, const promotion::AdmissionState& now)> on_change;
    /// One forgery was judged.
    std::function<void(std::string_view policy, promotion::AdmissionState::Proof)> on_try = {};
  };

  explicit AdmissionProofs(Ports ports, std::chrono::seconds memory = std::chrono::seconds(2))
      : ports_(std::move(ports)), memory_(memory) {}

  /// A place in the order of reads and tries: later ones are greater. Taken before something is
  /// read whose author is to be believed.
  std::uint64_t ticket() { return ++tickets_; }

  /// Whether the policies are in force, by a try that was begun after that ticket was taken.
  /// `pins`: the guard of pins, too, for which the operator needs its right to make Deployments
  /// there.
  promotion::AdmissionState prove(const std::string& ns, bool pins, std::uint64_t after = 0);

  /// From when on the names in requests and approvals are somebody's own, by the dates of the
  /// policies alone. Errors: those of the API, NotFound while one of them is not there, Corrupt.
  [[nodiscard]] Result<TimePoint> names_count_from() const;

  /// The last answer, however old; tries when there is none.
  promotion::AdmissionState known(const std::string& ns, bool pins);

 private:
  /// What this process knows of one namespace.
  struct Entry {
    Mutex mutex;
    std::uint64_t begun SK_GUARDED_BY(mutex) = 0;  ///< ticket of the last try; 0: none
    promotion::AdmissionState state SK_GUARDED_BY(mutex);
    TimePoint restored SK_GUARDED_BY(mutex){};  ///< what counts begins after this
  };

  std::shared_ptr<Entry> entry_of(const std::string& ns);

  /// Which answers are good enough.
  struct Wanted {
    bool pins = false;
    std::uint64_t after = 0;
    std::chrono::seconds memory{};
  };

  promotion::AdmissionState answer(const std::string& ns, const Wanted& wanted);
  [[nodiscard]] promotion::AdmissionState ask(const std::string& ns, bool pins) const;
  /// Errors: those of the API, Corrupt.
  [[nodiscard]] Result<TimePoint> last_change() const;

  const Ports ports_;
  const std::chrono::seconds memory_;
  std::atomic<std::uint64_t> tickets_ = 0;
  Mutex mutex_;
  std::map<std::string, std::shared_ptr<Entry>> entries_ SK_GUARDED_BY(mutex_);
};

}  // namespace stagekeeper
