"""Renders the demo's ModelVersion manifests from manifest.json.

Usage: render.py --manifest OUT/manifest.json [--version 2] > model-versions.yaml
"""

import argparse
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

NAMESPACE = "credit"
BUCKET = "models"

_SIGNATURE = [
    {"name": "balance", "type": "double", "required": True},
    {"name": "income", "type": "double", "required": True},
    {"name": "student_account", "type": "long", "required": True},
]
_METRIC_DECIMALS = Decimal("0.000001")  # the CRD allows twelve; six are more than the data carries


def model_version(manifest: dict[str, Any], version: str) -> dict[str, Any]:
    """The ModelVersion object of `version`. Raises KeyError when the manifest does not have it."""
    model = manifest["model"]
    facts = manifest["versions"][version]
    return {
        "apiVersion": "stagekeeper.dev/v1alpha1",
        "kind": "ModelVersion",
        "metadata": {"name": f"{model}-{version}", "namespace": NAMESPACE},
        "spec": {
            "model": model,
            "version": version,
            "artifact": {
                "uri": f"s3://{BUCKET}/{model}/{facts['path']}",
                "digest": facts["digest"],
                "type": "File",
            },
            "source": {
                "registry": "mlflow-dev",
                "registeredModel": "Credit Risk",
                "version": version,
                # The demo has no registry: an id in MLflow's form, the same in every run.
                "runId": facts["digest"].removeprefix("sha256:")[:32],
                "trainedBy": "priya",
            },
            "training": {
                "dataset": {
                    "version": manifest["training"]["version"],
                    "digest": facts["training_digest"],
                },
                "featurePipelineVersion": "2.3.1",
            },
            "signature": {"inputs": _SIGNATURE},
            "metrics": [{"name": "auc_roc", "value": _decimal_string(facts["auc"])}],
        },
    }


def evaluation_uri(manifest: dict[str, Any]) -> str:
    """Where upload.py puts the evaluation file: what a PromotionPolicy names as its dataset."""
    return (
        f"s3://{BUCKET}/evaluation/{manifest['model']}/{Path(manifest['evaluation']['path']).name}"
    )


def _decimal_string(value: float) -> str:
    """Metrics are decimal strings: no float ever stands in a spec."""
    return str(Decimal(repr(value)).quantize(_METRIC_DECIMALS))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--manifest", type=Path, required=True, help="manifest.json of make-models")
    parser.add_argument("--version", action="append", help="only this version; may be repeated")
    arguments = parser.parse_args()
    manifest = json.loads(arguments.manifest.read_text())
    versions = arguments.version or sorted(manifest["versions"], key=int)
    if unknown := [version for version in versions if version not in manifest["versions"]]:
        parser.error(f"no version {', '.join(unknown)} in {arguments.manifest}")
    objects = [model_version(manifest, version) for version in versions]
    yaml.safe_dump_all(objects, sys.stdout, sort_keys=False, width=100)
    return 0


if __name__ == "__main__":
    sys.exit(main())
