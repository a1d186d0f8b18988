"""Scores the versions on the evaluation half and checks that each meets its fate at the gates.

Scores come from the model server's own code, so that the AUC here (scikit-learn's) is the AUC a
gate measures through the server, exact half credit for ties included.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score

from data.dataset import GROUPS, Customer
from model_server.model import Row, parse_model

# The limits of the demo's PromotionPolicy. Equality passes each of them.
MIN_AUC = 0.82
MIN_IMPROVEMENT = 0.005  # absolute difference of AUC to the serving version
MAX_GROUP_GAP = 0.05  # absolute difference of a group's AUC to the overall AUC

_Z_95 = 1.959964  # standard normal quantile of a two-sided 95 % interval


@dataclass(frozen=True, slots=True)
class GroupResult:
    """One demographic group of the evaluation half."""

    auc: float
    gap: float  # |overall AUC - group AUC|
    rows: int
    positives: int


@dataclass(frozen=True, slots=True)
class Result:
    """One version on the whole evaluation half."""

    auc: float
    groups: dict[str, GroupResult]

    @property
    def largest_gap(self) -> float:
        return max(group.gap for group in self.groups.values())


def score(artifact: bytes, customers: Iterable[Customer]) -> NDArray[np.float64]:
    """The scores the model server answers for `customers`."""
    rows: list[Row] = [(float(c.balance), float(c.income), float(c.student)) for c in customers]
    return np.array(parse_model(artifact).predict(rows))


def evaluate(scores: NDArray[np.float64], customers: Sequence[Customer]) -> Result:
    labels = np.array([c.defaulted for c in customers])
    group_of = np.array([c.group for c in customers])
    overall = float(roc_auc_score(labels, scores))
    groups = {}
    for name in GROUPS:
        members = group_of == name
        auc = float(roc_auc_score(labels[members], scores[members]))
        groups[name] = GroupResult(
            auc, abs(overall - auc), int(members.sum()), int(labels[members].sum())
        )
    return Result(overall, groups)


def improvement_margin(
    candidate: NDArray[np.float64], champion: NDArray[np.float64], customers: Sequence[Customer]
) -> float:
    """Half the width of the 95 % interval of the AUC difference on the same rows.

    Source: DeLong, DeLong and Clarke-Pearson, Biometrics 44 (1988), computed from mid-ranks.
    """
    labels = np.array([c.defaulted for c in customers])
    positive = _placements(candidate, labels) - _placements(champion, labels)
    negative = _placements(-candidate, ~labels) - _placements(-champion, ~labels)
    variance = positive.var(ddof=1) / len(positive) + negative.var(ddof=1) / len(negative)
    return _Z_95 * sqrt(float(variance))


def _placements(scores: NDArray[np.float64], is_case: NDArray[np.bool_]) -> NDArray[np.float64]:
    """For each case, the share of the others it outscores, a tie counting half."""
    cases = scores[is_case]
    below = rankdata(scores)[is_case] - rankdata(cases)
    return np.asarray(below / (len(scores) - len(cases)))


def broken_fates(results: dict[str, Result]) -> list[str]:
    """One sentence for each property of the demo's story that does not hold; empty when all do."""

    def improves(version: str, champion: str) -> bool:
        return results[version].auc - results[champion].auc >= MIN_IMPROVEMENT

    def is_fair(version: str) -> bool:
        return results[version].largest_gap <= MAX_GROUP_GAP

    expectations = {
        f"every version has AUC >= {MIN_AUC}": all(r.auc >= MIN_AUC for r in results.values()),
        "version 1 passes fairness": is_fair("1"),
        "version 2 improves on 1": improves("2", "1"),
        "version 2 passes fairness": is_fair("2"),
        "version 3 improves on 2": improves("3", "2"),
        "version 3 fails fairness": not is_fair("3"),
        "version 4 improves on 2": improves("4", "2"),
        "version 4 passes fairness": is_fair("4"),
        "version 5 improves on 2": improves("5", "2"),
        "version 5 does not improve on 4": not improves("5", "4"),
        "version 5 passes fairness": is_fair("5"),
    }
    return [sentence for sentence, holds in expectations.items() if not holds]
