#include "model/job_match.h"

#include "base/canonical_json.h"
#include "base/text.h"
#include "model/decode.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <set>

namespace stagekeeper {
namespace {

using nlohmann::json;

enum class Kind { kJob, kPod };

/// The one that reports first: what it is tells most.
constexpr std::array kContainerLists = {"containers", "initContainers"};
/// What a container may have beside what we write: defaults, how its image is pulled, what it may
/// consume. All of the rest can make it another program.
constexpr std::array<std::string_view, 5> kHarmless = {"imagePullPolicy", "resources",
                                                       "resizePolicy", "terminationMessagePath",
                                                       "terminationMessagePolicy"};
/// Of a pod: it could be observed, or sent elsewhere, from outside its containers.
constexpr std::array kNeverTrue = {"hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace"};
constexpr std::array kNeverThere = {"hostAliases", "dnsConfig", "ephemeralContainers"};
/// Variables that decide how a program is loaded or configured, and through whom it talks. Gates
/// measure the very server, so that a proxy is out of the question.
constexpr std::array<std::string_view, 9> kTelling = {
    "ld_", "glibc_", "python", "node_", "java_", "stagekeeper_", "s3_", "inference_", "openssl_"};
constexpr const char* kTokens = "/var/run/secrets/";
constexpr const char* kReportPath = "/dev/termination-log";

const json& member(const json& object, std::string_view key) {
  static const json nothing;
  if (!object.is_object()) return nothing;
  const auto found = object.find(key);
  return found == object.end() ? nothing : *found;
}

/// The API server leaves such values out.
bool is_nothing(const json& value) {
  if (value.is_null()) return true;
  const auto* words = value.get_ptr<const std::string*>();
  return words != nullptr ? words->empty() : !value.is_primitive() && value.empty();
}

/// Whether `found` says all that `wanted` says; it may say more in objects, not in lists.
bool covers(const json& wanted, const json& found) {
  if (is_nothing(wanted)) return is_nothing(found);
  if (wanted.is_object()) {
    return found.is_object() && std::ranges::all_of(wanted.items(), [&](const auto& each) {
             return is_nothing(each.value()) || covers(each.value(), member(found, each.key()));
           });
  }
  if (!wanted.is_array()) return wanted == found;
  return found.is_array() && wanted.size() == found.size() &&
         std::equal(wanted.begin(), wanted.end(), found.begin(), covers);
}

/// Whether both say the same, but for what is left out.
bool same(const json& wanted, const json& found) {
  return covers(wanted, found) && covers(found, wanted);
}

const json* named(const json& list, const json& name) {
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const json& item) { return member(item, "name") == name; });
  return found == list.end() ? nullptr : &*found;
}

