#include "gates/kinds/smoke.h"

#include "gates/score.h"
#include "operator/gate/measurers.h"

#include <fmt/format.h>
#include <optional>
#include <string>
#include <utility>

namespace stagekeeper::gate {
namespace {

using gates::because;
using gates::Reasoned;
using gates::SmokeMetrics;

/// Runs `call` against a server on a connection of its own, so that the Service chooses a pod anew.
template <typename Call>
auto on_new_connection(const gates::GateInput& input, const Surroundings& around, const Call& call)
    -> decltype(call(std::declval<ModelServer&>())) {
  Result<std::unique_ptr<http::Client>> client = around.connect(input.candidate.url);
  if (!client) return because("InvalidInput", client.error().message);
  ModelServer server(*std::move(client), around.timer, input, input.candidate, "candidate",
                     around.token);
  return call(server);
}

/// What one look at the Service found.
struct Look {
  bool right_version = false;
  bool healthy = false;
  std::string version;
  std::string message;
};

Reasoned<Look> look(const gates::GateInput& input, const Surroundings& around) {
  return on_new_connection(input, around, [](ModelServer& server) -> Reasoned<Look> {
    const Reasoned<void> health = server.check_health();
    Look out{.right_version = health.has_value(),
             .healthy = health || health.error().code == "WrongVersion",
             .version = server.seen_version(),
             .message = health ? "" : health.error().message};
    return out;
  });
}

/// Looks until kSmokeCalls looks in a row are good. A pod of the version before may answer for a
/// moment after a rollout, until every node's rules have forgotten it; that is waited for.
/// Returns the last look: a good one, or the one that was not when time was up.
Reasoned<Look> settle(const gates::GateInput& input, const Surroundings& around) {
  const Timer::Duration deadline = around.timer.now() + around.ready.timeout;
  int good = 0;
  while (true) {
    Reasoned<Look> seen = look(input, around);
    if (!seen) return seen;
    good = seen->right_version && seen->healthy ? good + 1 : 0;
    if (good == kSmokeCalls) return seen;
    if (good > 0) continue;
    if (around.timer.now() + around.ready.interval > deadline) return seen;
    around.timer.sleep(around.ready.interval);
  }
}

/// The version that was seen, as the report says it: none where nothing proves one.
std::optional<std::string> told(const gates::GateInput& input, std::string version) {
  if (!version.empty()) return version;
  const auto proof = inference::proof_of(input.inference.proof.type);
  const bool silent =
      proof == inference::Proof::kPods || (proof == inference::Proof::kBody && !input.dataset);
  return silent ? std::nullopt : std::optional<std::string>("none");
}

/// Scores the golden row several times. Given a score to expect, the one that is off counts.
Reasoned<SmokeMetrics> score_golden(const gates::GateInput& input, const std::string& expected_text,
                                    const inference::Batch& batch, const Surroundings& around) {
  SmokeMetrics out{.healthy = true};
  const std::optional<double> expected = gates::parse_score(expected_text);
  for (int i = 0; i < kSmokeCalls; ++i) {
    std::string version;
    const Reasoned<Answer> answer =
        on_new_connection(input, around, [&](ModelServer& server) -> Reasoned<Answer> {
          Reasoned<Answer> scored = server.score(batch);
          version = server.seen_version();
          return scored;
        });
    const bool other = !answer && answer.error().code == "WrongVersion";
    if (!answer && !other) return tl::unexpected(answer.error());
    out.served_version = told(input, version);
    if (other) return out;
    const double score = answer->scores.front();
    const bool off = expected && !gates::same_score(score, *expected);
    if (!out.golden_score || off) out.golden_score = gates::score_text(score);
    if (off) return out;
  }
  return out;
}

/// Whether a row is answered at all, where no score is known to compare with.
Reasoned<SmokeMetrics> try_row(const gates::GateInput& input, const inference::Batch& batch,
                               const Surroundings& around) {
  SmokeMetrics out{.healthy = true};
  const Reasoned<Timer::Duration> answer =
      on_new_connection(input, around, [&](ModelServer& server) -> Reasoned<Timer::Duration> {
        Reasoned<Timer::Duration> called = server.call(batch);
        out.served_version = told(input, server.seen_version());
        return called;
      });
  if (!answer && answer.error().code != "WrongVersion") return tl::unexpected(answer.error());
  return out;
}

}  // namespace

Reasoned<std::string> measure_smoke(const gates::GateInput& input, const gates::EvaluationSet& rows,
                                    const Surroundings& around) {
  SK_TRY(const gates::SmokeJob job, gates::read_smoke_job(input.parameters));
  const gates::Table& table = rows.features;
  if (job.golden_row && *job.golden_row >= table.rows)
    return because("NoSuchRow", fmt::format("the golden row is beyond the {} rows", table.rows));
  SK_TRY(const Look seen, settle(input, around));
  if (!seen.healthy) {
    return because("CandidateNotReady", fmt::format("not ready within {} s; last seen: {}",
                                                    around.ready.timeout.count(), seen.message));
  }
  if (!seen.right_version || table.rows == 0) {
    return gates::metrics_text(
        SmokeMetrics{.served_version = told(input, seen.version), .healthy = true});
  }
  const inference::Protocol& protocol = *inference::find_protocol(input.inference.protocol);
  const std::size_t row = job.golden_row.value_or(0);
  SK_TRY(const inference::Batch batch, protocol.request(table, row, {.rows = 1}, input.inference));
  Reasoned<SmokeMetrics> out = job.golden_row
                                   ? score_golden(input, *job.golden_score, batch, around)
                                   : try_row(input, batch, around);
  if (!out) return tl::unexpected(out.error());
  return gates::metrics_text(*out);
}

}  // namespace stagekeeper::gate
