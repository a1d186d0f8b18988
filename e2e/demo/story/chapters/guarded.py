"""A namespace's administrator tries to move the pin without a promotion."""

from __future__ import annotations

from story.chapters import common
from story.stage import Stage


def guarded_pins(stage: Stage) -> None:
    """The pin, an alias, the annotation and the Deployment itself."""
    deployment = stage.served.deployment
    by_us = "written by Stagekeeper only"
    edit = f"as nadia kubectl set env deployment/{deployment}"
    stage.screen.note("nadia may do anything to ordinary Deployments of this namespace")
    stage.refused("nadia", f"{edit} MODEL_VERSION=3", by_us)
    # Two policies refuse it; the API server may name either.
    stage.refused("nadia", f"{edit} MODEL_VERSION=latest", "create a PromotionRequest")
    stage.refused("nadia", f"{edit} FALLBACK=models:/credit-risk/Production", "alias")
    release = f"as nadia kubectl label deployment/{deployment} stagekeeper.dev/target-"
    stage.refused("nadia", release, by_us)
    stage.refused("nadia", f"as nadia kubectl rollout undo deployment/{deployment}", by_us)
    stage.refused("nadia", f"as nadia kubectl delete deployment/{deployment}", "cannot be deleted")
    common.nothing_moves(stage, "4", seconds=2)
    stage.screen.note("what is hers stays hers:")
    own = f"as nadia kubectl annotate deployment/{deployment} example.com/cost-centre=4711"
    stage.act("nadia", own)
