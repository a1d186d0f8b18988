#include "operator/gate/smoke.h"

#include "gates/score.h"

#include <fmt/format.h>
#include <optional>
#include <string>
#include <utility>

namespace stagekeeper::gate {
namespace {

using gates::because;
using gates::Metrics;
using gates::Reasoned;

/// Runs `call` against a server on a connection of its own, so that the Service chooses a pod anew.
template <typename Call>
auto on_new_connection(const gates::GateInput& input, const Surroundings& around, const Call& call)
    -> decltype(call(std::declval<ModelServer&>())) {
  const Result<std::unique_ptr<http::Client>> client = around.connect(input.candidate.url);
  if (!client) return because("InvalidInput", client.error().message);
  ModelServer server(**client, around.timer, input, input.candidate, "candidate");
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

/// Scores the golden row several times. Given a score to expect, the one that is off counts.
Reasoned<gates::SmokeMetrics> score_golden(const gates::GateInput& input,
                                           const gates::SmokeInput& parameters, const Batch& batch,
                                           const Surroundings& around) {
  gates::SmokeMetrics out{.served_version = input.candidate.version, .healthy = true};
  const std::optional<double> expected =
      parameters.golden_score ? gates::parse_score(*parameters.golden_score) : std::nullopt;
  for (int i = 0; i < kSmokeCalls; ++i) {
    std::string version;
    const Reasoned<Answer> answer =
        on_new_connection(input, around, [&](ModelServer& server) -> Reasoned<Answer> {
          Reasoned<Answer> scored = server.score(batch);
          version = server.seen_version();
          return scored;
        });
    if (!answer && answer.error().code == "WrongVersion") {
      out.served_version = version.empty() ? "none" : version;
      return out;
    }
    if (!answer) return tl::unexpected(answer.error());
    const double score = answer->scores.front();
    const bool off = expected && !gates::same_score(score, *expected);
    if (!out.golden_score || off) out.golden_score = gates::score_text(score);
    if (off) return out;
  }
  return out;
}

}  // namespace

Reasoned<Metrics> measure_smoke(const gates::GateInput& input, const gates::Table& rows,
                                const Surroundings& around) {
  if (!input.smoke) return because("InvalidInput", "a Smoke gate without its parameters");
  const gates::SmokeInput& parameters = *input.smoke;
  if (parameters.golden_row >= rows.rows) {
    return because("NoSuchRow", fmt::format("golden row {} of a table of {} rows",
                                            parameters.golden_row, rows.rows));
  }
  const Reasoned<Look> seen = settle(input, around);
  if (!seen) return tl::unexpected(seen.error());
  if (!seen->healthy) {
    return because("CandidateNotReady", fmt::format("not ready within {} s; last seen: {}",
                                                    around.ready.timeout.count(), seen->message));
  }
  if (!seen->right_version) {
    return gates::SmokeMetrics{.served_version = seen->version.empty() ? "none" : seen->version,
                               .healthy = true};
  }
  const Batch batch = dataframe_split(rows, parameters.golden_row, {.rows = 1});
  SK_TRY(gates::SmokeMetrics out, score_golden(input, parameters, batch, around));
  return out;
}

}  // namespace stagekeeper::gate