std::string text(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string at(const std::string& path, const json& name) {
  return path + "[" + printable(text(name), 100, CutMark::kEllipsis) + "]";
}

bool privileged(const json& container) {
  const json& context = member(container, "securityContext");
  return member(context, "privileged") == true || !is_nothing(member(context, "procMount")) ||
         !is_nothing(member(member(context, "capabilities"), "add"));
}

bool is_telling(std::string_view name) {
  const std::string lower = lower_ascii(name);
  return lower == "path" || lower.ends_with("_proxy") ||
         std::ranges::any_of(kTelling,
                             [&](std::string_view prefix) { return lower.starts_with(prefix); });
}

/// What of a list was added to ours may stay, by its own rule; ours come in their order, once.
template <typename Allowed>
bool holds(const json& wanted, const json& found, Allowed allowed) {
  if (!found.is_array()) return is_nothing(wanted);
  const json none = json::array();
  const json& ours = wanted.is_array() ? wanted : none;
  std::size_t next = 0;
  for (const json& item : found) {
    if (next < ours.size() && same(ours[next], item)) {
      ++next;
    } else if (named(ours, member(item, "name")) != nullptr || !allowed(item)) {
      return false;
    }
  }
  return next == ours.size();
}

/// The first key that our container does not have and that could make it another program, or
/// nothing.
std::string added_field(const json& wanted, const json& found) {
  for (const auto& [key, value] : found.items()) {
    const bool known = wanted.contains(key) || std::ranges::find(kHarmless, key) != kHarmless.end();
    if (!known && !is_nothing(value)) return key;
  }
  return {};
}

/// The first key of our container that is not as we would make it, or nothing.
std::string container_field(const json& wanted, const json& found, Kind kind) {
  const auto added_env = [&](const json& item) {
    return kind == Kind::kPod && !is_telling(text(member(item, "name")));
  };
  const auto added_mount = [&](const json& item) {
    return kind == Kind::kPod && text(member(item, "mountPath")).starts_with(kTokens);
  };
  for (const auto& [key, value] : wanted.items()) {
    const json& have = member(found, key);
    const bool well = key == "env"            ? holds(value, have, added_env)
                      : key == "volumeMounts" ? holds(value, have, added_mount)
                      : key == "resources"    ? true
                                              : covers(value, have);
    if (!well) return key;
  }
  if (std::string added = added_field(wanted, found); !added.empty()) return added;
  const json& path = member(found, "terminationMessagePath");
  if (!is_nothing(path) && path != kReportPath) return "terminationMessagePath";
  return privileged(found) ? "securityContext" : "";
}

/// The names of our volumes, which nobody else may mount.
std::set<std::string> volume_names(const json& pod_spec) {
  std::set<std::string> out;
  for (const json& volume : member(pod_spec, "volumes"))
    out.insert(text(member(volume, "name")));
  return out;
}

bool may_be_added(const json& container, const std::set<std::string>& ours, Kind kind) {
  if (kind == Kind::kJob || privileged(container)) return false;
  const json& mounts = member(container, "volumeMounts");
  return std::none_of(mounts.begin(), mounts.end(), [&](const json& mount) {
    return ours.contains(text(member(mount, "name")));
  });
}

std::string list_field(const json& wanted, const json& found, const char* list, Kind kind) {
  const json& ours = member(wanted, list);
  const json& have = member(found, list);
  const std::set<std::string> volumes = volume_names(wanted);
  for (const json& container : ours) {
    const json* there = named(have, member(container, "name"));
    std::string where = at(list, member(container, "name"));
    if (there == nullptr) return where;
    const std::string field = container_field(container, *there, kind);
    if (!field.empty()) return fmt::format("{}.{}", where, field);
  }
  for (const json& container : have) {
    const json* known = named(ours, member(container, "name"));
    if (known == nullptr && !may_be_added(container, volumes, kind))
      return at(list, member(container, "name"));
  }
  return {};
}

/// Volumes of ours as we make them; others only in a pod.
std::string volumes_field(const json& wanted, const json& found, Kind kind) {
  for (const json& volume : member(wanted, "volumes")) {
    const json* there = named(member(found, "volumes"), member(volume, "name"));
    const bool well = there != nullptr && volume.size() == there->size() && covers(volume, *there);
    if (!well) return at("volumes", member(volume, "name"));
  }
  if (kind == Kind::kPod) return {};
  return member(found, "volumes").size() == member(wanted, "volumes").size() ? "" : "volumes";
}

std::string pod_field(const json& wanted, const json& found, Kind kind) {
  for (const char* list : kContainerLists) {
    std::string field = list_field(wanted, found, list, kind);
    if (!field.empty()) return field;
  }
  if (std::string field = volumes_field(wanted, found, kind); !field.empty()) return field;
  for (const char* key : kNeverTrue)
    if (member(found, key) == true) return key;
  for (const char* key : kNeverThere)
    if (!is_nothing(member(found, key))) return key;
  if (const json& dns = member(found, "dnsPolicy"); !is_nothing(dns) && dns != "ClusterFirst")
    return "dnsPolicy";
  const json& account = member(wanted, "serviceAccountName");
  const json& runs_as = member(found, "serviceAccountName");
  const bool nobody = is_nothing(account) && runs_as == "default";
  if (!nobody && !covers(account, runs_as)) return "serviceAccountName";
  for (const char* key :
       {"restartPolicy", "automountServiceAccountToken", "enableServiceLinks", "securityContext"}) {
    if (!covers(member(wanted, key), member(found, key))) return key;
  }
  return {};
}

/// How often it runs, and for how long.
std::string job_field(const json& wanted, const json& found) {
  for (const char* key : {"labels", "annotations"}) {
    if (!covers(member(member(wanted, "metadata"), key), member(member(found, "metadata"), key)))
      return std::string("metadata.") + key;
  }
  const json& spec = member(found, "spec");
  const json& wanted_spec = member(wanted, "spec");
  for (const auto& [key, value] : wanted_spec.items()) {
    if (key != "template" && value != member(spec, key)) return "spec." + key;
  }
  const json& by = member(spec, "managedBy");
  return is_nothing(by) || by == "kubernetes.io/job-controller" ? "" : "spec.managedBy";
}

struct Pair {
  json wanted;
  json found;
};

Result<Pair> parsed(std::string_view wanted_json, std::string_view found_json) {
  Result<json> wanted = parse_strict_json(wanted_json, kMaxObjectBytes);
  Result<json> found = parse_strict_json(found_json, kMaxObjectBytes);
  if (!wanted || !found) return fail(ErrorCode::kCorrupt, "compare a gate Job: no JSON");
  return Pair{std::move(*wanted), std::move(*found)};
}

const json& template_spec(const json& job) {
  return member(member(member(job, "spec"), "template"), "spec");
}

}  // namespace

Result<std::string> job_departure(std::string_view wanted_json, std::string_view job_json) {
  SK_TRY(const Pair pair, parsed(wanted_json, job_json));
  const json& wanted = template_spec(pair.wanted);
  const json& found = template_spec(pair.found);
  if (!wanted.is_object() || !found.is_object())
    return fail(ErrorCode::kCorrupt, "compare a gate Job: one has no pod template");
  // Which program runs tells more than what is written about it.
  const std::string field = pod_field(wanted, found, Kind::kJob);
  return field.empty() ? job_field(pair.wanted, pair.found) : "spec.template.spec." + field;
}

Result<std::string> job_pod_departure(std::string_view wanted_json, std::string_view pod_json) {
  SK_TRY(const Pair pair, parsed(wanted_json, pod_json));
  const json& wanted = template_spec(pair.wanted);
  const json& found = member(pair.found, "spec");
  if (!wanted.is_object() || !found.is_object())
    return fail(ErrorCode::kCorrupt, "compare the pod of a gate: one has no spec");
  const std::string field = pod_field(wanted, found, Kind::kPod);
  return field.empty() ? field : "spec." + field;
}

}  // namespace stagekeeper
