#include "runtime/health.h"

#include <utility>

namespace stagekeeper::runtime {

void Health::add_live(std::string name, Check check) {
  const MutexLock lock(mutex_);
  live_.push_back({std::move(name), std::move(check)});
}

void Health::add_ready(std::string name, Check check) {
  const MutexLock lock(mutex_);
  ready_.push_back({std::move(name), std::move(check)});
}

HealthReport Health::report(const std::vector<Named>& checks) {
  HealthReport out;
  for (const Named& named : checks) {
    const CheckResult result = named.check();
    out.ok = out.ok && result.ok;
    out.text += (result.ok ? "[+] " : "[-] ") + named.name;
    if (!result.detail.empty()) out.text += ": " + result.detail;
    out.text += '\n';
  }
  out.text += out.ok ? "ok\n" : "failed\n";
  return out;
}

HealthReport Health::healthz() const {
  std::vector<Named> checks;
  {
    const MutexLock lock(mutex_);
    checks = live_;  // called outside the lock: a check may take locks of its own
  }
  return report(checks);
}

HealthReport Health::readyz() const {
  std::vector<Named> checks;
  {
    const MutexLock lock(mutex_);
    checks = ready_;
  }
  return report(checks);
}

}  // namespace stagekeeper::runtime
