#include "base/text.h"
#include "model/tables.h"

#include <algorithm>

namespace stagekeeper::detail {
namespace {

void dataset_fields(Fields& v, Dataset& it) {
  v.required("uri", it.uri, uri_rule());
  v.required("version", it.version);
  v.required("digest", it.digest, digest_rule());
}

void binary_fields(Fields& v, BinaryClassification& it) {
  v.required("labelColumn", it.label_column);
  v.required("positiveLabel", it.positive_label);
  v.texts("groupColumns", it.group_columns);
  v.defaulted("scoring", [&](Fields& s) {
    s.number("positiveIndex", it.positive_index);
    s.optional("path", it.scoring_path);
    s.choice("higherMeans", "Positive", it.higher_means_positive ? "Positive" : "Negative",
             [&](const std::string& means) {
               it.higher_means_positive = means == "Positive";
               return it.higher_means_positive || means == "Negative";
             });
  });
}

/// A union: the member that the task names, and no task without one.
void evaluation_fields(Fields& v, Evaluation& it) {
  v.object("dataset", it.dataset, dataset_fields);
  std::string task = it.binary ? "BinaryClassification" : "";
  v.optional("task", task);
  v.object("binaryClassification", it.binary, binary_fields);
  v.optional("servingTargetName", it.serving_target);
  v.refused("referenceData");
  if (!task.empty() && task != "BinaryClassification") {
    v.problem("task", "is not supported by this version");
  } else if (it.binary.has_value() == task.empty()) {
    v.problem("task", "and the member binaryClassification go together");
  }
}

void gate_fields(Fields& v, GateSpec& it) {
  v.required("name", it.name);
  v.required("type", it.kind);
  v.choice("enforcement", "Blocking", it.blocking ? "Blocking" : "Advisory",
           [&](const std::string& enforcement) {
             it.blocking = enforcement == "Blocking";
             return it.blocking || enforcement == "Advisory";
           });
  v.optional("gateClassName", it.gate_class, "stagekeeper-" + lower_ascii(it.kind));
  v.member_of_union(it.kind, it.parameters);
}

void role_fields(Fields& v, ApproverRole& it) {
  v.required("role", it.role);
  v.texts("users", it.users);
  v.texts("groups", it.groups);
  v.number("count", it.count, 1);
}

void review_fields(Fields& v, ReviewSpec& it) {
  v.list("approvers", it.approvers, role_fields);
  v.duration("expiresAfter", it.expires_after, "72h");
  v.refused("questionnaire");
  v.refused("acknowledgements");
  v.refused("flagIfOpenedUnder");
  v.refused("flagIfRequestedUnder");
}

struct TargetName {
  std::string name;
};

void target_fields(Fields& v, std::vector<std::string>& names) {
  std::vector<TargetName> targets;
  targets.reserve(names.size());
  for (const std::string& name : names)
    targets.push_back({.name = name});
  v.list("targets", targets, [](Fields& t, TargetName& it) { t.required("name", it.name); });
  names.clear();
  for (TargetName& target : targets)
    names.push_back(std::move(target.name));
}

/// `earlier`: the stages that stand before this one, whose gates gatesFrom may name.
void stage_fields(Fields& v, StageSpec& it, const PromotionPolicy& earlier) {
  v.required("name", it.name);
  v.texts("from", it.from);
  std::string gates_from;
  v.optional("gatesFrom", gates_from);
  v.list("gates", it.gates, gate_fields);
  if (!gates_from.empty()) {
    const StageSpec* source = earlier.stage(gates_from);
    if (source == nullptr) return v.problem("gatesFrom", "names no earlier stage");
    it.gates = source->gates;
  }
  v.object("review", it.review, review_fields);
  target_fields(v, it.targets);
  v.refused("shadow");
  v.refused("rollout");
}

void spec_fields(Fields& v, PromotionPolicy& it) {
  v.required("model", it.model);
  v.choice("riskTier", "", it.high_risk ? "High" : "Standard", [&](const std::string& tier) {
    it.high_risk = tier == "High";
    return it.high_risk || tier == "Standard";
  });
  v.defaulted("evaluation", [&](Fields& e) { evaluation_fields(e, it.evaluation); });
  v.list("stages", it.stages, [&](Fields& s, StageSpec& stage) { stage_fields(s, stage, it); });
}

}  // namespace

void fields(Fields& v, PromotionPolicy& it) {
  v.object("spec", [&](Fields& s) { spec_fields(s, it); });
  v.defaulted("status", [&](Fields& s) {
    s.defaulted("ledger", [&](Fields& l) { ledger_fields(l, it.ledger_head, it.pending); });
    s.defaulted("admission", [&](Fields& a) {
      a.flag("intact", it.admission.intact, true);
      a.optional("countsFrom", it.admission.counts_from);
    });
  });
}

}  // namespace stagekeeper::detail
