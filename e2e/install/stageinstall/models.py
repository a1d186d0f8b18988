"""The model versions and the evaluation data of the demo: made, uploaded, and described."""

from __future__ import annotations

import fcntl
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stageinstall import places
from stageinstall.console import run, say
from stageinstall.places import Store

sys.path.insert(0, str(places.DEMO))

from data import render


@dataclass(frozen=True)
class Models:
    """What make-models wrote, and the objects that name it."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.manifest["model"])

    @property
    def versions(self) -> list[str]:
        return sorted(self.manifest["versions"], key=int)

    def model_version(self, version: str, namespace: str) -> dict[str, Any]:
        """The ModelVersion object of a version, in a namespace."""
        made = render.model_version(self.manifest, version)
        made["metadata"]["namespace"] = namespace
        return made

    def dataset(self) -> dict[str, str]:
        """What a PromotionPolicy names as its evaluation dataset."""
        evaluation = self.manifest["evaluation"]
        return {
            "uri": render.evaluation_uri(self.manifest),
            "version": evaluation["version"],
            "digest": evaluation["digest"],
        }


def provide(store: Store) -> Models:
    """Makes models and data once per cache, and uploads what the bucket lacks.

    Errors: InstallError when a version would not meet its fate, or the bucket holds other bytes.
    """
    folder = places.cache() / "demo-models"
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        manifest = folder / "manifest.json"
        if not manifest.exists() or manifest.stat().st_mtime < _newest_source():
            say("data and model versions 1 to 5 (made from ISLP's Default)")
            run([places.DEMO / "data" / "make-models", folder])
            manifest.touch()
    _upload(manifest, store)
    return Models(folder, json.loads(manifest.read_text()))


def _newest_source() -> float:
    sources = [*(places.DEMO / "data").glob("*"), places.DEMO / "model_server" / "model.py"]
    return max(file.stat().st_mtime for file in sources if file.is_file())


def _upload(manifest: Path, store: Store) -> None:
    # Its writer's keys and nothing else of the store reach the program that uploads.
    names = ("S3_ENDPOINT", "S3_REGION", "S3_CA_FILE", "S3_MODELS_WRITER_ACCESS_KEY",
             "S3_MODELS_WRITER_SECRET_KEY")  # fmt: skip
    environment = {name: store.variables[name] for name in names}
    environment |= {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    argv: list[str | Path] = [sys.executable, "-m", "data.upload", "--manifest", manifest]
    run(argv, cwd=places.DEMO, env=environment)
