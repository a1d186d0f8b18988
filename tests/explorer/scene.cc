#include "tests/explorer/scene.h"

#include "operator/views/sweeper.h"
#include "promotion/decide.h"

#include <algorithm>
#include <cstdio>
#include <fmt/format.h>

namespace stagekeeper::explorer {
namespace {

using nlohmann::json;
using operator_test::kGates;
using operator_test::kNs;

constexpr int kMaxRounds = 60;  ///< of one process, until it has nothing to do
constexpr int kMaxTurns = 80;   ///< of everybody, until all is at rest
/// What is due later than that is for people to wait for.
constexpr std::chrono::minutes kPatience{45};

std::uint64_t hash_of(const std::string& text, std::uint64_t hash = 1469598103934665603ULL) {
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1099511628211ULL;
  }
  return hash;
}

/// Without what is drawn at random or counts everything.
json comparable(json object) {
  json& metadata = object["metadata"];
  metadata.erase("resourceVersion");
  metadata.erase("generation");
  if (metadata.contains("annotations")) metadata["annotations"].erase(kNonceAnnotation);
  if (object.contains("status")) {
    object["status"].erase("observedGeneration");
    if (object["status"].contains("ledger")) object["status"]["ledger"].erase("pending");
  }
  if (metadata.value("namespace", "") == kGates) {
    object.erase("spec");
    if (object.contains("/status/containerStatuses"_json_pointer))
      object["status"].erase("containerStatuses");
  }
  return object;
}

runtime::Key key_of(const Move& move) {
  return {.kind = move.target ? kTargetKey : kRequestKey, .ns = kNs, .name = move.key.data()};
}

Move round_move(std::size_t process, const runtime::Key& key) {
  Move out{.process = static_cast<int>(process), .target = key.kind == kTargetKey};
  std::snprintf(out.key.data(), out.key.size(), "%s", key.name.c_str());
  return out;
}

}  // namespace

Scene::Scene(const Scope& scope, const Bug* bug)
    : room_(scope.room), scope_(scope), bug_(bug), checks_(room_, scope) {
  if (scope.begin) scope.begin(room_);
  room_.sick = scope.sick;
  checks_.begin();
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    start(i);
    settle_views(i);
  }
  faults_.after_write = [this](const std::string& what) { checks_.after_write(what); };
}

void Scene::start(std::size_t process) {
  Process& fresh = processes_[process];
  fresh.replica.reset();
  fresh.api = std::make_unique<FaultyApi>(room_.api, faults_);
  fresh.store = std::make_unique<FaultyStore>(room_.store, faults_);
  if (bug_ != nullptr) {
    fresh.api->edit = bug_->request;
    fresh.api->answer = bug_->answer;
    fresh.store->forget_puts = bug_->forget_puts;
  }
  fresh.replica = std::make_unique<Replica>(
      Replica::World{.api = room_.api,
                     .calls = *fresh.api,
                     .store = *fresh.store,
                     .clock = room_.clock,
                     .decide = [this](const promotion::World& world) { return decide(world); }});
  if (!checks_.trusted && !(bug_ != nullptr && bug_->trusts_blindly))
    fresh.replica->trust.set({.trusted = false, .reason = "NotLocked", .message = "no lock"});
}

promotion::Decision Scene::decide(const promotion::World& world) {
  if (bug_ == nullptr) return promotion::decide(world);
  promotion::World told = world;
  if (bug_->world) bug_->world(told);
  promotion::Decision decision = promotion::decide(told);
  if (bug_->decision) bug_->decision(told, decision);
  return decision;
}

/// Rounds of views are none, but that which closes the Intent of a request that is gone.
bool Scene::is_move(const runtime::Key& key) {
  if (key.kind == kRequestKey) return true;
  if (key.kind != kTargetKey) return false;
  const RecordFact* open = room_.target_history(key.name).open_intent();
  if (open == nullptr) return false;
  const auto request = room_.get(kube::type_of<PromotionRequest>(), open->request.name);
  return !request || (*request)["metadata"]["uid"] != open->request.uid;
}

std::vector<Move> Scene::rounds_of(std::size_t process) {
  Replica& replica = *processes_[process].replica;
  replica.sync();
  std::vector<Move> out;
  for (const runtime::Key& key : replica.ready()) {
    if (is_move(key)) out.push_back(round_move(process, key));
  }
  return out;
}

std::vector<int> Scene::possible_deeds() {
  std::vector<int> out;
  for (std::size_t i = 0; i < scope_.deeds.size(); ++i) {
    const int deed = static_cast<int>(i);
    if (!done_.contains(deed) && scope_.deeds[i].possible(room_)) out.push_back(deed);
  }
  return out;
}

bool Scene::time_matters() {
  return std::ranges::any_of(processes_, [&](const Process& process) {
    return !process.replica->failed.empty() ||
           std::ranges::any_of(process.replica->due, [&](const auto& due) {
             return due.second <= room_.clock.now() + kPatience;
           });
  });
}

