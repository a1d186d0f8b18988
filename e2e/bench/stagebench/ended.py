"""A namespace with thousands of requests that have ended."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from support.waiting import wait_for
from support.world import World

_THREADS = 4
_SECONDS_EACH = 0.2


def make_ended(it: World, version: str, count: int) -> None:
    """Asks `count` times for the stage that a version is in already: each ends as NoChange."""

    def create(number: int) -> None:
        it.request(version, "Staging", name=f"again-{number}", reason=f"bench {number}")

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(create, range(count)))

    def open_ones() -> int:
        found = it.admin.list("PromotionRequest", it.ns)
        return sum(each.get("status", {}).get("phase") != "Promoted" for each in found)

    wait_for(f"{count} requests have ended", lambda: open_ones() == 0, 60 + count * _SECONDS_EACH)
