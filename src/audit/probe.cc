#include "audit/probe.h"

#include "audit/ledger.h"
#include "base/crypto.h"

#include <algorithm>
#include <array>
#include <fmt/format.h>

namespace stagekeeper::audit {
namespace {

using aws::S3Error;
using aws::S3Refusal;

constexpr std::chrono::minutes kProbeRetention{5};
constexpr std::chrono::minutes kProbeExtension{2};

struct Point {
  std::string_view letter;
  std::string_view title;
  bool may_be_unproven;
};

constexpr std::array<Point, 4> kPoints = {{
    {"b", "a record cannot be overwritten", false},
    {"c", "a record cannot be deleted", true},
    {"f", "a lock cannot be shortened", true},
    {"i", "lock and bytes read back as written", false},
}};

/// Without the server's text, which names the object: it would make every probe a change that all
/// views write down.
std::string in_short(const S3Error& refused) {
  return fmt::format("{} {}", refused.status, refused.code);
}

/// A refusal that is no answer to the question: the store was busy or away, or would not have us.
bool is_no_answer(const S3Error& refused) {
  return refused.refusal == S3Refusal::kThrottled || refused.refusal == S3Refusal::kUnavailable ||
         aws::is_misconfigured(refused.refusal);
}

/// The refusal, or null when what was asked was done.
const S3Error* refusal(const std::optional<S3Error>& answer) {
  return answer ? &*answer : nullptr;
}

tl::unexpected<Error> no_answer(const S3Error& refused, std::string_view what) {
  return fail(
      aws::is_misconfigured(refused.refusal) ? ErrorCode::kMisconfigured : ErrorCode::kUnavailable,
      fmt::format("{}: {}", what, aws::wording(refused)));
}

/// One object under probe.
class Probe {
 public:
  Probe(aws::S3Client& client, const Clock& clock, std::string key)
      : client_(client),
        key_(std::move(key)),
        body_("{\"probe\":\"" + random_hex(8) + "\"}"),
        until_(clock.now() + kProbeRetention) {}

  /// Puts the object. false, with the results telling why, when there is nothing to go on with.
  Result<bool> begin() {
    Result<std::string> version = client_.put_locked(key_, body_, until_);
    if (version && !version->empty()) {
      object_ = {.key = key_, .version_id = std::move(*version)};
      return true;
    }
    if (version) {
      give_up(ProbeOutcome::kFailed, "the store gave no version id");
      return false;
    }
    const Error& error = version.error();
    if (error.code == ErrorCode::kDenied) {
      give_up(ProbeOutcome::kUnproven, "writing a locked object was refused: " + error.message);
      return false;
    }
    if (error.code == ErrorCode::kInvalid) {
      give_up(ProbeOutcome::kFailed, "the store takes no locked object: " + error.message);
      return false;
    }
    return fail(error, "probe: write");
  }

  Status second_put() {
    const Result<std::string> second = client_.put_locked(key_, "{\"probe\":\"second\"}", until_);
    if (second) {
      add("b", ProbeOutcome::kFailed, "a second PUT with If-None-Match was accepted");
    } else if (second.error().code == ErrorCode::kAlreadyExists) {
      add("b", ProbeOutcome::kPassed, "a second PUT was refused");
    } else if (is_transient(second.error()) || second.error().code == ErrorCode::kMisconfigured) {
      return fail(second.error(), "probe: second PUT");
    } else {
      add("b", ProbeOutcome::kUnproven,
          "a second PUT was refused for another reason: " + second.error().message);
    }
    return {};
  }

  Status read_back() {
    const Result<std::string> bytes = client_.get(key_, object_.version_id);
    if (!bytes && bytes.error().code != ErrorCode::kNotFound) {
      return unreadable(bytes.error());
    }
    if (!bytes || *bytes != body_) {
      add("i", ProbeOutcome::kFailed, bytes ? "the bytes differ" : "the object is not there");
      return {};
    }
    const Result<ObjectLock> lock = client_.retention(object_);
    if (!lock) return unreadable(lock.error());
    const Status good = check_lock(*lock, until_);
    add("i", good ? ProbeOutcome::kPassed : ProbeOutcome::kFailed,
        good ? "COMPLIANCE until " + format_time(lock->retain_until) : good.error().message);
    return {};
  }

  Status shorten() {
    const TimePoint longer = until_ + kProbeExtension;
    const Result<std::optional<S3Error>> extended = client_.try_put_retention(object_, longer);
    if (!extended) return fail(extended.error(), "probe: extend lock");
    const S3Error* kept = refusal(*extended);
    if (kept != nullptr && is_no_answer(*kept)) return no_answer(*kept, "probe: extend lock");
    const bool may_extend = kept == nullptr;
    const Result<std::optional<S3Error>> shortened = client_.try_put_retention(object_, until_);
    if (!shortened) return fail(shortened.error(), "probe: shorten lock");
    const S3Error* refused = refusal(*shortened);
    if (refused == nullptr) return judge_accepted_shortening(may_extend ? longer : until_);
    if (is_no_answer(*refused)) return no_answer(*refused, "probe: shorten lock");
    if (refused->refusal == S3Refusal::kObjectLocked) {
      add("f", ProbeOutcome::kPassed, "refused because of the lock");
    } else if (may_extend) {
      add("f", ProbeOutcome::kPassed,
          fmt::format("extending was allowed, shortening refused ({})", in_short(*refused)));
    } else {
      add("f", ProbeOutcome::kUnproven,
          fmt::format("no right to change a lock ({})", in_short(*refused)));
    }
    return {};
  }