std::vector<Move> Scene::moves() {
  std::vector<Move> out = rounds_of(0);
  if (!room_.rests()) out.push_back({.kind = Move::Kind::kSettle});
  std::vector<Move> others = rounds_of(1);
  if (out.empty() && others.empty()) {
    settle_views(1);
    settle_views(0);
    out = rounds_of(0);
    others = rounds_of(1);
  }
  out.insert(out.end(), others.begin(), others.end());
  if (time_matters()) out.push_back({.kind = Move::Kind::kTime});
  if (out.empty() && sweep()) out = rounds_of(0);
  if (out.empty()) checks_.at_rest();
  for (const int deed : possible_deeds())
    out.push_back({.kind = Move::Kind::kDeed, .deed = deed});
  return out;
}

std::vector<Move> Scene::with_faults(const Move& move, const std::vector<bool>& writes,
                                     bool every_request) {
  std::vector<Move> out;
  if (move.kind != Move::Kind::kRound) return out;
  const std::vector<int> deeds = possible_deeds();
  const auto last = std::find(writes.rbegin(), writes.rend(), true);
  const auto last_write = static_cast<std::size_t>(writes.rend() - last);  // its place, from 1
  for (std::size_t i = 0; i < writes.size(); ++i) {
    Move faulty = move;
    faulty.at = i;
    const auto add = [&](FaultKind kind) {
      faulty.fault = kind;
      out.push_back(faulty);
    };
    if (!writes[i] && !every_request) continue;
    add(FaultKind::kRefused);
    if (writes[i]) {
      add(FaultKind::kLost);
      add(FaultKind::kDies);
      // Behind any other request it is the same as before the next.
      if (i + 1 == last_write) add(FaultKind::kDiesAfter);
    }
    faulty.meanwhile = Meanwhile::kOther;
    add(FaultKind::kPaused);
    faulty.meanwhile = Meanwhile::kEverybody;
    add(FaultKind::kPaused);
    for (const int deed : deeds) {
      faulty.deed = deed;
      add(FaultKind::kPaused);
    }
  }
  return out;
}

void Scene::settle_views(std::size_t process) {
  Replica& replica = *processes_[process].replica;
  for (int round = 0; round < kMaxRounds; ++round) {
    replica.sync();
    std::set<runtime::Key> keys = replica.ready();
    std::erase_if(keys, [&](const runtime::Key& key) { return is_move(key); });
    if (keys.empty()) return;
    faults_.arm(FaultKind::kNone, 0);
    static_cast<void>(replica.run(*keys.begin()));
  }
}

bool Scene::work(std::size_t process) {
  Replica& replica = *processes_[process].replica;
  bool any = false;
  for (int round = 0; round < kMaxRounds; ++round) {
    replica.sync();
    const std::set<runtime::Key> keys = replica.ready();
    if (keys.empty()) return any;
    any = true;
    static_cast<void>(replica.run(*keys.begin()));
  }
  checks_.violate("an operator never comes to rest");
  return any;
}

void Scene::settle_cluster() {
  for (int turn = 0; turn < kMaxRounds && !room_.rests(); ++turn) {
    room_.settle_workloads();
    room_.finish_jobs(scope_.verdict);
    room_.collect_garbage();
  }
}

void Scene::meanwhile(const Move& move) {
  if (move.deed >= 0) do_deed(move.deed);
  const std::size_t other = 1 - static_cast<std::size_t>(move.process);
  for (int turn = 0; turn < kMaxTurns; ++turn) {
    const bool moved = work(other);
    if (move.meanwhile == Meanwhile::kOther && move.deed < 0) return;
    if (!moved && room_.rests()) return;
    settle_cluster();
  }
}

/// What an operator does once in an hour. Whether there was anything to do.
bool Scene::sweep() {
  faults_.arm(FaultKind::kNone, 0);
  const Sweeper sweeper(processes_[0].replica->environment);
  const int jobs = sweeper.sweep_jobs().value_or(0);
  static_cast<void>(sweeper.sweep_ends());
  return jobs > 0;
}

void Scene::do_deed(int deed) {
  done_.insert(deed);
  const Deed& what = scope_.deeds[static_cast<std::size_t>(deed)];
  if (what.act) what.act(room_);
  if (!what.distrust) return;
  checks_.trusted = false;
  if (bug_ != nullptr && bug_->trusts_blindly) return;
  for (Process& process : processes_)
    process.replica->trust.set({.trusted = false, .reason = "NotLocked", .message = "no lock"});
}

/// To what is due next; rounds that failed are tried again.
void Scene::pass_time() {
  std::optional<TimePoint> next;
  bool failed = false;
  for (Process& process : processes_) {
    for (const auto& [key, why] : process.replica->failed) {
      process.replica->queue.insert(key);
      failed = true;
    }
    process.replica->failed.clear();
    for (const auto& [key, time] : process.replica->due)
      next = next ? std::min(*next, time) : time;
  }
  const TimePoint now = room_.clock.now();
  TimePoint then = failed ? now + std::chrono::seconds(5) : next.value_or(now);
  if (next && *next < then) then = *next;
  if (then > now) room_.clock.advance(std::chrono::duration_cast<std::chrono::seconds>(then - now));
  room_.api.set_time(format_time(room_.clock.now()));
}

