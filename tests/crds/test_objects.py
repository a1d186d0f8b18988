"""What a real API server takes and refuses: a valid example of each kind, and one spoiled thing per row with its message."""

import subprocess
import time

import pytest

from cluster import DELETE, PLURALS, spoiled, valid

D = "sha256:" + "a" * 64
SERVES = "a stage that serves users"
UNSUPPORTED = "is not supported by this version of Stagekeeper; remove it"
GATE = "spec.stages.0.gates.0."
BINARY = "spec.evaluation.binaryClassification."

# kind, edit, part of the message
ROWS = [
    ("ModelVersion", {"metadata.name": "credit-risk-48"}, "metadata.name must be credit-risk-47 (<model>-<version>)"),
    ("ModelVersion", {"spec.model": "Credit.Risk"}, "put the registry's own name into source.registeredModel"),
    ("ModelVersion", {"spec.model": "m" * 41}, "Too long"),
    ("ModelVersion", {"spec.version": "latest"}, "aliases like latest or champion are not versions"),
    ("ModelVersion", {"spec.version": "047"}, "without leading zeros"),
    ("ModelVersion", {"spec.version": 47}, "must be of type string"),
    ("ModelVersion", {"spec.artifact.uri": "models:/credit-risk/Production"}, "copy the artifact there"),
    ("ModelVersion", {"spec.artifact.uri": "s3://models/credit-risk/Latest/model.json"}, "names an alias, whose bytes can change"),
    ("ModelVersion", {"spec.artifact.uri": "s3://models/credit-risk/champion"}, "names an alias, whose bytes can change"),
    ("ModelVersion", {"spec.artifact.uri": "s3://models/$(HOME)/model.json"}, "artifact.uri must be s3://bucket/key"),
    ("ModelVersion", {"spec.artifact.uri": "s3://models/a@champion"}, "artifact.uri must be s3://bucket/key"),
    ("ModelVersion", {"spec.artifact.digest": "sha256:abc"}, "spec.artifact.digest"),
    ("ModelVersion", {"spec.artifact.digest": DELETE}, "spec.artifact.digest: Required value"),
    ("ModelVersion", {"spec.artifact.type": "Image"}, "artifact.type Image is not supported by this version"),
    ("ModelVersion", {"spec.artifact.type": "Folder"}, "Unsupported value"),
    ("ModelVersion", {"spec.artifact.type": "Manifest"}, "an artifact of type Manifest is a folder, so its uri must end with /"),
    ("ModelVersion", {"spec.artifact.uri": "s3://models/credit-risk/47/"}, "a uri that ends with / is a folder: write type: Manifest"),
    ("ModelVersion", {"spec.artifact.uri": "s3://models/"}, "artifact.uri must be s3://bucket/key"),
    ("ModelVersion", {"spec.artifact.uri": "http://models.example/47/model.json"}, "artifact.uri must be s3://bucket/key"),
    ("ModelVersion", {"spec.artifact.uri": "https://key@models.example/model.json"}, "artifact.uri must be s3://bucket/key"),
    ("ModelVersion", {"spec.artifact.uri": "https://models.example/model.json?token=x"}, "artifact.uri must be s3://bucket/key"),
    ("ModelVersion", {"spec.artifact.uri": "file:///credit-risk/../../etc/passwd"}, "a part of artifact.uri is empty, . or .."),
    ("ModelVersion", {"spec.artifact.uri": "file:///.."}, "a part of artifact.uri is empty, . or .."),
    ("ModelVersion", {"spec.artifact.uri": "file:////etc/passwd"}, "a part of artifact.uri is empty, . or .."),
    ("ModelVersion", {"spec.artifact.uri": "s3://models/a//b"}, "a part of artifact.uri is empty, . or .."),
    ("ModelVersion", {"spec.artifact.uri": "s3://models/a/./b"}, "a part of artifact.uri is empty, . or .."),
    ("ModelVersion", {"spec.artifact.uri": "s3://models/latest/", "spec.artifact.type": "Manifest"}, "names an alias, whose bytes can change"),
    ("ModelVersion", {"spec.training.featurePipelineVersion": DELETE}, "featurePipelineVersion: Required value"),
    ("ModelVersion", {"spec.source.trainedBy": DELETE}, "trainedBy: Required value"),
    ("ModelVersion", {"spec.signature.inputs": []}, "spec.signature.inputs"),
    ("ModelVersion", {"spec.signature.inputs": [{"name": "a", "type": "double"}] * 2}, "Duplicate value"),
    ("ModelVersion", {"spec.signature.inputs": [{"name": f"c{i}", "type": "double"} for i in range(201)]}, "must have at most 200 items"),
    ("ModelVersion", {"spec.signature.inputs.0.type": "number"}, "Unsupported value"),
    ("ModelVersion", {"spec.metrics.0.value": 0.8731}, "must be of type string"),
    ("ModelVersion", {"spec.metrics.0.value": "8.7e-1"}, 'write the value as a decimal in quotes, such as "0.8731"'),

    ("PromotionPolicy", {"metadata.name": "other"}, "metadata.name must be credit-risk (spec.model)"),
    ("PromotionPolicy", {"spec.model": "Credit_Risk"}, "the spec.model of a ModelVersion, such as credit-risk"),
    ("PromotionPolicy", {"spec.riskTier": DELETE}, "spec.riskTier: Required value"),
    ("PromotionPolicy", {"spec.riskTier": "Low"}, "Unsupported value"),
    ("PromotionPolicy", {"spec.stages.1.review.approvers": [{"role": "a", "groups": ["g"]}]}, "riskTier High needs two approvals"),
    ("PromotionPolicy", {"spec.stages.1.review": DELETE}, SERVES + " needs a human review"),
    ("PromotionPolicy", {"spec.stages.1.review": DELETE, "spec.stages.1.name": "Live"}, SERVES + " needs a human review"),
    ("PromotionPolicy", {"spec.stages.1.from": ["None"]}, SERVES + " cannot be entered from None"),
    ("PromotionPolicy", {"spec.stages.1.gatesFrom": DELETE}, "say either gates: [...] or gatesFrom: <stage>"),
    ("PromotionPolicy", {"spec.stages.1.gates": []}, "say either gates: [...] or gatesFrom: <stage>"),
    ("PromotionPolicy", {"spec.stages.1.gatesFrom": DELETE, "spec.stages.1.gates": []}, "at least one gate with enforcement: Blocking"),
    ("PromotionPolicy", {f"spec.stages.0.gates.{i}.enforcement": "Advisory" for i in range(3)}, "the stage of gatesFrom has none"),
    ("PromotionPolicy", {"spec.stages.1.gatesFrom": "Production"}, "gatesFrom must name a stage that stands earlier"),
    ("PromotionPolicy", {"spec.stages.1.gatesFrom": "QA"}, "gatesFrom must name a stage that stands earlier"),
    ("PromotionPolicy", {"spec.stages.0.gates": []}, "give the stage at least one gate or a review"),
    ("PromotionPolicy", {"spec.stages.1.from": ["QA"]}, "from may name None or a stage that stands earlier"),
    ("PromotionPolicy", {"spec.stages.0.from": ["Production"]}, "from may name None or a stage that stands earlier"),
    ("PromotionPolicy", {"spec.stages.1.from": ["Archived"]}, "from may name None or a stage that stands earlier"),
    ("PromotionPolicy", {"spec.stages.0.name": "PRODUCTION"}, "stage names must differ in more than upper and lower case"),
    ("PromotionPolicy", {"spec.stages.0.name": "None"}, "None and Archived always exist"),
    ("PromotionPolicy", {"spec.stages.0.name": "ARCHIVED"}, "None and Archived always exist"),
    ("PromotionPolicy", {"spec.stages.0.name": "staging"}, "begins with a capital letter"),
    ("PromotionPolicy", {"spec.stages.1.targets": [{"name": f"t{i}"} for i in range(17)]}, "must have at most 16 items"),
    ("PromotionPolicy", {"spec.stages.1.targets": [{"name": "a"}, {"name": "a"}]}, "Duplicate value"),
    ("PromotionPolicy", {"spec.stages.1.targets": ["a"]}, "must be of type object"),
    ("PromotionPolicy", {"spec.stages": []}, "spec.stages"),
    ("PromotionPolicy", {"spec.stages.0.gates.1.name": "accuracy"}, "Duplicate value"),
    ("PromotionPolicy", {GATE + "name": "Accuracy!"}, "a gate's name begins with a letter"),
    ("PromotionPolicy", {GATE + "type": "Drift"}, "gate type Drift is not supported by this version"),
    ("PromotionPolicy", {GATE + "type": "Schema"}, "gate type Schema is not supported by this version"),
    ("PromotionPolicy", {GATE + "type": "Custom"}, "gate type Custom is not supported by this version"),
    ("PromotionPolicy", {GATE + "type": "Latency"}, "a gate of type Latency, and no other, has the member latency"),
    ("PromotionPolicy", {GATE + "accuracy": DELETE}, "a gate of type Accuracy, and no other, has the member accuracy"),
    ("PromotionPolicy", {GATE + "fairness": {"maxDisparity": "1", "minPositivesPerGroup": 1, "minNegativesPerGroup": 1}},
     "a gate of type Fairness, and no other, has the member fairness"),
    ("PromotionPolicy", {GATE + "accuracy.minAbsolute": DELETE}, "accuracy.minAbsolute: Required value"),
    ("PromotionPolicy", {"spec.stages.0.gates.1.latency.p95Budget": DELETE}, "latency.p95Budget: Required value"),
    ("PromotionPolicy", {"spec.stages.0.gates.2.fairness.maxDisparity": DELETE}, "fairness.maxDisparity: Required value"),
    ("PromotionPolicy", {"spec.stages.0.gates.2.fairness.minPositivesPerGroup": DELETE}, "fairness.minPositivesPerGroup: Required value"),
    ("PromotionPolicy", {"spec.stages.0.gates.2.fairness.minNegativesPerGroup": DELETE}, "fairness.minNegativesPerGroup: Required value"),
    ("PromotionPolicy", {GATE + "accuracy.minAbsolute": 0.82}, "must be of type string"),
    ("PromotionPolicy", {GATE + "accuracy.minAbsolute": "82"}, 'write a decimal from 0 to 1 in quotes, such as minAbsolute: "0.82"'),
    ("PromotionPolicy", {GATE + "accuracy.minAbsolute": "-1"}, "write a decimal from 0 to 1 in quotes"),
    ("PromotionPolicy", {GATE + "accuracy.minImprovement": "+0.1"}, 'such as minImprovement: "0.005"'),
    ("PromotionPolicy", {"spec.stages.0.gates.1.latency.p95Budget": "50"}, "such as p95Budget: 50ms"),
    ("PromotionPolicy", {"spec.stages.0.gates.1.latency.p95Budget": "0ms"}, "such as p95Budget: 50ms"),
    ("PromotionPolicy", {"spec.stages.0.gates.1.latency.samples": 99}, "greater than or equal to 100"),
    ("PromotionPolicy", {"spec.stages.0.gates.1.latency.mode": "OpenLoop"}, "Unsupported value"),
    ("PromotionPolicy", {"spec.stages.0.gates.2.fairness.maxDisparity": "5%"}, 'such as maxDisparity: "0.05"'),
    ("PromotionPolicy", {"spec.stages.0.gates.2.fairness.minPositivesPerGroup": 0}, "greater than or equal to 1"),
    ("PromotionPolicy", {"spec.evaluation": DELETE}, "gates measure on rows of a data set"),
    ("PromotionPolicy", {"spec.evaluation.dataset": DELETE}, "a task is measured on a data set"),
    ("PromotionPolicy", {"spec.evaluation.task": DELETE}, "task: BinaryClassification, and no other, has the member binaryClassification"),
    ("PromotionPolicy", {"spec.evaluation.binaryClassification": DELETE}, "task: BinaryClassification, and no other, has the member binaryClassification"),
    ("PromotionPolicy", {"spec.evaluation.binaryClassification": DELETE, "spec.evaluation.task": DELETE},
     "Accuracy and Fairness gates compare predictions with labels"),
    ("PromotionPolicy", {"spec.evaluation.task": "Regression"}, "Unsupported value"),
    ("PromotionPolicy", {BINARY + "labelColumn": DELETE}, "labelColumn: Required value"),
    ("PromotionPolicy", {BINARY + "groupColumns": DELETE}, "a Fairness gate compares groups; name them"),
    ("PromotionPolicy", {BINARY + "groupColumns": ["label"]}, "the label column cannot be a group column"),
    ("PromotionPolicy", {"spec.evaluation.servingTargetName": DELETE, "spec.stages.1.targets": []}, "name its ServingTarget in evaluation.servingTargetName"),
    ("PromotionPolicy", {"spec.evaluation.dataset.uri": "https://example.com/x.csv"}, "dataset.uri must be s3://bucket/key"),
    ("PromotionPolicy", {"spec.evaluation.dataset.digest": "md5:1"}, "spec.evaluation.dataset.digest"),
    ("PromotionPolicy", {BINARY + "scoring.path": "/score"}, "give positiveIndex (for a list of class scores) or path"),
    ("PromotionPolicy", {BINARY + "scoring": {"path": "score"}}, "path is a JSON Pointer"),
    ("PromotionPolicy", {"spec.stages.1.review.expiresAfter": "3d"}, "such as expiresAfter: 72h"),
    ("PromotionPolicy", {"spec.stages.1.review.approvers": []}, "spec.stages[1].review.approvers"),
    ("PromotionPolicy", {"spec.stages.1.review.approvers.0.groups": []}, "say who can fill the role, by users or groups"),
    ("PromotionPolicy", {"spec.stages.1.review.approvers.0.groups": DELETE}, "say who can fill the role, by users or groups"),
    ("PromotionPolicy", {"spec.stages.1.review.approvers.0.groups": DELETE, "spec.stages.1.review.approvers.0.users": []},
     "say who can fill the role, by users or groups"),
    ("PromotionPolicy", {"spec.stages.1.review.approvers.0.users": [f"u{i}" for i in range(33)]}, "must have at most 32 items"),
    ("PromotionPolicy", {"spec.stages.1.review.approvers.0.count": 0}, "greater than or equal to 1"),

    ("ServingTarget", {"spec.model": "Credit_Risk"}, "the spec.model of a ModelVersion, such as credit-risk"),
    ("ServingTarget", {"metadata.name": "a.b"}, "metadata.name becomes a label's value"),
    ("ServingTarget", {"spec.workload.name": "d" * 54}, "Too long"),
    ("ServingTarget", {"spec.workload.name": "Eu"}, "workload.name must be lower-case letters"),
    ("ServingTarget", {"spec.workload.kind": "StatefulSet"}, "Unsupported value"),
    ("ServingTarget", {"spec.workload.kind": DELETE}, "spec.workload.kind: Required value"),
    ("ServingTarget", {"spec.pin.env.0.container": DELETE}, "spec.pin.env[0].container: Required value"),
    ("ServingTarget", {"spec.pin.env.0.value": "47"}, "one value must contain ${version}"),
    ("ServingTarget", {"spec.pin.env.2.value": "x"}, "one value must contain ${digest}"),
    ("ServingTarget", {"spec.pin.env.1.value": "${uri}"}, "only ${model}, ${version}, ${digest} and ${artifactUri} are replaced"),
    ("ServingTarget", {"spec.pin.env.1.value": "$(HOME)/x"}, "the kubelet would expand $(…) itself"),
    ("ServingTarget", {"spec.pin.env.1.value": "$${model}{version}"}, "remove any other $"),
    ("ServingTarget", {"spec.pin.env.1.value": "Champion"}, "a pin is a version number, never an alias"),
    ("ServingTarget", {"spec.pin.env.1.value": "models:/credit-risk/Production"}, "a pin is a version number, never an alias"),
    ("ServingTarget", {"spec.pin.env.1.value": "models:/credit-risk@prod"}, "a pin is a version number, never an alias"),
    ("ServingTarget", {"spec.pin.env": [{"container": "c", "name": f"V{i}", "value": "${version}${digest}"} for i in range(17)]}, "must have at most 16 items"),
    ("ServingTarget", {"spec.pin.env.1.name": "MODEL_VERSION", "spec.pin.env.1.container": "server"}, "Duplicate value"),
    ("ServingTarget", {"spec.template": {"changes": "Guard", "managers": ["nadia"]}}, "with changes Guard nobody changes the pod template"),
    ("ServingTarget", {"spec.template": {"changes": "Allow"}}, "Unsupported value"),
    ("ServingTarget", {"spec.template": {"managers": []}}, "should have at least 1 items"),
    ("ServingTarget", {"spec.template": {"managers": ["a"] * 2}}, "Duplicate value"),
    ("ServingTarget", {"spec.template": {"managers": ["a" * 513]}}, "Too long"),
    ("ServingTarget", {"spec.clone": {"serviceAccountName": "Clone"}}, "serviceAccountName must be lower-case"),
    ("ServingTarget", {"spec.clone": {"labels": {"stagekeeper.dev/clone": "baseline"}}}, "are set by Stagekeeper"),
    ("ServingTarget", {"spec.clone": {"labels": {"a b": "c"}}}, "a key is a name of at most 63"),
    ("ServingTarget", {"spec.clone": {"labels": {"a": "b c"}}}, "should match"),
    ("ServingTarget", {"spec.clone": {"labels": {f"k{n}": "v" for n in range(17)}}}, "Too many"),
    ("ServingTarget", {"spec.clone": {"nodeSelector": {}}}, "should have at least 1 properties"),
    ("ServingTarget", {"spec.clone": {"nodeSelector": {"/": "x"}}}, "a key is a name of at most 63"),
    ("ServingTarget", {"spec.clone": {"resources": [{"container": "server"}] * 2}}, "Duplicate value"),
    ("ServingTarget", {"spec.clone": {"resources": [{"container": "server", "limits": {"memory": "lots"}}]}}, "should match"),
    ("ServingTarget", {"spec.inference.service.port": 0}, "greater than or equal to 1"),
    ("ServingTarget", {"spec.inference.containerPort": 65536}, "less than or equal to 65535"),
    ("ServingTarget", {"spec.inference.scheme": "SPDY"}, "Unsupported value"),
    ("ServingTarget", {"spec.inference.versionProof": {"type": "Header"}}, "versionProof of type Header, and no other, has the member header"),
    ("ServingTarget", {"spec.inference.versionProof.type": "Body"}, "versionProof of type Body, and no other, has the member body"),
    ("ServingTarget", {"spec.inference.versionProof": {"type": "Pods", "body": {"pointer": "/v"}}}, "versionProof of type Body, and no other, has the member body"),
    ("ServingTarget", {"spec.inference.versionProof": {"type": "Body", "body": {"pointer": "v"}}}, "should match"),
    ("ServingTarget", {"spec.inference.versionProof": {"type": "Metadata"}}, "Unsupported value"),
    ("ServingTarget", {"spec.inference.versionProof": {"type": "Path"}}, "versionProof of type Path needs ${version} in scoringPath"),
    ("ServingTarget", {"spec.inference.versionProof": {"type": "Path"}, "spec.inference.scoringPath": "/${version}"}, "versionProof of type Path needs ${version} in healthPath"),
    ("ServingTarget", {"spec.inference.scoringPath": "/${digest}"}, "should match"),
    ("ServingTarget", {"spec.inference.openInference": {"output": "p"}}, "belongs to protocol OpenInference"),
    ("ServingTarget", {"spec.inference.protocol": "Json"}, "protocol Json, and no other, has the member json"),
    ("ServingTarget", {"spec.inference.protocol": "Json", "spec.inference.json": {"template": '"${rows}"'}}, "protocol Json has no paths of its own"),
    ("ServingTarget", {"spec.inference.protocol": "Json", "spec.inference.json": {"template": "{}"}, "spec.inference.scoringPath": "/s", "spec.inference.healthPath": "/h"}, "the template needs one string"),
    ("ServingTarget", {"spec.inference.tls": {"serverName": "m"}}, "tls is for scheme HTTPS"),
    ("ServingTarget", {"spec.inference.bearerTokenSecretRef": {"name": "credit.t"}}, "a token is sent over HTTPS only"),
    ("ServingTarget", {"spec.inference.scheme": "HTTPS", "spec.inference.bearerTokenSecretRef": {"name": "t"}}, "should match"),
    ("ServingTarget", {"spec.inference.scoringPath": "invocations"}, "scoringPath"),
    ("ServingTarget", {"spec.inference.protocol": "gRPC"}, "Unsupported value"),
    ("ServingTarget", {"spec.traffic": {"provider": "GatewayAPI"}}, "traffic provider GatewayAPI is not supported by this version"),

    ("PromotionRequest", {"spec.model": "Credit_Risk"}, "the spec.model of a ModelVersion, such as credit-risk"),
    ("PromotionRequest", {"spec.version": DELETE}, "say which version is to move"),
    ("PromotionRequest", {"spec.version": DELETE, "spec.action": "Adopt"}, "say which version is to move"),
    ("PromotionRequest", {"spec.version": "champion"}, "aliases like latest or champion are not versions"),
    ("PromotionRequest", {"spec.stage": "None"}, "nothing is promoted to None"),
    ("PromotionRequest", {"spec.stage": "production"}, "such as Production"),
    ("PromotionRequest", {"spec.stage": "Archived"}, "write both action: Archive and stage: Archived"),
    ("PromotionRequest", {"spec.action": "Archive"}, "write both action: Archive and stage: Archived"),
    ("PromotionRequest", {"spec.action": "Archive", "spec.stage": "Archived", "spec.targets": ["x"]}, "remove targets"),
    ("PromotionRequest", {"spec.action": "Abort", "spec.version": DELETE}, "names the request that is to end"),
    ("PromotionRequest", {"spec.request": {"name": "r"}}, "names the request that is to end"),
    ("PromotionRequest", {"spec.action": "Abort", "spec.request": {"name": "r"}}, "remove version and targets"),
    ("PromotionRequest", {"spec.action": "Abort", "spec.request": {"uid": "u"}, "spec.version": DELETE}, "name"),
    ("PromotionRequest", {"spec.action": "Force"}, "Unsupported value"),
    ("PromotionRequest", {"spec.targets": [f"t{i}" for i in range(17)]}, "must have at most 16 items"),
    ("PromotionRequest", {"spec.targets": ["a", "a"]}, "Duplicate value"),
    ("PromotionRequest", {"spec.reason": DELETE}, "spec.reason: Required value"),
    ("PromotionRequest", {"spec.reason": "    "}, "say why in words"),
    ("PromotionRequest", {"spec.reason": "x" * 501}, "Too long"),

    ("Approval", {"spec.model": "Credit_Risk"}, "model must be spec.model of the PromotionRequest"),
    ("Approval", {"spec.stage": "production"}, "stage must be spec.stage of the PromotionRequest"),
    ("Approval", {"spec.request.uid": "47"}, "request.uid must be metadata.uid of the PromotionRequest"),
    ("Approval", {"spec.request.uid": DELETE}, "spec.request.uid: Required value"),
    ("Approval", {"spec.decision": "Maybe"}, "Unsupported value"),
    ("Approval", {"spec.decisionDigest": "yes"}, "decisionDigest must be status.review.decisionDigest"),
    ("Approval", {"spec.decisionDigest": DELETE}, "an Approve names the decision that was seen"),
    ("Approval", {"spec.decision": "Reject", "spec.comment": DELETE}, "a Reject needs a comment"),
    ("Approval", {"spec.decision": "Reject", "spec.comment": "  "}, "a Reject needs a comment"),
    ("Approval", {"spec.comment": "x" * 1001}, "Too long"),

    ("GateClass", {"spec.type": "Custom"}, "Unsupported value"),
    ("GateClass", {"spec.image": "example.com/gate:v1"}, "a tag can be moved"),
    ("GateClass", {"spec.fetch.image": "example.com/gate:v1"}, "a tag can be moved"),
    ("GateClass", {"spec.fetch.endpoint": "http://s3.example.com"}, "fetch.endpoint must be an https address"),
    ("GateClass", {"spec.fetch.credentialsSecretRef": {}}, "credentialsSecretRef.name: Required value"),
    ("GateClass", {"spec.fetch.credentialsSecretRef.secretKeyKey": "a/b"}, "secretKeyKey"),
    ("GateClass", {"spec.fetch.caConfigMapRef": {"key": "ca.crt"}}, "caConfigMapRef.name: Required value"),
    ("GateClass", {"spec.fetch": DELETE}, "spec.fetch: Required value"),
    ("GateClass", {"spec.activeDeadline": "600"}, "such as 10m"),
    ("GateClass", {"spec.maxAttempts": 6}, "less than or equal to 5"),
    ("GateClass", {"spec.resources.limits.memory": "lots"}, "spec.resources.limits.memory"),

    ("ModelStage", {"metadata.name": "production"}, "a ModelStage is named <model>.<stage in lower case>"),
]

