"""The chapters in order; each is a function of the stage that ends, or raises DemoError."""

from __future__ import annotations

from collections.abc import Callable

from story.chapters.audit import audit_trail
from story.chapters.blocked import blocked_by_fairness, the_fix
from story.chapters.first import first_version, opening
from story.chapters.guarded import guarded_pins
from story.chapters.rollback import rollback
from story.chapters.second import approvals, skipping_a_stage, staging
from story.stage import Stage

CHAPTERS: tuple[tuple[str, Callable[[Stage], None]], ...] = (
    ("Who is who, and what is there", opening),
    ("Version 1 takes the empty Deployment", first_version),
    ("Version 2 cannot skip a stage", skipping_a_stage),
    ("Version 2 to Staging", staging),
    ("Version 2 to Production: only with both approvals", approvals),
    ("Version 3 scores better, and is stopped", blocked_by_fairness),
    ("Version 4, the fix, goes through", the_fix),
    ("Nobody else moves a pin", guarded_pins),
    ("Back to version 2, in seconds", rollback),
    ("What nobody can take away", audit_trail),
)
