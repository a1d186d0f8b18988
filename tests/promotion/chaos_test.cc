#include "fixtures.h"
#include "promotion/ledger_view.h"
#include "story.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <random>

using namespace stagekeeper;             // NOLINT(google-build-using-namespace)
using namespace stagekeeper::promotion;  // NOLINT(google-build-using-namespace)
using std::chrono::hours;
using std::chrono::minutes;

// Everything at once, in an order that a seed decides: rounds that die in the middle, people who
// change their minds, controllers that fail, objects that vanish. Invariants are checked at every
// step; then the faults cease, and everything must come to rest.
namespace {

class Chaos {
 public:
  /// Versions 1 to 6 are staged; with an even seed version 1 serves.
  explicit Chaos(unsigned seed) : random_(seed) {
    for (const char* version : kVersions) {
      story.versions[version] = fixtures::model_version(version);
      fixtures::append(story.model_ledger, {.kind = "Staged",
                                            .request_uid = "uid-old",
                                            .to = fixtures::version_ref(version, "Staging")});
    }
    if (seed % 2 != 0) return;
    RecordFact record{.kind = "Intent",
                      .request_uid = "uid-old",
                      .action = "Promote",
                      .to = fixtures::version_ref("1")};
    record.of = fixtures::append(story.target_ledger, record).sequence;
    record.kind = "Applied";
    fixtures::append(story.target_ledger, record);
    story.deployment = fixtures::deployment("1", record.of);
  }

  void step() {
    struct Lever {
      int weight;
      void (Chaos::*pull)();
    };

    static constexpr Lever kLevers[] = {{60, &Chaos::operate},
                                        {16, &Chaos::end_jobs},
                                        {16, &Chaos::move_deployment},
                                        {8, &Chaos::answer},
                                        {8, &Chaos::ask},
                                        {4, &Chaos::harm_deployment},
                                        {3, &Chaos::harm_objects},
                                        {3, &Chaos::harm_rights},
                                        {3, &Chaos::harm_store},
                                        {2, &Chaos::pass_time},
                                        {1, &Chaos::delete_request},
                                        {6, &Chaos::calm}};
    int sum = 0;
    for (const Lever& lever : kLevers)
      sum += lever.weight;
    int chosen = pick(sum);
    for (const Lever& lever : kLevers) {
      chosen -= lever.weight;
      if (chosen < 0) return (this->*lever.pull)();
    }
  }

  /// Faults cease: what people and controllers have broken is repaired.
  void heal() {
    story.store_down = false;
    story.store.trusted = true;
    story.policy = fixtures::policy();
    for (const char* version : kVersions) {
      if (!story.versions.contains(version))
        story.versions[version] = fixtures::model_version(version);
    }
    story.gate_classes["class-Smoke"] = fixtures::gate_class(GateType::kSmoke);
    story.requesters_allowed = story.approvers_allowed = true;
    story.pin_owner.clear();
    story.stray_service.clear();
    if (!story.deployment) story.create_deployment();
    story.deployment->paused = false;
    story.deployment->replicas = 1;
  }

  Story story;

 private:
  static constexpr const char* kVersions[] = {"1", "2", "3", "4", "5", "6"};

  int pick(int below) { return static_cast<int>(random_() % static_cast<unsigned>(below)); }

  bool one_in(int n) { return pick(n) == 0; }

  const PromotionRequest* any_request() {
    if (story.requests.empty()) return nullptr;
    return &story.requests[static_cast<std::size_t>(pick(static_cast<int>(story.requests.size())))];
  }

  void operate() {
    const PromotionRequest* request = any_request();
    if (request == nullptr) return;
    const std::string name = request->meta.name;
    story.round(name, one_in(4) ? pick(3) : Story::kAllActions);
  }

  /// A while without faults, in which both reviewers do their work.
  void calm() {
    heal();
    story.settle(8);
    const PromotionRequest* request = any_request();
    if (request == nullptr) return;
    const std::string name = request->meta.name;
    story.answer(name, "mia");
    story.answer(name, "rex");
    story.round(name);
    story.round(name);
  }

  void end_jobs() {
    story.end_jobs([&](const Story::FakeJob& job) {
      if (one_in(3)) return Verdict::kRunning;
      constexpr Verdict kBad[] = {Verdict::kFailed, Verdict::kInconclusive, Verdict::kErrored};
      const bool smoke = job.what.gate.type == GateType::kSmoke;
      return one_in(smoke ? 3 : 12) ? kBad[pick(3)] : Verdict::kPassed;
    });
  }

  void move_deployment() {
    if (one_in(12)) return story.give_up();
    story.roll();
  }