# Safety fields of later versions: kind, path, value, name in the message.
LATER = [
    ("PromotionPolicy", "spec.stages.1.shadow", {"percent": "1"}, "shadow"),
    ("PromotionPolicy", "spec.stages.1.shadow", {}, "shadow"),
    ("PromotionPolicy", "spec.stages.1.rollout", {"steps": [{"percent": 5}]}, "rollout"),
    ("PromotionPolicy", "spec.stages.1.review.questionnaire", [{"id": "a"}], "questionnaire"),
    ("PromotionPolicy", "spec.stages.1.review.acknowledgements", ["model-card"], "acknowledgements"),
    ("PromotionPolicy", "spec.stages.1.review.flagIfOpenedUnder", "30s", "flagIfOpenedUnder"),
    ("PromotionPolicy", "spec.stages.1.review.flagIfRequestedUnder", "60s", "flagIfRequestedUnder"),
    ("PromotionPolicy", "spec.evaluation.referenceData", {"configMap": "x"}, "referenceData"),
    ("ServingTarget", "spec.pin.image", {"server": "x"}, "image"),
    ("ServingTarget", "spec.pin.args", [{"container": "server"}], "args"),
    ("ServingTarget", "spec.pin.volumes", [{"name": "model"}], "volumes"),
    ("PromotionPolicy", GATE + "drift", {"maxPsi": "0.2"}, "drift"),
    ("PromotionPolicy", GATE + "schema", {"pipelineSchema": {}}, "schema"),
    ("PromotionPolicy", GATE + "parameters", {"a": "b"}, "parameters"),
    ("Approval", "spec.answers", [{"question": "a", "answer": "b"}], "answers"),
    ("Approval", "spec.acknowledgements", ["model-card"], "acknowledgements"),
]


