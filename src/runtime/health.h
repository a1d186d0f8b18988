#pragma once

#include "base/mutex.h"

#include <functional>
#include <string>
#include <vector>

namespace stagekeeper::runtime {

/// The answer of one check, with a detail for people (no secrets: it is served unauthenticated).
struct CheckResult {
  bool ok = false;
  std::string detail;
};

/// The answer of /healthz or /readyz: HTTP 200 or 503 and its text, one line per check:
/// "[+] name: detail" or "[-] name: detail".
struct HealthReport {
  bool ok = true;
  std::string text;

  [[nodiscard]] int http_status() const { return ok ? 200 : 503; }
};

/// Named checks. A check must be quick and must not block on the network; it is called by the
/// listener's thread. Thread-safe.
class Health {
 public:
  using Check = std::function<CheckResult()>;

  /// A failing live check asks the kubelet to restart the process: only for what a restart mends
  /// (a dead thread, a stuck key), never for a dependency that is down.
  void add_live(std::string name, Check check);

  /// A failing ready check says that the process cannot do its work yet, and why.
  void add_ready(std::string name, Check check);

  [[nodiscard]] HealthReport healthz() const;
  [[nodiscard]] HealthReport readyz() const;

 private:
  struct Named {
    std::string name;
    Check check;
  };

  static HealthReport report(const std::vector<Named>& checks);

  mutable Mutex mutex_;
  std::vector<Named> live_ SK_GUARDED_BY(mutex_);
  std::vector<Named> ready_ SK_GUARDED_BY(mutex_);
};

}  // namespace stagekeeper::runtime
