"""The command `install`."""

from __future__ import annotations

import argparse
import sys

from stageinstall.console import InstallError, say
from stageinstall.installation import install


def main() -> int:
    parser = argparse.ArgumentParser(prog="install", description=install.__doc__)
    parser.add_argument(
        "--namespace", action="append", help="one that the operator serves (default: credit)"
    )
    options = parser.parse_args()
    try:
        made = install(options.namespace or ["credit"])
    except InstallError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    say("Stagekeeper is installed")
    print(
        f"export KUBECONFIG={made.kubeconfig}\n"
        f"public key of the records: {made.public_key}\n"
        f"operator  {made.images.operator}\n"
        f"gate      {made.images.gate}\n"
        f"server    {made.images.model_server}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
