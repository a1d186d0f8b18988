"""What the bucket holds, what it refuses even its owner, and what this one does not."""

from __future__ import annotations

from typing import Any

from story.chapters.common import MODEL
from story.stage import Stage

_CONDITION = """-o jsonpath='{.status.conditions[?(@.type=="AuditStoreTrusted")]}'"""


def audit_trail(stage: Stage) -> None:
    """Deleting and overwriting by the root key, the store's deviation, the story by records."""
    record = _serving(stage)["record"]["key"]
    stage.screen.note("the root key of the store is stronger than any right in the cluster:")
    stage.refused("s3 root", f"bucket delete {record}", "403")
    stage.refused("s3 root", f"bucket overwrite {record}", "412")
    stage.screen.note("what this store does not enforce, and therefore stands in every record:")
    output = stage.act("admin", f"as admin kubectl get starget {stage.served.target} {_CONDITION}")
    stage.check(
        "AcknowledgedDeviations" in output,
        "a lock can be shortened here (point f); stores of record refuse that, and the operator "
        "promotes only because its configuration acknowledges this one point by name",
        "the condition does not say so",
    )
    stage.screen.note("why version 2 serves, told from the bucket alone:")
    command = (
        f"auditor kubectl stagekeeper audit show {MODEL} 2 --namespace {stage.served.namespace} "
        "--bucket $S3_AUDIT_BUCKET --endpoint $S3_ENDPOINT --ca-file $S3_CA_FILE "
        "--public-key $demo/public.pem"
    )
    stage.act("auditor", command)


def _serving(stage: Stage) -> dict[str, Any]:
    serving: dict[str, Any] = stage.get("servingtargets", stage.served.target)["status"]["serving"]
    return serving
