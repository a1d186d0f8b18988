#include "gates/kinds/smoke.h"

#include "gates/score.h"
#include "operator/gate/measurers.h"
#include "operator/gate/scoring.h"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

gates::Table golden_rows(const gates::Table& table, const std::vector<gates::GoldenRow>& golden) {
  std::vector<std::uint64_t> rows;
  std::ranges::transform(golden, std::back_inserter(rows), &gates::GoldenRow::row);
  return gates::pick_rows(table, rows);
}

/// The golden rows as they were expected, and as one answer scores them.
std::vector<gates::GoldenRow> scored(std::vector<gates::GoldenRow> golden,
                                     const std::vector<double>& scores) {
  for (std::size_t i = 0; i < golden.size(); ++i)
    golden[i].score = gates::score_text(scores[i]);
  return golden;
}

bool any_differs(const std::vector<gates::GoldenRow>& expected, const std::vector<double>& scores) {
  return !std::ranges::equal(expected, scores, [](const gates::GoldenRow& one, double score) {
    const std::optional<double> wanted = gates::parse_score(one.score);
    return wanted && gates::same_score(score, *wanted);
  });
}

/// Scores the golden rows several times. The answer with one that is off counts.
Reasoned<SmokeMetrics> score_golden(const gates::GateInput& input,
                                    const std::vector<gates::GoldenRow>& expected,
                                    const gates::Table& rows, const Surroundings& around) {
  SmokeMetrics out{.healthy = true};
  for (int i = 0; i < kSmokeCalls; ++i) {
    std::string version;
    const Reasoned<BothScores> answer =
        on_new_connection(input, around, [&](ModelServer& server) -> Reasoned<BothScores> {
          Reasoned<BothScores> got = score_all(rows, server, nullptr);
          version = server.seen_version();
          return got;
        });
    const bool other = !answer && answer.error().code == "WrongVersion";
    if (!answer && !other) return tl::unexpected(answer.error());
    out.served_version = told(input, version);
    if (other) return out;
    const bool off = any_differs(expected, answer->candidate);
    if (out.golden.empty() || off) out.golden = scored(expected, answer->candidate);
    if (off) return out;
  }
  return out;
}

/// Whether a row is answered at all, where no score is known to compare with.
Reasoned<SmokeMetrics> try_row(const gates::GateInput& input, const gates::Table& table,
                               const Surroundings& around) {
  const inference::Protocol& protocol = *inference::find_protocol(input.inference.protocol);
  SK_TRY(const inference::Batch batch, protocol.request(table, 0, {.rows = 1}, input.inference));
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
  const bool golden = !job.golden.empty();
  if (golden && job.golden.back().row >= table.rows)
    return because("NoSuchRow", fmt::format("a golden row is beyond the {} rows", table.rows));
  SK_TRY(const Look seen, settle(input, around));
  if (!seen.healthy) {
    return because("CandidateNotReady", fmt::format("not ready within {} s; last seen: {}",
                                                    around.ready.timeout.count(), seen.message));
  }
  if (!seen.right_version || table.rows == 0) {
    return gates::metrics_text(
        SmokeMetrics{.served_version = told(input, seen.version), .healthy = true});
  }
  Reasoned<SmokeMetrics> out =
      golden ? score_golden(input, job.golden, golden_rows(table, job.golden), around)
             : try_row(input, table, around);
  if (!out) return tl::unexpected(out.error());
  return gates::metrics_text(*out);
}

}  // namespace stagekeeper::gate
