"""One JSON line per outcome on standard output; a refusal also goes where Kubernetes shows it."""

import json
import os
import sys
from datetime import UTC, datetime

TERMINATION_LOG = "/dev/termination-log"  # the kubelet's default terminationMessagePath
_MAX_TERMINATION_BYTES = 4096  # the kubelet's limit for one container


def log(event: str, **fields: object) -> None:
    """Writes one line. `event` is a stable past participle: listening, loaded, drained."""
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": event, **fields}
    print(json.dumps(line), flush=True)


def report_refusal(reason: str, termination_log: str = TERMINATION_LOG) -> None:
    """One line on why the server does not start: standard error and the termination message."""
    line = f"refusing to start: {' '.join(reason.split())}\n"
    sys.stderr.write(line)
    sys.stderr.flush()
    try:
        # No O_CREAT: the kubelet has made the file, and outside of a pod none is wanted.
        descriptor = os.open(termination_log, os.O_WRONLY | os.O_TRUNC)
    except OSError:
        return
    with os.fdopen(descriptor, "wb") as file:
        file.write(line.encode()[:_MAX_TERMINATION_BYTES])