def who(kind, admin, users):
    """Whoever may create a kind: identities are checked too."""
    return {"PromotionRequest": users["priya"], "Approval": users["alice"]}.get(kind, admin)


def where(kind, ns):
    return None if kind == "GateClass" else ns


@pytest.mark.parametrize("kind", PLURALS)
def test_the_valid_example_is_taken(kind, admin, users, ns):
    reply = who(kind, admin, users).create(valid(kind), where(kind, ns), dry_run=True)
    assert reply.status == 201, reply


@pytest.mark.parametrize("kind,edit,message", ROWS, ids=[f"{k}-{i}-{next(iter(e))}" for i, (k, e, _) in enumerate(ROWS)])
def test_refused_with_its_message(kind, edit, message, admin, users, ns):
    reply = who(kind, admin, users).create(spoiled(kind, edit), where(kind, ns), dry_run=True)
    assert reply.status == 422, reply
    assert message in reply.message


@pytest.mark.parametrize("validation", ["Strict", "Warn", "Ignore"])
@pytest.mark.parametrize("kind,path,value,name", LATER, ids=[f"{r[1]}-{i}" for i, r in enumerate(LATER)])
def test_later_fields_are_refused_for_any_client(kind, path, value, name, validation, admin, users, ns):
    reply = who(kind, admin, users).create(spoiled(kind, {path: value}), ns, dry_run=True, validation=validation)
    assert reply.status == 422, reply
    assert f"{name} {UNSUPPORTED}" in reply.message


