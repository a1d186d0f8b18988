"""Trains three versions of a credit-risk model and saves each as MLflow does: a folder of files.

Usage: make-models OUT DATA, where DATA is what e2e/demo/data/make-models wrote. Writes into OUT
  <version>.tar    MLmodel, model.pkl, conda.yaml, python_env.yaml, requirements.txt
  manifest.json    digests, and what scikit-learn measures of each version on the evaluation rows
Two runs write the same bytes.
"""

import argparse
import hashlib
import io
import json
import sys
import tarfile
import tempfile
import warnings
from pathlib import Path
from typing import Any

import mlflow.sklearn
import numpy as np
import pandas as pd
import sklearn
from mlflow.models import Model, infer_signature
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

FEATURES = ["balance", "income", "student_account"]
# The first is a fair beginning, the second improves on it, the third does not improve on the second.
ESTIMATORS = {
    "1": DecisionTreeClassifier(max_leaf_nodes=5, random_state=0),
    "2": make_pipeline(
        StandardScaler(), LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12)
    ),
    "3": DecisionTreeClassifier(max_leaf_nodes=6, random_state=0),
}
_MADE_AT = "2026-11-01 00:00:00"


def make_models(data: Path, out: Path) -> dict[str, Any]:
    described = json.loads((data / "manifest.json").read_text())
    training = pd.read_csv(data / described["training"]["path"])
    evaluation = pd.read_csv(data / described["evaluation"]["path"])
    versions = {}
    for version, estimator in ESTIMATORS.items():
        fitted = estimator.fit(training[FEATURES], training["label"])
        archive = _archive(version, fitted, training[FEATURES])
        (out / f"{version}.tar").write_bytes(archive)
        scores = fitted.predict_proba(evaluation[FEATURES])[:, 1]
        versions[version] = {
            "path": f"{version}.tar",
            "digest": "sha256:" + hashlib.sha256(archive).hexdigest(),
            "auc": float(roc_auc_score(evaluation["label"], scores)),
            "first_row": {"row": evaluation[FEATURES].iloc[0].tolist(), "score": float(scores[0])},
        }
    manifest = {"versions": versions}
    (out / "manifest.json").write_text(json.dumps(manifest, sort_keys=True, indent=2) + "\n")
    return manifest


def _archive(version: str, fitted: Any, rows: pd.DataFrame) -> bytes:
    """The folder that mlflow.sklearn.save_model writes, as a tar without times and owners."""
    # Probabilities, not class labels; what mlflow would make anew each time is said beforehand.
    identity = hashlib.sha256(f"credit-risk {version}".encode()).hexdigest()[:32]
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on whole numbers that could be missing: here they cannot
            signature = infer_signature(rows, fitted.predict_proba(rows))
        mlflow.sklearn.save_model(
            fitted,
            folder,
            signature=signature,
            mlflow_model=Model(utc_time_created=_MADE_AT, model_uuid=identity),
            pyfunc_predict_fn="predict_proba",
            pip_requirements=[f"scikit-learn=={sklearn.__version__}"],
            serialization_format="cloudpickle",
        )
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for file in sorted(path for path in folder.rglob("*") if path.is_file()):
                member = tarfile.TarInfo(str(file.relative_to(folder)))
                member.size, member.mode = file.stat().st_size, 0o644
                archive.addfile(member, io.BytesIO(file.read_bytes()))
        return made.getvalue()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("data", type=Path)
    arguments = parser.parse_args()
    for version, facts in make_models(arguments.data, arguments.out)["versions"].items():
        print(f"version {version}: AUC {facts['auc']:.4f}, {facts['digest']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
