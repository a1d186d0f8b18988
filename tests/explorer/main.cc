// The explorer: everything that can happen in small worlds, on the real shell of the operator.
//
// A deviation is a fault or a move out of turn; in the first table stands up to how many of them in
// one history everything was seen. Steps are the moves of the shortest history that shows a bug,
// without those that all goes on by; 0: it shows whatever happens.
//
//   test-explorer            a bounded slice, and every seeded bug (as ctest runs it)
//   test-explorer all [N]    without a bound, up to N deviations in one history (3)
//   test-explorer scope NAME [N]
//   test-explorer bug NAME
#include "base/log.h"
#include "tests/explorer/board.h"
#include "tests/explorer/scopes.h"
#include "tests/explorer/search.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fmt/format.h>
#include <list>
#include <map>
#include <optional>
#include <string_view>

using namespace stagekeeper::explorer;  // NOLINT(google-build-using-namespace): a main

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// What CI spends. Bounded by moves, so that a busy machine sees the same; the times keep a slow or
/// broken one from taking all day: every history with one deviation is seen in less. Seeded bugs
/// are found with less than a fifth of their moves.
constexpr std::uint64_t kScopeMoves = 1500;
constexpr std::uint64_t kBugMoves = 5000;
constexpr seconds kScopeTime{15};
constexpr seconds kBugTime{30};
/// By when all scopes have to be done; every one gets a second.
constexpr seconds kScopesEnd{55};
constexpr std::size_t kWorkers = 2;

struct Job {
  const Scope* scope = nullptr;
  const Bug* bug = nullptr;
  Bounds bounds;
  std::optional<std::chrono::steady_clock::time_point> end;  ///< of all jobs together
};

/// What a job found, for the process that waits for it.
struct Found {
  std::uint64_t states;
  std::uint64_t transitions;
  std::uint64_t ends;
  int deviations;
  std::size_t steps;
  double seconds;
  SharedText<4096> violation;
  SharedText<65536> trace;
};

void print(const std::string& text) {
  std::fputs((text + "\n").c_str(), stdout);
  std::fflush(stdout);
}

void run(const Job& job, Found& found) {
  const auto begin = std::chrono::steady_clock::now();
  Bounds bounds = job.bounds;
  if (job.end) {
    const auto left = std::chrono::duration_cast<milliseconds>(*job.end - begin);
    bounds.time = std::clamp(left, milliseconds(seconds(1)), bounds.time);
  }
  const Outcome outcome = explore(*job.scope, bounds, job.bug);
  found.states = outcome.states;
  found.transitions = outcome.transitions;
  found.ends = outcome.ends;
  found.deviations = outcome.deviations;
  found.steps = outcome.trace.size();
  found.violation.set(outcome.violation);
  std::string trace;
  for (const std::string& line : outcome.trace)
    trace += "    " + line + "\n";
  found.trace.set(trace);
  found.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Says what came of a job. Whether it is what it should be.
bool tell(const Job& job, const Found& found) {
  const std::string violation = found.violation.get();
  if (job.bug == nullptr) {
    print(fmt::format("{:<26} | {:>7} | {:>7} | {:>6} | {:>10} | {:>5.1f}", job.scope->name,
                      found.states, found.transitions, found.ends, found.deviations,
                      found.seconds));
    if (violation.empty() && found.states > 0) return true;
    print(fmt::format("  VIOLATED: {}\n{}", violation, found.trace.get()));
    return false;
  }
  print(fmt::format("{:<54} | {:<26} | {:>7} | {:>3} | {}", job.bug->name, job.scope->name,
                    found.states, found.steps, violation.empty() ? "NOT NOTICED" : violation));
  return !violation.empty();
}

/// Runs jobs, as many at a time as CI has cores, and tells of them in order.
bool run_all(const std::vector<Job>& jobs) {
  std::list<Shared<Found>> found(jobs.size());
  std::vector<Found*> at;
  for (Shared<Found>& each : found)
    at.push_back(&*each);
  std::map<pid_t, std::size_t> running;
  std::vector<bool> ended(jobs.size());
  std::size_t next = 0;
  std::size_t told = 0;
  bool good = true;
  while (told < jobs.size()) {
    while (next < jobs.size() && running.size() < kWorkers) {
      std::fflush(nullptr);
      const pid_t child = fork();
      if (child == 0) {
        run(jobs[next], *at[next]);
        _exit(0);
      }
      running[child] = next++;
    }
    const pid_t child = waitpid(-1, nullptr, 0);
    ended[running[child]] = true;
    running.erase(child);
    for (; told < jobs.size() && ended[told]; ++told)
      good = tell(jobs[told], *at[told]) && good;
  }
  return good;
}

std::vector<Job> scope_jobs(const Bounds& bounds, std::string_view only = "") {
  std::vector<Job> out;
  for (const Scope& scope : scopes()) {
    if (only.empty() || scope.name == only) out.push_back({.scope = &scope, .bounds = bounds});
  }
  return out;
}

std::vector<Job> bug_jobs(const Bounds& bounds, std::string_view only = "") {
  std::vector<Job> out;
  for (const Bug& bug : bugs()) {
    if (!only.empty() && bug.name != only) continue;
    out.push_back({.scope = &scope_of(bug.scope), .bug = &bug, .bounds = bounds});
  }
  return out;
}

void print_head() {
  print(fmt::format("{:<26} | {:>7} | {:>7} | {:>6} | {:>10} | {:>5}", "scope", "states", "moves",
                    "ends", "deviations", "s"));
}

int slice() {
  const auto begin = std::chrono::steady_clock::now();
  std::vector<Job> jobs =
      scope_jobs({.deviations = 1, .transitions = kScopeMoves, .time = kScopeTime});
  for (Job& job : jobs)
    job.end = begin + kScopesEnd;
  print_head();
  bool good = run_all(jobs);
  print(fmt::format("\n{:<54} | {:<26} | {:>7} | {:>3} |", "bug", "caught in", "states", "steps"));
  good = run_all(bug_jobs({.deviations = 2, .transitions = kBugMoves, .time = kBugTime})) && good;
  print(fmt::format(
      "{:.0f} s", std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count()));
  return good ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  stagekeeper::set_log_level(stagekeeper::LogLevel::kError);
  const std::string_view what = argc > 1 ? argv[1] : "";
  const auto deviations = [&](int at) { return argc > at ? std::atoi(argv[at]) : 3; };
  if (what == "all" || what == "scope") print_head();
  if (what == "all")
    return run_all(scope_jobs({.deviations = deviations(2), .every_request = true})) ? 0 : 1;
  if (what == "scope" && argc > 2)
    return run_all(scope_jobs({.deviations = deviations(3)}, argv[2])) ? 0 : 1;
  if (what == "bug" && argc > 2) {
    const auto jobs = bug_jobs({.deviations = 3, .time = kBugTime}, argv[2]);
    return run_all(jobs) ? 0 : 1;
  }
  return slice();
}
