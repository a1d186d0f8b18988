#include "base/canonical_json.h"
#include "base/crypto.h"
#include "base/enum_names.h"
#include "model/tables.h"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace stagekeeper {
namespace {

constexpr EnumName<RequestAction> kActions[] = {{RequestAction::kPromote, "Promote"},
                                                {RequestAction::kRollback, "Rollback"},
                                                {RequestAction::kArchive, "Archive"},
                                                {RequestAction::kAdopt, "Adopt"},
                                                {RequestAction::kAbort, "Abort"}};
static_assert(names_all(kActions, RequestAction::kAbort));

constexpr EnumName<RequestAction> kVerbs[] = {{RequestAction::kPromote, "promote"},
                                              {RequestAction::kRollback, "rollback"},
                                              {RequestAction::kArchive, "archive"},
                                              {RequestAction::kAdopt, "adopt"},
                                              {RequestAction::kAbort, "abort"}};
static_assert(names_all(kVerbs, RequestAction::kAbort));

}  // namespace

std::string_view name(RequestAction action) {
  return enum_name(kActions, action);
}

std::optional<RequestAction> request_action(std::string_view text) {
  return enum_value(kActions, text);
}

std::string_view verb_of(RequestAction action) {
  return enum_name(kVerbs, action);
}

std::string request_digest(const PromotionRequest& request) {
  std::vector<std::string> targets = request.targets;
  std::sort(targets.begin(), targets.end());
  nlohmann::json asked = {
      {"action", name(request.action)}, {"model", request.model}, {"reason", request.reason},
      {"stage", request.stage},         {"targets", targets},     {"version", request.version}};
  if (request.aborts)
    asked["request"] = {{"name", request.aborts->name}, {"uid", request.aborts->uid}};
  // A request that the API server stored is valid UTF-8, and nothing here is a float.
  return sha256_digest(canonical_json(asked).value_or("")).str();
}

namespace detail {
namespace {

void spec_fields(Fields& v, PromotionRequest& it) {
  v.required("model", it.model);
  v.optional("version", it.version);
  v.required("stage", it.stage);
  v.choice("action", "Promote", std::string(name(it.action)), [&](const std::string& text) {
    const std::optional<RequestAction> action = request_action(text);
    it.action = action.value_or(it.action);
    return action.has_value();
  });
  v.texts("targets", it.targets);
  v.optional("reason", it.reason);
  v.object("request", it.aborts, [](Fields& r, NamedRequest& named) {
    r.required("name", named.name);
    r.optional("uid", named.uid);
  });
  identity_member(v, "requester", it.requester);
  const bool aborts = it.action == RequestAction::kAbort;
  if (aborts != it.aborts.has_value()) v.problem("request", "and action Abort go together");
  const bool previous = it.action == RequestAction::kRollback || aborts;
  if (!(previous && it.version.empty()) && !version_rule().holds(it.version))
    v.problem("version", version_rule().says);
}

}  // namespace

void fields(Fields& v, PromotionRequest& it) {
  v.object("spec", [&](Fields& s) { spec_fields(s, it); });
  v.defaulted("status", [&](Fields& s) { s.optional("phase", it.phase); });
}

}  // namespace detail
}  // namespace stagekeeper