def test_later_fields_are_refused_on_update_too(admin, ns):
    assert admin.create(valid("PromotionPolicy"), ns).status == 201
    reply = admin.json_patch("PromotionPolicy", ns, "credit-risk",
                             [{"op": "add", "path": "/spec/stages/1/shadow", "value": {"percent": "1"}}], fieldValidation="Ignore")
    assert reply.status == 422 and "shadow " + UNSUPPORTED in reply.message, reply
    assert admin.delete("PromotionPolicy", ns, "credit-risk").status == 200


@pytest.mark.parametrize("edit", [
    {"spec.stages.0.gates.0.accuracy.minImprovement": DELETE},
    {"spec.evaluation.servingTargetName": DELETE},
    {BINARY + "scoring": DELETE},
    {"spec.stages.1.name": "Live"},
    {"spec.stages.1.targets": [{"name": f"t{i}"} for i in range(16)]},
    {"spec.stages.1.review.approvers.0": {"role": "a", "users": ["alice"]}},
    {"spec.stages.1.review.approvers.0": {"role": "a", "users": ["alice"], "groups": ["mrm"]}},
    # No name is magic: a stage without targets serves nobody, whatever it is called.
    {"spec.stages.1.review": DELETE, "spec.stages.1.targets": []},
    # A gate that needs no labels asks for none.
    {"spec.stages.0.gates": [{"name": "latency", "type": "Latency", "latency": {"p95Budget": "50ms"}}],
     "spec.evaluation.task": DELETE, "spec.evaluation.binaryClassification": DELETE},
    {"spec.stages": [{"name": "Staging", "from": ["None"], "gates": [], "review": {"approvers": [{"role": "a", "groups": ["g"]}]}}],
     "spec.evaluation": DELETE},
    {"spec.riskTier": "Standard", "spec.stages.1.review.approvers": [{"role": "a", "groups": ["g"]}]},
    {"spec.stages.1.review.approvers": [{"role": "a", "groups": ["g"], "count": 2}]},
    {"spec.stages.0.gates.0.accuracy.minAbsolute": "1.000"},
    {"spec.stages.0.gates.0.accuracy.minImprovement": "-0.005"},
])
def test_other_valid_policies(edit, admin, ns):
    reply = admin.create(spoiled("PromotionPolicy", edit), ns, dry_run=True)
    assert reply.status == 201, reply


