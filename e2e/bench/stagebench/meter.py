"""The peer: how fast the API server answers a plain client at the same time."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from support.api import Api, path

from stagebench.figures import Samples

_CALLS = 40


@dataclass
class Meter:
    """Times a small GET again and again; its spread is the noise of every other figure."""

    api: Api
    get: Samples = field(default_factory=lambda: Samples("ms"))

    def read(self) -> None:
        """One reading of some dozens of calls."""
        where = path("Namespace", None, "default")
        self.api.call("GET", where)
        for _ in range(_CALLS):
            began = time.perf_counter()
            self.api.send("GET", where)
            self.get.add((time.perf_counter() - began) * 1000)


@dataclass
class ListTimes:
    """What fetching all ModelVersions of a namespace costs a client that decodes nothing."""

    count: int
    bytes: int
    whole: Samples
    """In one answer."""
    paged: Samples
    """In pages of 500, as an operator lists them."""


def list_model_versions(api: Api, ns: str, rounds: int = 3) -> ListTimes:
    """Lists a namespace's ModelVersions both ways, turn about."""
    whole, paged = Samples("ms"), Samples("ms")
    size = count = 0
    where = path("ModelVersion", ns)
    for _ in range(rounds):
        began = time.perf_counter()
        size = len(api.send("GET", where).data)
        whole.add((time.perf_counter() - began) * 1000)
        # The time to decode a page, which its continuation needs, is left out.
        spent, count, token = 0.0, 0, ""
        while True:
            began = time.perf_counter()
            answer = api.send("GET", where, limit=500, **({"continue": token} if token else {}))
            spent += time.perf_counter() - began
            page = answer.json()
            count += len(page["items"])
            token = page["metadata"].get("continue", "")
            if not token:
                break
        paged.add(spent * 1000)
    return ListTimes(count, size, whole, paged)