  /// Last, since a store that fails here loses the object.
  Status remove() {
    const Result<std::optional<S3Error>> removed = client_.try_delete_version(object_, false);
    if (!removed) return fail(removed.error(), "probe: delete");
    const S3Error* refused = refusal(*removed);
    if (refused != nullptr && is_no_answer(*refused)) return no_answer(*refused, "probe: delete");
    if (refused == nullptr) {
      const Result<std::string> still = client_.get(key_, object_.version_id);
      if (!still && still.error().code != ErrorCode::kNotFound) return unreadable(still.error());
      add("c", ProbeOutcome::kFailed,
          still ? "deleting the version was answered with success, and did nothing"
                : "the version was deleted");
    } else if (refused->refusal == S3Refusal::kObjectLocked) {
      add("c", ProbeOutcome::kPassed, "refused because of the lock");
    } else {
      add("c", ProbeOutcome::kUnproven, fmt::format("no right to delete ({})", in_short(*refused)));
    }
    return {};
  }

  std::vector<ProbeResult> take() {
    std::sort(results_.begin(), results_.end(),
              [](const ProbeResult& a, const ProbeResult& b) { return a.point < b.point; });
    return std::move(results_);
  }

 private:
  void add(std::string point, ProbeOutcome outcome, std::string detail) {
    results_.push_back(
        {.point = std::move(point), .outcome = outcome, .detail = std::move(detail)});
  }

  /// Without the object nothing else can be asked.
  void give_up(ProbeOutcome locked_put, const std::string& why) {
    add("i", locked_put, why);
    for (const char* point : {"b", "c", "f"})
      add(point, ProbeOutcome::kUnproven, "not tried: no locked object");
  }

  /// A right that is missing leaves the point open; anything else is no answer.
  Status unreadable(const Error& error) {
    if (error.code != ErrorCode::kDenied) return fail(error, "probe: read back");
    add("i", ProbeOutcome::kUnproven, "no right to read back: " + error.message);
    return {};
  }

  Status judge_accepted_shortening(TimePoint before) {
    const Result<ObjectLock> lock = client_.retention(object_);
    if (!lock) return fail(lock.error(), "probe: read lock");
    const bool kept = lock->mode == LockMode::kCompliance && lock->retain_until >= before;
    add("f", kept ? ProbeOutcome::kPassed : ProbeOutcome::kFailed,
        kept ? "shortening was answered with success, and did nothing"
             // Without the time, which would make every probe a change that all views write down.
             : std::string("the lock was shortened"));
    return {};
  }

  aws::S3Client& client_;
  std::string key_;
  std::string body_;
  TimePoint until_;
  aws::ObjectVersionId object_;
  std::vector<ProbeResult> results_;
};

std::string phrase(const ProbeResult& result, std::string_view suffix) {
  return fmt::format("({}) {}: {}{}", result.point, probe_point_title(result.point), result.detail,
                     suffix);
}

void join(std::string& into, std::string_view more) {
  if (!into.empty()) into += "; ";
  into += more;
}

}  // namespace

std::string_view name(ProbeOutcome outcome) {
  switch (outcome) {
    case ProbeOutcome::kPassed:
      return "Passed";
    case ProbeOutcome::kFailed:
      return "Failed";
    case ProbeOutcome::kUnproven:
      break;
  }
  return "Unproven";
}

std::string_view probe_point_title(std::string_view point) {
  for (const Point& known : kPoints) {
    if (known.letter == point) return known.title;
  }
  return {};
}

Result<std::vector<ProbeResult>> probe_bucket(aws::S3Client& client, const Clock& clock,
                                              std::string_view cluster) {
  Probe probe(client, clock, fmt::format("v1/{}/probe/{}.json", cluster, random_hex(16)));
  const Result<bool> begun = probe.begin();
  if (!begun) return tl::unexpected(begun.error());
  if (*begun) {
    for (Status (Probe::*step)() :
         {&Probe::second_put, &Probe::read_back, &Probe::shorten, &Probe::remove}) {
      if (Status s = (probe.*step)(); !s) return tl::unexpected(s.error());
    }
  }
  return probe.take();
}

ProbeVerdict judge_probe(const std::vector<ProbeResult>& results,
                         const std::vector<Deviation>& acknowledged) {
  std::string refused;
  std::string open;
  std::string accepted;
  std::string unproven;
  for (const Point& point : kPoints) {
    const auto result = std::find_if(results.begin(), results.end(),
                                     [&](const ProbeResult& r) { return r.point == point.letter; });
    if (result == results.end()) {
      join(open, fmt::format("({}) {}: not tried", point.letter, point.title));
      continue;
    }
    const auto excuse = std::find_if(acknowledged.begin(), acknowledged.end(),
                                     [&](const Deviation& d) { return d.point == point.letter; });
    if (result->outcome == ProbeOutcome::kFailed && excuse == acknowledged.end()) {
      join(refused, phrase(*result, ""));
    } else if (result->outcome == ProbeOutcome::kFailed) {
      join(accepted, phrase(*result, " [acknowledged: " + excuse->reason + "]"));
    } else if (result->outcome == ProbeOutcome::kUnproven) {
      join(point.may_be_unproven ? unproven : open, phrase(*result, " [unproven]"));
    }
  }
  std::string message = refused;
  for (const std::string& part : {open, accepted, unproven})
    if (!part.empty()) join(message, part);
  if (!refused.empty()) return {false, "DeviationNotAcknowledged", std::move(message)};
  if (!open.empty()) return {false, "ProbeIncomplete", std::move(message)};
  if (!accepted.empty()) return {true, "AcknowledgedDeviations", std::move(message)};
  if (message.empty()) message = "all points passed";
  return {true, "Trusted", std::move(message)};
}

}  // namespace stagekeeper::audit