def test_three_stages_in_order(admin, ns):
    policy = valid("PromotionPolicy")
    policy["spec"]["stages"].insert(1, {"name": "QA", "from": ["Staging", "None"], "gates": [],
                                        "review": {"approvers": [{"role": "qa", "groups": ["qa"]}]}})
    policy["spec"]["stages"][2]["from"] = ["Staging", "QA"]
    reply = admin.create(policy, ns, dry_run=True)
    assert reply.status == 201, reply


def test_other_answers_and_classes(admin, users, ns):
    """A Reject before any decision was published, ambient credentials, and keys of another name."""
    reply = users["alice"].create(spoiled("Approval", {"spec.decision": "Reject", "spec.decisionDigest": DELETE, "spec.comment": "no"}), ns, dry_run=True)
    assert reply.status == 201, reply
    for ref in (DELETE, {"name": "s", "accessKeyKey": "AWS_ACCESS_KEY_ID", "secretKeyKey": "AWS_SECRET_ACCESS_KEY", "sessionTokenKey": "AWS_SESSION_TOKEN"}):
        reply = admin.create(spoiled("GateClass", {"spec.fetch.credentialsSecretRef": ref}), None, dry_run=True)
        assert reply.status == 201, reply


def test_defaults(admin, users, ns):
    policy = admin.create(spoiled("PromotionPolicy", {"spec.stages.0.gates.0.accuracy": {"minAbsolute": "0.9"},
                                                      "spec.stages.0.gates.1.latency": {"p95Budget": "9ms"}}), ns, dry_run=True).body
    gates = policy["spec"]["stages"][0]["gates"]
    assert gates[0]["accuracy"] == {"metric": "auc_roc", "minAbsolute": "0.9"}
    assert gates[1]["latency"] == {"mode": "Sequential", "p95Budget": "9ms", "samples": 500, "warmup": 10}
    assert gates[2]["fairness"] == {"metric": "auc_roc", "maxDisparity": "0.05", "minPositivesPerGroup": 30, "minNegativesPerGroup": 30}
    assert {g["enforcement"] for g in gates} == {"Blocking"}
    assert policy["spec"]["stages"][1]["review"]["expiresAfter"] == "72h"
    assert policy["spec"]["stages"][1]["review"]["approvers"][1]["count"] == 1
    target = admin.create(valid("ServingTarget"), ns, dry_run=True).body
    assert target["spec"]["inference"] == {
        "service": {"name": "credit-risk-eu", "port": 80}, "containerPort": 8080, "scheme": "HTTP", "protocol": "MLflow",
        "versionProof": {"type": "Header", "header": {"name": "X-Model-Version"}}}
    request = users["priya"].create(valid("PromotionRequest"), ns, dry_run=True).body
    assert request["spec"]["action"] == "Promote"
    gclass = admin.create(spoiled("GateClass", {"spec.fetch.caConfigMapRef": {"name": "s3-ca"}}), None, dry_run=True).body
    assert (gclass["spec"]["activeDeadline"], gclass["spec"]["maxAttempts"], gclass["spec"]["serviceAccountName"]) == ("10m", 3, "stagekeeper-gate")
    assert gclass["spec"]["fetch"]["credentialsSecretRef"] == {"name": "stagekeeper-gate-s3", "accessKeyKey": "accessKey", "secretKeyKey": "secretKey"}
    assert gclass["spec"]["fetch"]["caConfigMapRef"] == {"name": "s3-ca", "key": "ca.crt"}


