#include "runtime/lease.h"

#include "base/canonical_json.h"
#include "base/json_access.h"
#include "base/time.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <utility>

namespace stagekeeper::runtime {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxLeaseBytes = std::size_t{256} * 1024;
/// No lease blocks us for longer, whatever it says.
constexpr std::chrono::seconds kMaxDuration{60};

int number_or_zero(const json& object, const char* name) {
  constexpr std::int64_t kMost = 1'000'000'000;
  return static_cast<int>(
      std::clamp<std::int64_t>(number_at(object, {name}).value_or(0), 0, kMost));
}

}  // namespace

Result<LeaseView> parse_lease(std::string_view body) {
  const auto parsed = parse_strict_json(body, kMaxLeaseBytes);
  if (!parsed) return fail(parsed.error(), "lease");
  if (!parsed->is_object() || !parsed->contains("metadata") || !(*parsed)["metadata"].is_object()) {
    return fail(ErrorCode::kInvalid, "lease: no metadata");
  }
  LeaseView lease;
  lease.resource_version = text_at(*parsed, {"metadata", "resourceVersion"});
  if (lease.resource_version.empty()) {
    return fail(ErrorCode::kInvalid, "lease: no resourceVersion");
  }
  const auto spec = parsed->find("spec");
  if (spec == parsed->end() || !spec->is_object()) return lease;
  lease.holder = text_at(*spec, {"holderIdentity"});
  lease.duration = std::chrono::seconds(number_or_zero(*spec, "leaseDurationSeconds"));
  lease.acquire_time = text_at(*spec, {"acquireTime"});
  lease.renew_time = text_at(*spec, {"renewTime"});
  lease.transitions = number_or_zero(*spec, "leaseTransitions");
  return lease;
}

std::string lease_body(const LeaseOptions& options, const LeaseWrite& write) {
  json body = {{"apiVersion", "coordination.k8s.io/v1"},
               {"kind", "Lease"},
               {"metadata", {{"name", options.name}, {"namespace", options.ns}}},
               {"spec",
                {{"holderIdentity", write.holder},
                 {"leaseDurationSeconds", write.duration.count()},
                 {"acquireTime", write.acquire_time},
                 {"renewTime", write.renew_time},
                 {"leaseTransitions", write.transitions}}}};
  if (!write.resource_version.empty()) {
    body["metadata"]["resourceVersion"] = write.resource_version;
  }
  return body.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::optional<LeaseWrite> LeaseMachine::observe(const std::optional<LeaseView>& lease,
                                                SteadyTime now, TimePoint wall) {
  const std::string time = format_micro_time(wall);
  if (!lease) {
    seen_ = {};
    seen_at_ = now;
    renewed_at_.reset();
    return LeaseWrite{"", options_.identity, options_.duration, time, time, 0};
  }
  LeaseView before = std::exchange(seen_, *lease);
  before.resource_version = lease->resource_version;  // a changed label is no sign of life
  if (before != *lease) seen_at_ = now;

  const bool ours = lease->holder == options_.identity;
  if (!ours) renewed_at_.reset();
  const auto lifetime = std::max(options_.duration, std::min(lease->duration, kMaxDuration));
  const bool expired = lease->holder.empty() || now >= seen_at_ + lifetime;
  if (!ours && !expired) return std::nullopt;
  return LeaseWrite{lease->resource_version,
                    options_.identity,
                    options_.duration,
                    ours && !lease->acquire_time.empty() ? lease->acquire_time : time,
                    time,
                    ours ? lease->transitions : lease->transitions + 1};
}

void LeaseMachine::written(const LeaseView& lease, SteadyTime sent_at) {
  seen_ = lease;
  seen_at_ = sent_at;
  if (lease.holder == options_.identity) {
    renewed_at_ = sent_at;
  } else {
    renewed_at_.reset();
  }
}

bool LeaseMachine::holds(SteadyTime now) const {
  return renewed_at_ && now < *renewed_at_ + options_.renew_deadline;
}

std::optional<SteadyTime> LeaseMachine::deadline() const {
  if (!renewed_at_) return std::nullopt;
  return *renewed_at_ + options_.renew_deadline;
}

std::optional<LeaseWrite> LeaseMachine::release(TimePoint wall) {
  if (!renewed_at_) return std::nullopt;
  renewed_at_.reset();
  const std::string time = format_micro_time(wall);
  return LeaseWrite{seen_.resource_version, "", std::chrono::seconds(1), time, time,
                    seen_.transitions};
}

}  // namespace stagekeeper::runtime
