"""ISLP's `Default` data set: fetched once, verified, split into training and evaluation halves.

10,000 simulated customers: `default` (Yes/No: failed to pay the debt), `student` (Yes/No),
`balance` (US dollars left on the card after the monthly payment), `income` (US dollars a year).
Source: James, Witten, Hastie, Tibshirani, Taylor: An Introduction to Statistical Learning with
Applications in Python; package ISLP. The numbers stay the text they are in the source, so that the
files written here have the same bytes on every machine.
"""

import csv
import hashlib
import io
import os
import subprocess
import sys
import tempfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

DEFAULT_CSV_SHA256 = "d113590204485565bdd692b2d8430e7c2fcc72ec323df92314a745c99a0eefe9"
GROUPS = ("No", "Yes")  # of the column demographic_group
SPLIT_SEED = 2026

_HEADER = ("balance", "income", "student_account", "demographic_group", "label")
_ISLP = Path(__file__).with_name("islp.txt")


@dataclass(frozen=True, slots=True)
class Customer:
    """One row. The amounts are the source's own text."""

    balance: str  # US dollars
    income: str  # US dollars a year
    student: bool
    defaulted: bool

    @property
    def group(self) -> str:
        """The demographic group: whether the customer is a student, as the source spells it."""
        return GROUPS[self.student]


def load_customers() -> list[Customer]:
    """All rows in the source's order. Raises ValueError when the file is not the pinned one."""
    rows = csv.DictReader(io.StringIO(_default_csv().decode("ascii")))
    return [
        Customer(row["balance"], row["income"], row["student"] == "Yes", row["default"] == "Yes")
        for row in rows
    ]


def split_in_halves(customers: list[Customer], seed: int) -> tuple[list[Customer], list[Customer]]:
    """Training and evaluation half, equal in every stratum of label and student (odd one: above).

    The order within a stratum is that of a hash of seed and row number: unlike a library's shuffle,
    it is the same in every version of every library. Both halves keep the source's order. Of a
    stratum with an odd number the evaluation half gets the extra row where students defaulted, and
    the training half where they did not, so that both halves have 5,000 rows.
    """
    strata: dict[tuple[bool, bool], list[int]] = defaultdict(list)
    for index, customer in enumerate(customers):
        strata[customer.defaulted, customer.student].append(index)
    evaluation: set[int] = set()
    for (defaulted, _), members in strata.items():
        members.sort(key=lambda index: hashlib.sha256(f"{seed}:{index}".encode()).digest())
        evaluation.update(members[: (len(members) + defaulted) // 2])
    return (
        [customer for index, customer in enumerate(customers) if index not in evaluation],
        [customer for index, customer in enumerate(customers) if index in evaluation],
    )


def to_csv(customers: Iterable[Customer]) -> bytes:
    """The rows as the gates read them: label 1 is a default, the group a copy of student."""
    lines = [",".join(_HEADER)]
    lines += [f"{c.balance},{c.income},{c.student:d},{c.group},{c.defaulted:d}" for c in customers]
    return ("\n".join(lines) + "\n").encode("ascii")


def _default_csv() -> bytes:
    """The verified bytes of Default.csv, from the cache or from the pinned ISLP wheel."""
    root = Path(os.environ.get("STAGEKEEPER_CACHE") or Path.home() / ".cache" / "stagekeeper")
    cached = root / "data" / "Default.csv"
    if not cached.exists():
        content = _download()
        cached.parent.mkdir(parents=True, exist_ok=True)
        # Renamed into place: a run that is cut off, or one beside us, never leaves half a file.
        with tempfile.NamedTemporaryFile(dir=cached.parent, delete=False) as file:
            file.write(content)
        Path(file.name).replace(cached)
    content = cached.read_bytes()
    actual = hashlib.sha256(content).hexdigest()
    if actual != DEFAULT_CSV_SHA256:
        raise ValueError(
            f"{cached} has sha256 {actual}, not {DEFAULT_CSV_SHA256}: delete it and run again"
        )
    return content


def _download() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check")
        subprocess.run(
            [*pip, "--no-deps", "--require-hashes", "-r", _ISLP, "-d", folder], check=True
        )
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            return archive.read("ISLP/data/Default.csv")
