"""The command `uninstall`."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from stageinstall import places
from stageinstall import target as targets
from stageinstall.console import InstallError
from stageinstall.removal import uninstall


def main() -> int:
    parser = argparse.ArgumentParser(prog="uninstall", description=uninstall.__doc__)
    parser.add_argument("--crds", action="store_true", help="the CustomResourceDefinitions as well")
    parser.add_argument(
        "--only-foreign", action="store_true",
        help="do nothing to the cluster of e2e/cluster, which goes as a whole",
    )  # fmt: skip
    options = parser.parse_args()
    own = places.cluster_state() / "kubeconfig"
    named = Path(os.environ.get("KUBECONFIG") or own)
    foreign = named.resolve() != own.resolve()
    if not foreign and (options.only_foreign or not own.exists()):
        return 0
    try:
        uninstall(targets.find() if foreign else targets.own_cluster(), crds=options.crds)
    except InstallError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