IMMUTABLE = {
    "ModelVersion": [{"version": "48"}, {"artifact": {"digest": D}}, {"artifact": {"type": "File", "uri": "s3://models/b"}}, {"artifact": {"type": "Manifest", "uri": "s3://models/b/"}},
                     {"source": {"runId": None}}, {"registeredBy": {"username": "bob"}}, {"registeredBy": None}, {"source": {"trainedBy": "mallory"}}, {"metrics": None}, {"metrics": []}],
    "PromotionRequest": [{"version": "48"}, {"version": None, "action": "Rollback"}, {"targets": ["credit-risk-eu"]}, {"reason": "another"},
                         {"requester": {"username": "bob"}}, {"requester": {"uid": None}}, {"requester": None}, {"stage": "Staging"}],
    "Approval": [{"decisionDigest": D}, {"comment": None}, {"comment": "x"}, {"decision": "Reject"}, {"approver": None},
                 {"approver": {"groups": None}}, {"approver": {"username": "bob"}}, {"request": {"uid": "2f6c1a54-6d0e-4f0a-9a53-000000000000"}}],
}


@pytest.mark.parametrize("kind", IMMUTABLE)
def test_specs_are_immutable(kind, admin, users, ns):
    """Optional fields included, which field-level rules would miss when they appear or disappear."""
    made = who(kind, admin, users).create(valid(kind), ns)
    assert made.status == 201, made
    name = made.body["metadata"]["name"]
    for change in IMMUTABLE[kind]:
        reply = admin.merge(kind, ns, name, {"spec": change})
        assert reply.status == 422 and "spec is immutable" in reply.message, f"{change}: {reply}"
    assert admin.merge(kind, ns, name, {"metadata": {"labels": {"team": "credit"}}}).status == 200


