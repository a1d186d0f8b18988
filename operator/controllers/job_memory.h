#pragma once

#include "base/mutex.h"
#include "base/time.h"
#include "promotion/evaluation/attempts.h"

#include <map>
#include <string>
#include <vector>

namespace stagekeeper {

/// The gate Jobs that this process has made or seen, so that one that somebody else deletes is
/// missed, and one that is made again under its name is known for another. Only memory can say so:
/// whatever lies in the cluster goes or is forged with the Job. A process that has just begun
/// believes what it finds. Thread-safe; never waits.
class JobMemory {
 public:
  /// The operator has made it, so that whatever bore its name before does not matter any more.
  void made(const std::string& request_uid, const promotion::RememberedJob& attempt);

  /// It was seen. `attempt`: what it is, with the verdict as far as it is known. Of a Job that was
  /// not missing before, the first uid stays.
  void seen(const std::string& request_uid, const promotion::RememberedJob& attempt);

  /// The operator deletes it.
  void removed(const std::string& request_uid, const std::string& name, const std::string& uid);

  /// What is remembered of a request and was not removed by the operator.
  [[nodiscard]] std::vector<promotion::RememberedJob> of(const std::string& request_uid) const;

  /// It is missed from now on.
  void missed(const std::string& request_uid, const std::string& name, TimePoint now);

  /// The request has ended.
  void forget(const std::string& request_uid);

 private:
  struct Entry {
    promotion::RememberedJob job;
    bool removed = false;
  };

  mutable Mutex mutex_;
  std::map<std::string, std::map<std::string, Entry>> requests_
      SK_GUARDED_BY(mutex_);  ///< by uid; Jobs by name
};

}  // namespace stagekeeper
