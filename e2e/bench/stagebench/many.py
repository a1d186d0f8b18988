"""A namespace with thousands of ModelVersions."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from stageinstall import objects, remove_namespace
from support.world import Cluster

_THREADS = 4


@contextmanager
def model_versions(cluster: Cluster, ns: str, count: int) -> Iterator[None]:
    """Creates `count` ModelVersions in a namespace of their own, which goes afterwards."""
    target = cluster.installation.target
    target.apply([objects.namespace(ns, {objects.PART_OF: objects.SERVING})])
    try:
        _fill(cluster, ns, count)
        yield
    finally:
        remove_namespace(target, ns)


def _fill(cluster: Cluster, ns: str, count: int) -> None:
    like = cluster.installation.models.model_version("1", ns)
    model, admin = like["spec"]["model"], cluster.admin
    stop = threading.Event()

    def create(number: int) -> None:
        if stop.is_set():
            return
        made = copy.deepcopy(like)
        made["metadata"]["name"] = f"{model}-{number}"
        made["spec"]["version"] = str(number)
        admin.create(made, ns)

    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            for _ in pool.map(create, range(1, count + 1)):
                pass
        except BaseException:
            stop.set()
            raise
