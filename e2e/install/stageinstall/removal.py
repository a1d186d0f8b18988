"""Takes Stagekeeper out of a cluster again."""

from __future__ import annotations

from stageinstall import namespaces, objects, release
from stageinstall.console import say
from stageinstall.places import GATE_NAMESPACE, OPERATOR_NAMESPACE
from stageinstall.target import Target


def uninstall(target: Target, *, crds: bool = False) -> None:
    """Removes the namespaces made here, the release and its namespaces; with `crds` the kinds too.

    Locked records stay in the bucket: nobody can delete them before their retention ends.
    """
    label = f"--selector={objects.PART_OF}={objects.SERVING}"
    for name in target.kubectl("get", "namespaces", label, "--output=name").split():
        say(f"removing {name}")
        namespaces.remove_namespace(target, name.partition("/")[2])
    if release.status(target):
        say("helm uninstall stagekeeper")
        target.helm("uninstall", release.RELEASE, "--namespace", OPERATOR_NAMESPACE)
    names = (OPERATOR_NAMESPACE, GATE_NAMESPACE)
    target.kubectl("delete", "namespace", *names, "--ignore-not-found", "--timeout=120s")
    part = "app.kubernetes.io/part-of=stagekeeper"
    if target.get("crd", "gateclasses.stagekeeper.dev"):
        target.kubectl("delete", "gateclasses.stagekeeper.dev", f"--selector={part}")
    if crds:
        kinds = target.kubectl("get", "crds", "--output=name").split()
        ours = [kind for kind in kinds if kind.endswith(".stagekeeper.dev")]
        if ours:
            target.kubectl("delete", *ours, "--timeout=120s")