def test_a_target_keeps_its_model(admin, ns):
    assert admin.create(valid("ServingTarget"), ns).status == 201
    reply = admin.merge("ServingTarget", ns, "credit-risk-eu", {"spec": {"model": "other"}})
    assert reply.status == 422 and "create another ServingTarget for another model" in reply.message
    assert admin.merge("ServingTarget", ns, "credit-risk-eu", {"spec": {"segment": "de"}}).status == 200


def test_a_target_that_enforces_stays_so(admin, ns):
    observing = valid("ServingTarget")
    observing["metadata"]["name"], observing["spec"]["enforcement"] = "observing", "Observe"
    assert admin.create(observing, ns).status == 201
    name = observing["metadata"]["name"]
    assert admin.merge("ServingTarget", ns, name, {"spec": {"enforcement": "Enforce"}}).status == 200
    reply = admin.merge("ServingTarget", ns, name, {"spec": {"enforcement": "Observe"}})
    assert reply.status == 422 and "to let the workload go, delete the ServingTarget" in reply.message
    without = admin.json_patch("ServingTarget", ns, name, [{"op": "remove", "path": "/spec/enforcement"}])
    assert without.status == 200 and without.body["spec"]["enforcement"] == "Enforce"


def test_status_is_a_subresource(admin, users, ns):
    request = valid("PromotionRequest")
    request["metadata"]["name"], request["status"] = "with-status", {"phase": "Promoted"}
    assert "status" not in users["priya"].create(request, ns, validation="Ignore").body
    reply = admin.merge("PromotionRequest", ns, "with-status", {"status": {"phase": "AwaitingApproval", "summary": {"gates": "3/3"}}}, sub="status")
    assert reply.status == 200, reply
    assert admin.merge("PromotionRequest", ns, "with-status", {"status": {"phase": "done"}}, sub="status").status == 422
    assert users["priya"].merge("PromotionRequest", ns, "with-status", {"status": {"phase": "Promoted"}}, sub="status").status == 403