  void answer() {
    const PromotionRequest* request = any_request();
    if (request == nullptr) return;
    const std::string name = request->meta.name;
    constexpr const char* kPeople[] = {"mia", "rex", "bo", "priya", "theo", "eve"};
    const bool rejects = one_in(40);
    story.answer(name, kPeople[one_in(4) ? pick(6) : pick(3)], !rejects,
                 one_in(10) ? fixtures::digest_of('0') : "");
  }

  void ask() {
    const auto open = std::ranges::count_if(
        story.requests, [&](const PromotionRequest& each) { return !story.ended(each); });
    if (open > 3) return;
    const std::string version = kVersions[pick(6)];
    switch (pick(16)) {
      case 0:
        story.ask(version, "Production", RequestAction::kAdopt);
        return;
      case 1:
        story.ask(version, "Archived", RequestAction::kArchive);
        return;
      case 2:
        story.ask(version, "Staging");
        return;
      case 3:
        story.ask(version, "Production", RequestAction::kRollback);
        return;
      case 4:
      case 5:
        story.ask("", "Production", RequestAction::kRollback);
        return;
      default:
        story.ask(version, "Production");
    }
  }

  void harm_deployment() {
    if (!story.deployment) return story.create_deployment(one_in(2) ? "1" : "");
    Deployment& deployment = *story.deployment;
    switch (pick(6)) {
      case 0:
        if (one_in(3)) story.delete_deployment();
        return;
      case 1:
        deployment.paused = !deployment.paused;
        return;
      case 2:
        deployment.replicas = 1 - deployment.replicas;
        return;
      case 3:
        story.template_digest = fixtures::digest_of(one_in(2) ? 'e' : 'f');
        return;
      case 4:  // by hand
        deployment.containers = fixtures::deployment("3", 0).containers;
        ++deployment.meta.generation;
        return;
      default:
        story.pin_owner = story.pin_owner.empty() ? "helm owns MODEL_VERSION" : "";
    }
  }

  void harm_objects() {
    switch (pick(5)) {
      case 0:
        story.policy = story.policy ? std::nullopt : std::optional(fixtures::policy());
        return;
      case 1:
        story.policy_digest = fixtures::digest_of(one_in(2) ? 'c' : '8');
        return;
      case 2: {
        const std::string version = one_in(2) ? "2" : "4";
        if (story.versions.erase(version) > 0 && one_in(2)) {
          story.versions[version] = fixtures::model_version(version);
          story.versions[version].meta.uid += "-again";
        }
        return;
      }
      case 3:
        if (story.gate_classes.erase("class-Smoke") == 0) {
          story.gate_classes["class-Smoke"] = fixtures::gate_class(GateType::kSmoke);
        }
        return;
      default:
        story.stray_service = story.stray_service.empty() ? "debug" : "";
    }
  }

  void harm_rights() {
    constexpr std::optional<bool> kAnswers[] = {true, false, std::nullopt};
    (one_in(2) ? story.requesters_allowed : story.approvers_allowed) = kAnswers[pick(3)];
  }

  void harm_store() {
    if (one_in(2)) {
      story.store_down = !story.store_down;
    } else {
      story.store.trusted = !story.store.trusted;
    }
  }

  void pass_time() { story.now += one_in(15) ? hours(80) : hours(pick(3)) + minutes(pick(60)); }

  void delete_request() {
    const PromotionRequest* request = any_request();
    if (request == nullptr) return;
    const std::string name = request->meta.name;
    std::ranges::find_if(story.requests, [&](const auto& each) {
      return each.meta.name == name;
    })->meta.deleting = true;
  }

  std::mt19937 random_;
};

unsigned seeds() {
  const char* wanted = std::getenv("STORY_SEEDS");
  return wanted == nullptr ? 20 : static_cast<unsigned>(std::strtoul(wanted, nullptr, 10));
}

}  // namespace

TEST_CASE("chaos: invariants hold at every step, and everything comes to rest") {
  std::size_t intents = 0;
  std::size_t applied = 0;
  std::size_t aborted = 0;
  for (unsigned seed = 1; seed <= seeds(); ++seed) {
    CAPTURE(seed);
    Chaos chaos(seed);
    for (int i = 0; i < 120 && chaos.story.violations.empty(); ++i)
      chaos.step();
    chaos.heal();
    const bool rest = chaos.story.settle();
    chaos.story.check_at_rest();
    if (!rest || !chaos.story.violations.empty()) {
      for (const std::string& each : chaos.story.violations)
        MESSAGE(each);
      MESSAGE(chaos.story.trace);
    }
    REQUIRE(rest);
    REQUIRE(chaos.story.violations.empty());
    REQUIRE(chaos.story.target_ledger.open_intent() == nullptr);
    intents += chaos.story.count("Intent");
    applied += chaos.story.count("Applied");
    aborted += chaos.story.count("Aborted");
  }
  // Else the stories would show nothing.
  CHECK(applied > seeds() / 2);
  CHECK(aborted > 0);
  CHECK(intents == applied + aborted);
}
