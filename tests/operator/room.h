#pragma once

#include "audit/ledger.h"
#include "kube/objects.h"
#include "model/decode.h"
#include "model/encode.h"
#include "operator/cluster/caches.h"
#include "operator/cluster/environment.h"
#include "operator/wiring/dispatcher.h"
#include "runtime/events.h"
#include "runtime/metrics.h"
#include "tests/audit/fixture.h"
#include "tests/fakes/fake_api.h"
#include "tests/fakes/memory_store.h"

#include <nlohmann/json.hpp>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

// The whole operator over an API server and a bucket in memory, and everybody around it. No thread
// and no clock: a test says who acts next.
namespace stagekeeper::operator_test {

inline constexpr const char* kNs = "credit";
inline constexpr const char* kModel = "credit-risk";
inline constexpr const char* kTarget = "credit-risk-eu";
inline constexpr const char* kOtherTarget = "credit-risk-us";
inline constexpr const char* kGates = "stagekeeper-gates";
inline constexpr const char* kCluster = "c0ffee";

/// One operator process: everything that it would remember. Its caches and queue are driven by
/// hand.
class Replica {
 public:
  /// What to decide by; promotion::decide by default.
  using Decide = PromotionController::Decide;

  struct World {
    fakes::FakeApi& api;  ///< what caches are filled from
    kube::Api& calls;     ///< what calls go to: the same, or something around it
    audit::Store& store;
    const Clock& clock;
    Decide decide = promotion::decide;
  };

  explicit Replica(World world);

  /// Brings the caches up to what the API server holds, as watches would.
  void sync();

  /// One round for a key, and what it asked for after it.
  Result<runtime::Next> run(const runtime::Key& key);

  /// Rounds until no key is left but those that wait for a time or an event. Keys whose rounds fail
  /// are tried again by the next call. Returns how many rounds it took; -1: they never end.
  int work();

  /// Keys to be worked on: woken, failed, or due by the clock.
  [[nodiscard]] std::set<runtime::Key> ready();

  bool leads = true;
  StoreTrust trust;
  Stores stores;
  runtime::Metrics metrics;
  std::map<runtime::Key, TimePoint> due;       ///< rounds that asked to come back
  std::map<runtime::Key, std::string> failed;  ///< rounds that failed, and why
  std::set<runtime::Key> queue;
  std::map<std::string, std::string> refused;  ///< objects that could not be read, and why

  audit::Ledger ledger;
  Ledgers ledgers;
  Waker waker;
  AdmissionProofs admission;
  JobMemory gate_jobs;
  Hooks hooks;
  Environment environment;
  runtime::EventRecorder events;
  PromotionController promotions;
  ApprovalController approvals;
  TargetController targets;
  ModelController models;
  PolicyController policies;
  GateClassController gate_classes;

 private:
  template <typename T>
  void sync_kind(runtime::Store<T>& store, const kube::ResourceType& type, const std::string& ns,
                 const char* label);

  World world_;
};

/// How ledgers are written and read here: without threads.
audit::LedgerOptions ledger_options();

/// Namespace "credit" with model credit-risk, whose policy has a stage Staging and a stage
/// Production with review by group mrm and target credit-risk-eu (and credit-risk-us if asked for),
/// versions 1 to 3, and Deployments without pins.
class Room {
 public:
  struct Options {
    bool two_targets = false;
    bool review_in_staging = false;
    bool endpoints = false;  ///< a Service for each Deployment, and pods behind it
  };

  Room() : Room(Options{}) {}

  explicit Room(Options options);

  // What people do. Names of requests are "<version>-<stage>" in lower case.

  std::string ask(const std::string& version, const std::string& stage,
                  RequestAction action = RequestAction::kPromote, const std::string& name = "");
  /// Approves or rejects what the status of the request shows now. Returns the Approval's name.
  std::string answer(const std::string& request, const std::string& who, bool approve = true);
  /// Asks, lets everything happen, and approves where that is needed. Returns the request's name.
  std::string promote(const std::string& version, const std::string& stage);
  void remove_request(const std::string& request);

