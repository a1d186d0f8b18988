#pragma once

#include "base/result.h"
#include "gates/gate_input.h"
#include "promotion/action.h"
#include "promotion/evaluation/attempts.h"
#include "promotion/world.h"

#include <string>
#include <string_view>

// What gates are asked, from the facts of a request: the gates of an evaluation by the policy and
// the clones, the smoke test by what was decided and the serving Service.
namespace stagekeeper::promotion {

/// What every gate is told of the model and the data, whatever its kind.
struct MeasuredFacts {
  const PromotionRequest& request;
  VersionRef version;        ///< the one that is measured
  std::string artifact_uri;  ///< of that version; empty where no gate will ask
  std::optional<Dataset> dataset;
  std::optional<BinaryClassification> binary;
  std::vector<SignatureInput> inputs;
  std::string verified_by = {};  ///< the gate that verifies the artifact; empty: none
};

/// The one gate of a stage that reads the artifact and verifies its digest for the evaluation:
/// without its verdict the evaluation has none, so the others need not read the same bytes again. A
/// blocking gate before an advisory one, whose failure would stop nothing; of those one whose kind
/// says so (gates::Needs), else the first. Empty without gates.
std::string verifying_gate(const StageSpec& stage);

/// Of an evaluation: everything from policy and ModelVersion, which must be there.
MeasuredFacts measured_facts(const Subject& subject, const VersionRef& candidate);

/// Why no Job is worth starting, as a judgement; Pending: it is. A score on the data a model was
/// fitted to says nothing about others, and neither does one of a model that is told the answer.
gates::Judgement in_vain(const Subject& subject, const GateSpec& spec);

/// The question that an evaluation asks a gate now. What is missing of policy, version or clones is
/// missing in it: nothing can answer it then.
GateQuestion evaluation_question(const Subject& subject, const GateSpec& spec,
                                 const EvaluationFacts& facts, const std::string& digest);

/// Whether the answers to a smoke test prove their version by themselves. Otherwise the pods behind
/// the Service are attested (ServingPods).
bool proved_by_answers(const TargetState& target, const DecidedFacts& decided);

/// The gate that follows a rollout on that target. Its name holds the target's, since one request
/// may be tested on several at once.
GateSpec smoke_spec(std::string_view target, std::string_view version, bool by_answers = true);

/// The question that the smoke test of an Intent answers: by what was decided, whatever the policy
/// says by now.
GateQuestion smoke_question(const Subject& subject, const DecidedFacts& decided,
                            const RecordFact& intent, const RolloutFacts& on);

/// What the gate's container is given to reach what the target serves.
InferenceAccess access_of(const ServingTarget& target);

/// What the Job of a gate is told, for the clones' pods as they are. Errors: Invalid when it cannot
/// be expressed.
Result<gates::GateInput> evaluation_input(const MeasuredFacts& measured, const GateSpec& spec,
                                          int attempt, const EvaluationFacts& facts,
                                          const VersionRef& champion);

/// What the Job of a smoke test is told: the serving Service of a target, and what was decided.
/// Errors: Invalid.
Result<gates::GateInput> smoke_input(const MeasuredFacts& measured, const GateSpec& spec,
                                     int attempt, const ServingTarget& target,
                                     const DecidedFacts& decided);

/// The Job that asks a gate of an evaluation. Errors: Invalid.
Result<CreateGateJob> evaluation_job(const Subject& subject, const GateSpec& spec, int attempt,
                                     const EvaluationFacts& facts, const std::string& digest);

/// The Job that tests what an Intent has brought about on a target that exists. Errors: Invalid.
Result<CreateGateJob> smoke_job(const Subject& subject, const DecidedFacts& decided,
                                const RecordFact& intent, const RolloutFacts& on, int attempt);

/// "http://<address>:<port>" or with https, with brackets around an IPv6 address.
std::string http_origin(std::string_view address, int port, bool tls = false);

}  // namespace stagekeeper::promotion
