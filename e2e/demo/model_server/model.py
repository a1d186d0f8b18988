"""The demo's model artifacts: a small JSON file that is one of two forms, `bands` or `logistic`.

Pure. Money is in the units of the data set (US dollars); a score is a probability of default in
[0, 1] for `logistic`, and the default rate seen in training for `bands`. Higher means riskier.
"""

import json
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

SCHEMA = "stagekeeper.dev/demo-model/v1"

# All forms take the same columns in this order, used or not: a version can then replace another
# without its callers changing what they send.
INPUTS: tuple[tuple[str, str], ...] = (
    ("balance", "double"),
    ("income", "double"),
    ("student_account", "long"),
)

Row = tuple[float, float, float]  # one value per entry of INPUTS


class ArtifactError(ValueError):
    """The artifact is not a model this server understands, or not the one it is pinned to."""


class Form(Protocol):
    """One way to turn a row into a score."""

    def score(self, row: Row) -> float: ...


@dataclass(frozen=True, slots=True)
class Bands:
    """A step function of balance: `scores[i]` from `edges[i-1]` (inclusive) up to `edges[i]`."""

    edges: tuple[float, ...]  # US dollars, ascending
    scores: tuple[float, ...]  # one more than edges

    def score(self, row: Row) -> float:
        return self.scores[bisect_right(self.edges, row[0])]


@dataclass(frozen=True, slots=True)
class Logistic:
    """Logistic regression on balance, income, student and balance x student.

    `student_balance_limit` caps the balance of students only, `student_logit_shift` is added to
    their logit: the two defects the demo injects, 0 and None in an honest model.
    """

    intercept: float
    balance: float  # per 1,000 US dollars
    income: float  # per 10,000 US dollars
    student: float
    balance_student: float  # per 1,000 US dollars, students only
    student_balance_limit: float | None  # US dollars
    student_logit_shift: float

    def score(self, row: Row) -> float:
        balance, income, student = row
        if student and self.student_balance_limit is not None:
            balance = min(balance, self.student_balance_limit)
        thousands = balance / 1_000
        logit = (
            self.intercept
            + self.balance * thousands
            + self.income * (income / 10_000)
            + student * (self.student + self.balance_student * thousands + self.student_logit_shift)
        )
        # The two branches keep exp() from overflowing for any finite logit.
        if logit >= 0:
            return 1 / (1 + math.exp(-logit))
        odds = math.exp(logit)
        return odds / (1 + odds)


@dataclass(frozen=True, slots=True)
class Model:
    """A parsed artifact, ready to score. Immutable, so that threads may share it."""

    name: str
    version: str
    form: Form

    def predict(self, rows: Sequence[Row]) -> list[float]:
        """Scores in the order of `rows`."""
        score = self.form.score
        return [score(row) for row in rows]


def parse_model(artifact: bytes) -> Model:
    """The model in `artifact`. Raises ArtifactError, naming what is wrong with it."""
    try:
        fields: Any = json.loads(artifact)
        if fields["schema"] != SCHEMA:
            raise ArtifactError(
                f'artifact has schema "{fields["schema"]}", this server reads "{SCHEMA}"'
            )
        return Model(str(fields["model"]), str(fields["version"]), _parse_form(fields))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, ArtifactError):
            raise
        raise ArtifactError(
            f"artifact is not a demo model: {type(error).__name__} {error}"
        ) from error


def _parse_form(fields: dict[str, Any]) -> Form:
    match fields["form"]:
        case "bands":
            edges = tuple(float(edge) for edge in fields["edges"])
            scores = tuple(float(score) for score in fields["scores"])
            if len(scores) != len(edges) + 1 or list(edges) != sorted(set(edges)):
                raise ArtifactError("bands need ascending edges and one score more than edges")
            return Bands(edges, scores)
        case "logistic":
            terms = fields["coefficients"]
            limit = fields["student_balance_limit"]
            return Logistic(
                intercept=float(fields["intercept"]),
                balance=float(terms["balance"]),
                income=float(terms["income"]),
                student=float(terms["student"]),
                balance_student=float(terms["balance_student"]),
                student_balance_limit=None if limit is None else float(limit),
                student_logit_shift=float(fields["student_logit_shift"]),
            )
        case other:
            raise ArtifactError(f'form "{other}" is unknown: use bands or logistic')