  // What the rest of the cluster does.

  /// Deployment controller, scheduler and kubelet: every Deployment gets where it wants to, but
  /// those that serve a version in `sick` never get ready, and those in `slow` get ready and do not
  /// count as available yet (minReadySeconds).
  void settle_workloads();
  /// Ends one gate Job.
  void finish_job(const nlohmann::json& job, gates::Verdict verdict);
  /// Ends every gate Job that runs; `verdict` is what its numbers say.
  void finish_jobs(gates::Verdict verdict = gates::Verdict::kPassed);
  /// Deletes what belongs to objects that are gone.
  void collect_garbage();
  /// Whether all three have nothing to do.
  bool rests();
  /// An EndpointSlice of a Service that leads to one pod.
  void put_slice(const std::string& name, const std::string& service, const std::string& pod,
                 const std::string& ip);
  /// All three, and the operator, until nothing moves any more.
  void settle();

  // What there is.

  nlohmann::json status_of(const std::string& request);
  std::string phase_of(const std::string& request);
  /// Value of the pin of a Deployment; empty: none.
  std::string pin_of(const std::string& deployment);

  std::optional<nlohmann::json> get(const kube::ResourceType& type, const std::string& name,
                                    const std::string& ns = kNs) {
    return api.get(type, {ns, name});
  }

  History ledger_of(const LedgerName& ledger);

  History model_history() { return ledger_of({.kind = LedgerKind::kModel, .name = kModel}); }

  History target_history(const std::string& target = kTarget) {
    return ledger_of({.kind = LedgerKind::kTarget, .name = target});
  }

  template <typename T>
  nlohmann::json put(const T& object) {
    return api.put(kube::type_of<T>(), nlohmann::json::parse(encode(object)));
  }

  /// Changes an object behind the operator's back. The generation rises with a change of the spec.
  template <typename T, typename Change>
  void edit(const std::string& name, const Change& change, const std::string& ns = kNs) {
    const bool namespaced = Resource<T>::namespaced;
    nlohmann::json object = *api.get(kube::type_of<T>(), {namespaced ? ns : "", name});
    const nlohmann::json before = object.value("spec", nlohmann::json());
    change(object);
    if (object.value("spec", nlohmann::json()) != before)
      object["metadata"]["generation"] = object["metadata"].value("generation", 1) + 1;
    api.put(kube::type_of<T>(), object);
  }

  static runtime::Key key_of(const std::string& request) {
    return {.kind = kRequestKey, .ns = kNs, .name = request};
  }

  fakes::ManualClock clock;
  fakes::MemoryStore store{clock};
  fakes::FakeApi api;
  /// Reads what is locked, for tests alone.
  audit::Ledger auditor{store, audit_test::key(), clock, ledger_options()};
  /// Admission policies that are not in force: forgeries that they have to refuse are let through.
  std::set<std::string> open_policies;
  /// The last change of the chart's policies about identities.
  void change_policies(TimePoint when);
  std::set<std::string> sick;
  std::set<std::string> slow;
  std::unique_ptr<Replica> operator_;

  /// A further process, or a fresh one in the place of a dead one.
  std::unique_ptr<Replica> replica();

 private:
  /// What admission says to what is created as a dry run.
  [[nodiscard]] Status admit(const std::string& collection, const nlohmann::json& object) const;
  [[nodiscard]] std::optional<nlohmann::json> progressed(const nlohmann::json& object) const;
  std::string missing_set(const nlohmann::json& object);
  [[nodiscard]] std::vector<std::pair<kube::ResourceType, kube::ObjectKey>> garbage() const;
  void settle_deployment(const nlohmann::json& object);
  void settle_endpoints(const nlohmann::json& object);

  const Options options_;
  int answers_ = 0;
};

}  // namespace stagekeeper::operator_test
