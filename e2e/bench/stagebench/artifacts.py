"""More versions of the demo's model than the demo has: version 1 under other numbers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

from stageinstall.places import Store
from support.ledger import s3_client
from support.world import World

_FIRST_NUMBER = 11
_ORIGINAL = "1"


@contextmanager
def renumbered_versions(it: World, count: int) -> Iterator[list[str]]:
    """Registers `count` versions with artifacts of their own; yields their numbers.

    A model server refuses an artifact of another version, so that each needs its own. The
    artifacts go afterwards.
    """
    installation = it.cluster.installation
    store, models = installation.store, installation.models
    client = s3_client(store, "ROOT")
    original = json.loads(
        (models.folder / models.manifest["versions"][_ORIGINAL]["path"]).read_text()
    )
    numbers = [str(_FIRST_NUMBER + i) for i in range(count)]
    keys: list[str] = []
    try:
        for number in numbers:
            content = json.dumps({**original, "version": number}).encode()
            key = f"{it.ns}/{number}/model.json"
            client.put_object(Bucket=store.models_bucket, Key=key, Body=content)
            keys.append(key)
            made = models.model_version(_ORIGINAL, it.ns)
            made["metadata"]["name"] = f"{it.served.model}-{number}"
            made["spec"]["version"] = number
            made["spec"]["artifact"]["uri"] = f"s3://{store.models_bucket}/{key}"
            made["spec"]["artifact"]["digest"] = "sha256:" + hashlib.sha256(content).hexdigest()
            it.admin.create(made, it.ns)
        yield numbers
    finally:
        for key in keys:
            client.delete_object(Bucket=store.models_bucket, Key=key)


def remove_artifacts(store: Store, prefix: str) -> None:
    """Deletes artifacts of namespaces whose name begins so."""
    client = s3_client(store, "ROOT")
    listed = client.list_objects_v2(Bucket=store.models_bucket, Prefix=prefix)
    for found in listed.get("Contents", []):
        client.delete_object(Bucket=store.models_bucket, Key=found["Key"])
