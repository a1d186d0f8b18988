"""The whole installation, in order."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stageinstall import images, models, objects, release, signing
from stageinstall import target as targets
from stageinstall.console import run, say
from stageinstall.models import Models
from stageinstall.places import GATE_NAMESPACE, OPERATOR_NAMESPACE, ImageRefs, Store
from stageinstall.target import Target


@dataclass(frozen=True)
class Installation:
    """A cluster in which the operator runs, and what callers need to use it."""

    target: Target
    images: ImageRefs
    models: Models
    public_key: Path

    @property
    def kubeconfig(self) -> Path:
        """That of the cluster admin."""
        return self.target.kubeconfig

    @property
    def store(self) -> Store:
        return self.target.store

    def user(self, name: str) -> Path:
        """The kubeconfig of priya, alice, bob, nadia, root-admin or mallory."""
        return self.target.user(name)

    def kubectl_as(self, user: str, *arguments: str | Path, text_in: str | None = None) -> str:
        """Runs kubectl as a person. Raises InstallError with the API server's words."""
        argv = [self.target.kubectl_path, f"--kubeconfig={self.user(user)}", *arguments]
        return run(argv, text_in=text_in)


def install(
    namespaces: Sequence[str] = ("credit",), *, target: Target | None = None
) -> Installation:
    """Makes the operator run, serving at least `namespaces`; safe to call again at any time.

    Namespaces of an earlier call stay served. With nothing to do it takes some seconds.
    Errors: InstallError saying what is missing or what went wrong.
    """
    where = target or targets.find()
    with _exclusively(where):
        refs = where.images or images.build_and_load(where.state)
        made = models.provide(where.store)
        say("Secrets, authority of the bucket, signing key")
        own = {objects.PART_OF: objects.SERVING}
        where.apply(
            [objects.namespace(name, own) for name in namespaces]
            + [objects.namespace(OPERATOR_NAMESPACE)]
        )
        where.apply(_operator_objects(where))
        serving = sorted({*release.serving_namespaces(where), *namespaces})
        release.install(where, release.values(where, refs, serving))
        where.apply(_gate_objects(where))
        release.wait_ready(where)
        return Installation(where, refs, made, signing.public_key(where.state))


def _operator_objects(target: Target) -> list[objects.Object]:
    access, secret = target.store.keys("AUDIT")
    key = signing.private_key(target.state).read_text()
    ns = OPERATOR_NAMESPACE
    return [
        objects.secret("stagekeeper-signing-key", ns, {"key.pem": key}),
        objects.secret("stagekeeper-s3", ns, {"accessKey": access, "secretKey": secret}),
        objects.config_map("s3-ca", ns, {"ca.crt": target.store.ca_file.read_text()}),
    ]


def _gate_objects(target: Target) -> list[objects.Object]:
    """After the chart, which makes their namespace."""
    access, secret = target.store.keys("MODELS_READER")
    ns = GATE_NAMESPACE
    return [
        objects.secret("stagekeeper-gate-s3", ns, {"accessKey": access, "secretKey": secret}),
        objects.config_map("s3-ca", ns, {"ca.crt": target.store.ca_file.read_text()}),
    ]


@contextmanager
def _exclusively(target: Target) -> Iterator[None]:
    """One installation at a time, since a demo and tests may share a cluster."""
    target.state.mkdir(parents=True, exist_ok=True)
    with open(target.state / "lock", "w", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("waiting for another installation into this cluster")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