def test_selectable_fields(admin, users, ns):
    request = valid("PromotionRequest")
    request["metadata"]["name"], request["spec"]["version"] = "selected", "1234"
    assert users["priya"].create(request, ns).status == 201
    assert admin.merge("PromotionRequest", ns, "selected", {"status": {"phase": "Expired"}}, sub="status").status == 200
    for field, value in [("spec.version", "1234"), ("status.phase", "Expired")]:
        found = admin.list("PromotionRequest", ns, fieldSelector=f"{field}={value}").body["items"]
        assert [i["metadata"]["name"] for i in found] == ["selected"]
    for kind, field in [("PromotionRequest", "spec.model"), ("PromotionRequest", "spec.stage"), ("Approval", "spec.request.uid"),
                        ("Approval", "spec.request.name"), ("ModelVersion", "spec.model"), ("ServingTarget", "spec.model")]:
        reply = admin.list(kind, ns, fieldSelector=f"{field}=nothing-like-it")
        assert reply.status == 200 and reply.body["items"] == []
    assert admin.list("Approval", ns, fieldSelector="spec.decision=Approve").status == 400


def kubectl(kubeconfig, *args):
    return subprocess.run(["kubectl", "--kubeconfig", kubeconfig, *args], check=True, capture_output=True, text=True).stdout


def test_columns_as_kubectl_prints_them(kubeconfig, admin, users, ns):
    request = valid("PromotionRequest")
    request["metadata"]["name"] = "printed"
    assert users["priya"].create(request, ns).status == 201
    status = {"phase": "AwaitingApproval", "summary": {"gates": "3/3", "approvals": "1/2", "waitingFor": "approval of role business"},
              "conditions": [{"type": "Ready", "status": "False", "reason": "AwaitingApproval", "message": "m",
                              "lastTransitionTime": "2026-11-21T09:30:00Z"}]}
    head, _ = kubectl(kubeconfig, "get", "promreq", "printed", "-n", ns).splitlines()
    assert head.split() == "NAME MODEL ACTION VERSION STAGE PHASE GATES APPROVALS WAITING-FOR READY AGE".split()
    cells = admin.printed("PromotionRequest", ns, "printed", status)
    assert cells[:8] == "printed credit-risk Promote 47 Production AwaitingApproval 3/3 1/2".split()
    assert "approval of role business" in cells and "False" in cells
    wide = kubectl(kubeconfig, "get", "promreq", "printed", "-n", ns, "-o", "wide").splitlines()
    assert wide[0].split()[-5:] == "REASON REQUESTER TARGETS FROM AGE".split() and " priya " in wide[1]
    stage = valid("ModelStage")
    assert admin.create(stage, ns).status in {201, 409}  # 409: made by an operator beside this test
    status = {"model": "credit-risk", "stage": "Production", "version": "47", "waiting": [], "waitingCount": 0}
    head, _ = kubectl(kubeconfig, "get", "mstage", "credit-risk.production", "-n", ns).splitlines()
    cells = admin.printed("ModelStage", ns, "credit-risk.production", status)
    assert head.split() == "NAME MODEL STAGE VERSION SINCE WAITING AGE".split() and cells[:4] == "credit-risk.production credit-risk Production 47".split()
    assert "[]" not in map(str, cells)


def test_explain(kubeconfig, installed):
    for attempt in range(30):  # a new kind reaches the published OpenAPI some seconds after its API
        try:
            text = kubectl(kubeconfig, "explain", "ppol.spec.stages.gates.accuracy")
            break
        except subprocess.CalledProcessError:
            assert attempt < 29
            time.sleep(1)
    assert "minAbsolute\t<string> -required-" in text and "a decimal from 0 to 1" in text and 'Example: "0.82"' in text
