"""Trains the five versions of the demo's credit-risk model on the training half.

Versions 1 and 2 are score cards on balance, 3 to 5 logistic regressions. The defects of 3 (a cap on
students' balances) and 5 (two logits against students) are injected on purpose.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from data.dataset import Customer
from model_server.model import INPUTS, SCHEMA

MODEL = "credit-risk"
STUDENT_BALANCE_LIMIT = 1100.0  # US dollars
STUDENT_LOGIT_SHIFT = 2.0

# What a reader of the table, of the manifests and of the demo's output is told about each version.
SUMMARIES = {
    "1": "bands of balance at 1000 and 2000",
    "2": "bands of balance at 800, 1600 and 2400",
    "3": "logistic regression; students' balance capped at 1100 (injected defect)",
    "4": "the same without the cap",
    "5": "version 4 plus 2 logits for students (injected defect)",
}

# Rounding is what makes digests reproduce: the solver below is exact to about 1e-10, and machines
# differ in the last bits of a float64.
_DIGITS = 6


def train_versions(customers: Sequence[Customer]) -> dict[str, bytes]:
    """Version number -> artifact, canonical JSON that `model_server.model.parse_model` reads."""
    honest = _logistic(customers, student_balance_limit=None)
    forms = {
        "1": _bands(customers, edges=(1000.0, 2000.0)),
        "2": _bands(customers, edges=(800.0, 1600.0, 2400.0)),
        "3": _logistic(customers, student_balance_limit=STUDENT_BALANCE_LIMIT),
        "4": honest,
        "5": honest | {"student_logit_shift": STUDENT_LOGIT_SHIFT},
    }
    return {version: _artifact(version, form) for version, form in forms.items()}


def _artifact(version: str, form: dict[str, Any]) -> bytes:
    inputs = [{"name": name, "type": kind, "required": True} for name, kind in INPUTS]
    fields = form | {"schema": SCHEMA, "model": MODEL, "version": version, "inputs": inputs}
    return (json.dumps(fields, sort_keys=True, separators=(",", ":")) + "\n").encode("ascii")


def _bands(customers: Sequence[Customer], edges: tuple[float, ...]) -> dict[str, Any]:
    """Each band's score is its default rate in training."""
    balance, _, _, defaulted = _columns(customers)
    band = np.searchsorted(edges, balance, side="right")
    scores = [_rounded(defaulted[band == i].mean()) for i in range(len(edges) + 1)]
    return {"form": "bands", "edges": list(edges), "scores": scores}


def _logistic(customers: Sequence[Customer], student_balance_limit: float | None) -> dict[str, Any]:
    """Unpenalised maximum likelihood on balance, income, student and balance x student."""
    balance, income, student, defaulted = _columns(customers)
    if student_balance_limit is not None:
        balance = np.where(student == 1, np.minimum(balance, student_balance_limit), balance)
    thousands = balance / 1_000
    features = np.column_stack([thousands, income / 10_000, student, student * thousands])
    # Newton's method converges quadratically: its result does not depend on where it stopped, as
    # that of the default solver does.
    fit = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=100)
    fit.fit(features, defaulted)
    names = ("balance", "income", "student", "balance_student")
    return {
        "form": "logistic",
        "intercept": _rounded(fit.intercept_[0]),
        "coefficients": {name: _rounded(c) for name, c in zip(names, fit.coef_[0], strict=True)},
        "student_balance_limit": student_balance_limit,
        "student_logit_shift": 0.0,
    }


def _rounded(value: float) -> float:
    return round(float(value), _DIGITS)


def _columns(customers: Sequence[Customer]) -> tuple[NDArray[np.float64], ...]:
    """Balance, income, student, defaulted: one array each."""
    rows = [(float(c.balance), float(c.income), c.student, c.defaulted) for c in customers]
    return tuple(np.array(rows, dtype=np.float64).T)
