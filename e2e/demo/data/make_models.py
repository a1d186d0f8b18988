"""Makes the demo's real input: `make-models OUT` (which sets up the environment) calls this.

Writes into OUT
  evaluation/2026-11.csv   the rows the gates score
  training/2026-10.csv     the rows the versions were trained on
  <version>/model.json     the artifacts of versions 1 to 5
  manifest.json            paths, digests, AUCs: what the demo and render.py read
Two runs write the same bytes. Fails when a version would not meet its fate at the demo's gates.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from data.dataset import GROUPS, SPLIT_SEED, load_customers, split_in_halves, to_csv
from data.evaluation import Result, broken_fates, evaluate, improvement_margin, score
from data.training import MODEL, SUMMARIES, train_versions

EVALUATION_VERSION, TRAINING_VERSION = "2026-11", "2026-10"
_DECLINE_AT = 0.3  # score from which the demo's bank declines


def make_models(out: Path) -> dict[str, Any]:
    """Writes everything into `out` and returns the manifest. Raises ValueError on a broken fate."""
    training, evaluation = split_in_halves(load_customers(), SPLIT_SEED)
    artifacts = train_versions(training)
    scores = {version: score(artifact, evaluation) for version, artifact in artifacts.items()}
    results = {version: evaluate(values, evaluation) for version, values in scores.items()}
    if broken := broken_fates(results):
        raise ValueError("the demo's story does not hold: not true that " + "; ".join(broken))

    def dataset(version: str, folder: str, rows: list[Any]) -> dict[str, Any]:
        digest = _write(out / folder / f"{version}.csv", to_csv(rows))
        return {
            "version": version,
            "path": f"{folder}/{version}.csv",
            "digest": digest,
            "rows": len(rows),
            "positives": sum(row.defaulted for row in rows),
        }

    trained_on = dataset(TRAINING_VERSION, "training", training)
    manifest = {
        "model": MODEL,
        "evaluation": dataset(EVALUATION_VERSION, "evaluation", evaluation),
        "training": trained_on,
        "versions": {
            version: {
                "summary": SUMMARIES[version],
                "path": f"{version}/model.json",
                "digest": _write(out / version / "model.json", artifact),
                "training_digest": trained_on["digest"],
                **_measured(results[version]),
                "versus_2": {
                    "improvement": results[version].auc - results["2"].auc,
                    "margin95": improvement_margin(scores[version], scores["2"], evaluation),
                },
                "declined_creditworthy_students": sum(
                    bool(value >= _DECLINE_AT)
                    for value, row in zip(scores[version], evaluation, strict=True)
                    if row.student and not row.defaulted
                ),
            }
            for version, artifact in artifacts.items()
        },
    }
    text = json.dumps(manifest, sort_keys=True, indent=2) + "\n"
    _write(out / "manifest.json", text.encode("ascii"))
    return manifest


def _measured(result: Result) -> dict[str, Any]:
    return {
        "auc": result.auc,
        "largest_gap": result.largest_gap,
        "groups": {
            name: {"auc": g.auc, "gap": g.gap, "rows": g.rows, "positives": g.positives}
            for name, g in result.groups.items()
        },
    }


def _write(path: Path, content: bytes) -> str:
    """Writes `content` and returns its digest as Stagekeeper writes digests."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return "sha256:" + hashlib.sha256(content).hexdigest()


def table(manifest: dict[str, Any]) -> str:
    """What was measured, for a person."""
    evaluation = manifest["evaluation"]
    lines = [
        f"evaluation {evaluation['version']}: {evaluation['rows']} rows, "
        f"{evaluation['positives']} defaults (simulated data: ISLP's Default)",
        f"{'version':<8}{'AUC':>8}{'gap':>8}"
        + "".join(f"{'AUC ' + name:>10}" for name in GROUPS)
        + f"  {'against version 2':<18}declined*  what it is",
    ]
    for version, v in manifest["versions"].items():
        change = f"{v['versus_2']['improvement']:+.4f} +-{v['versus_2']['margin95']:.4f}"
        lines.append(
            f"{version:<8}{v['auc']:>8.4f}{v['largest_gap']:>8.4f}"
            + "".join(f"{v['groups'][name]['auc']:>10.4f}" for name in GROUPS)
            + f"  {change:<18}{v['declined_creditworthy_students']:>9}  {v['summary']}"
        )
    lines.append(f"* students who would have paid but score {_DECLINE_AT} or more; +- is 95 %")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to write into")
    arguments = parser.parse_args()
    try:
        manifest = make_models(arguments.out)
    except ValueError as error:
        print(f"make_models: {error}", file=sys.stderr)
        return 1
    print(table(manifest))
    return 0


if __name__ == "__main__":
    sys.exit(main())