void Scene::round(const Move& move) {
  const auto process = static_cast<std::size_t>(move.process);
  faults_.arm(move.fault, move.at, [this, &move] {
    meanwhile(move);
    checks_.late = true;
  });
  try {
    static_cast<void>(processes_[process].replica->run(key_of(move)));
    sent_ = faults_.sent();
  } catch (const Crash&) {
    sent_ = faults_.sent();
    start(process);
  }
  checks_.late = false;
}

std::string Scene::make(const Move& move) {
  sent_.clear();
  switch (move.kind) {
    case Move::Kind::kRound:
      round(move);
      break;
    case Move::Kind::kSettle:
      settle_cluster();
      break;
    case Move::Kind::kTime:
      pass_time();
      break;
    case Move::Kind::kDeed: {
      const std::vector<int> deeds = possible_deeds();
      if (std::ranges::find(deeds, move.deed) != deeds.end()) do_deed(move.deed);
      break;
    }
  }
  settle_views(static_cast<std::size_t>(move.process));
  checks_.after_move();
  return checks_.violation();
}

std::string Scene::describe(const Move& move) const {
  switch (move.kind) {
    case Move::Kind::kSettle:
      return "the cluster settles";
    case Move::Kind::kTime:
      return "time passes";
    case Move::Kind::kDeed:
      return scope_.deeds[static_cast<std::size_t>(move.deed)].name;
    case Move::Kind::kRound:
      break;
  }
  std::string out = fmt::format("{} looks at {}{}", move.process == 0 ? "A" : "B",
                                move.target ? "target " : "", move.key.data());
  if (move.fault == FaultKind::kNone) return out;
  const auto& all = sent_;
  out += fmt::format("; request {}, {}: {}", move.at + 1,
                     move.at < all.size() ? all[move.at].what : "never sent", name(move.fault));
  if (move.fault != FaultKind::kPaused) return out;
  if (move.deed >= 0)
    return out + ", " + scope_.deeds[static_cast<std::size_t>(move.deed)].name +
           ", and all others work";
  return out + (move.meanwhile == Meanwhile::kOther ? ", and the other operator works"
                                                    : ", and all others work");
}

std::uint64_t Scene::fingerprint() {
  std::uint64_t hash = 1469598103934665603ULL;
  const auto mix = [&](std::uint64_t more) { hash = (hash ^ more) * 1099511628211ULL; };
  std::vector<LedgerName> ledgers = {{.kind = LedgerKind::kModel, .name = operator_test::kModel}};
  for (const auto& type :
       {kube::type_of<PromotionRequest>(), kube::type_of<Approval>(), kube::type_of<Job>(),
        kube::type_of<Pod>(), kube::type_of<Deployment>(), kube::type_of<ServingTarget>(),
        kube::type_of<PromotionPolicy>(), kube::type_of<ModelVersion>()}) {
    mix(type.kind.size());
    room_.api.each(type, [&](const json& object) {
      const std::string version = object["metadata"]["resourceVersion"];
      const auto [known, fresh] = hashes_.emplace(version, 0);
      if (fresh) known->second = hash_of(comparable(object).dump());
      mix(known->second);
    });
  }
  room_.api.each(kube::type_of<ServingTarget>(), [&](const json& target) {
    ledgers.push_back({.kind = LedgerKind::kTarget, .name = target["metadata"]["name"]});
  });
  for (const LedgerName& ledger : ledgers) {
    const History history = room_.ledger_of(ledger);
    for (std::uint64_t i = 1; i <= history.head_sequence(); ++i) {
      const RecordFact& record = *history.at(i);
      mix(hash_of(fmt::format("{}|{}|{}|{}|{}|{}", name(record.kind), name(record.code),
                              record.request.uid, record.to.version, record.of,
                              record.pins_changed)));
    }
    mix(history.head_sequence());
  }
  const TimePoint now = room_.clock.now();
  for (const Process& process : processes_) {
    for (const runtime::Key& key : process.replica->queue)
      mix(hash_of(key.str()));
    for (const auto& [key, why] : process.replica->failed)
      mix(hash_of("failed " + key.str()));
    for (const auto& [key, time] : process.replica->due)
      mix(hash_of(key.str()) + static_cast<std::uint64_t>((time - now).count()));
    mix(7);
  }
  for (const int deed : done_)
    mix(static_cast<std::uint64_t>(deed) + 11);
  return hash;
}

std::string Scene::settle_down() {
  for (int turn = 0; turn < kMaxTurns && checks_.violation().empty(); ++turn) {
    bool moved = false;
    for (std::size_t i = 0; i < processes_.size(); ++i) {
      faults_.arm(FaultKind::kNone, 0);
      moved = work(i) || moved;
    }
    if (!room_.rests()) {
      settle_cluster();
      continue;
    }
    if (moved) continue;
    if (time_matters()) {
      pass_time();
    } else if (!sweep()) {
      break;
    }
  }
  for (const Process& process : processes_) {
    for (const auto& [key, why] : process.replica->failed)
      checks_.failing[key.str()] = why;
  }
  checks_.after_move();
  checks_.at_rest();
  return checks_.violation();
}

}  // namespace stagekeeper::explorer
