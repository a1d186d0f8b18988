"""What every chapter works with: people who run commands, and a view of what came of them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubernetes import client, config
from stageinstall import Installation, Served

from story.client import Client
from story.screen import Screen

GROUP, VERSION = "stagekeeper.dev", "v1alpha1"
BAD_ENDS = {"Blocked", "Rejected", "Expired", "RolledBack", "PartlyPromoted", "Superseded"}
BAD_ENDS |= {"Aborted", "Errored"}
ENDS = BAD_ENDS | {"Promoted"}


class DemoError(Exception):
    """The story did not go as told; the message says what was seen instead."""


@dataclass(frozen=True)
class Done:
    """A command that ended."""

    code: int
    output: str


class Stage:
    """The cluster, the namespace of this run, its folder of manifests, and the running client."""

    def __init__(
        self, installation: Installation, served: Served, folder: Path, screen: Screen
    ) -> None:
        self.installation = installation
        self.served = served
        self.folder = folder
        self.screen = screen
        # The client's types say that everything may be absent.
        load: Any = config.new_client_from_config
        api = load(config_file=str(installation.kubeconfig))
        self._objects: Any = client.CustomObjectsApi(api)
        self.core: Any = client.CoreV1Api(api)
        self.apps: Any = client.AppsV1Api(api)
        self._client: Client | None = None
        self._shown_phase = ""

    @property
    def client(self) -> Client:
        assert self._client is not None
        return self._client

    def start_client(self, client_of_service: Client) -> None:
        self._client = client_of_service
        self.screen.show_served(client_of_service.served)
        client_of_service.start()

    def stop_client(self) -> None:
        if self._client:
            self._client.stop()

    def act(self, user: str, command: str, *, fails: bool = False, quiet: bool = False) -> str:
        """Prints a command, runs exactly that, prints and returns its output.

        Errors: DemoError when it fails, or with `fails` when it does not.
        """
        self.screen.command(user, command)
        done = self.run(command)
        if not quiet or (done.code == 0) == fails:
            self.screen.result(done.output)
        if fails and done.code == 0:
            raise DemoError(f"this was to be refused, and was not: {command}")
        if not fails and done.code != 0:
            raise DemoError(f"this failed with {done.code}: {command}\n{done.output}")
        return done.output

    def run(self, command: str) -> Done:
        """Runs a command in the shell that a person has after reading the folder's `env`."""
        script = f". {self.folder}/env; {command}"
        done = subprocess.run(
            ["bash", "-o", "pipefail", "-c", script],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
        )  # fmt: skip
        return Done(done.returncode, done.stdout)

    def refused(self, user: str, command: str, *words: str) -> None:
        """Acts, and checks that it is refused in these words."""
        output = self.act(user, command, fails=True)
        as_told = all(word in output for word in words)
        self.check(as_told, "refused", f"refused in other words than {', '.join(words)}")

    def check(self, holds: bool, text: str, otherwise: str) -> None:
        """Prints `text` as checked. Raises DemoError with `otherwise` when it does not hold."""
        if not holds:
            raise DemoError(otherwise)
        self.screen.passed(text)

    def get(self, plural: str, name: str) -> dict[str, Any]:
        """An object of ours in the namespace of this run."""
        found: dict[str, Any] = self._objects.get_namespaced_custom_object(
            GROUP, VERSION, self.served.namespace, plural, name
        )
        return found

    def list(self, plural: str) -> list[dict[str, Any]]:
        found = self._objects.list_namespaced_custom_object(
            GROUP, VERSION, self.served.namespace, plural
        )
        return list(found["items"])

    def wait(
        self,
        request: str,
        reached: Callable[[dict[str, Any]], bool],
        what: str,
        seconds: float = 240,
    ) -> dict[str, Any]:
        """Waits until a request's status is as wanted, showing each phase and reason on the way.

        Returns the status. Errors: DemoError when the request ends otherwise or time is up.
        """
        deadline = time.monotonic() + seconds
        while True:
            status: dict[str, Any] = self.get("promotionrequests", request).get("status", {})
            phase = status.get("phase", "(not seen by the operator)")
            self._show_phase(request, status)
            if reached(status):
                return status
            if phase in ENDS:
                raise DemoError(
                    f"{request} ended {phase} ({status.get('reason')}) instead of {what}: "
                    f"{status.get('message')}"
                )
            if time.monotonic() > deadline:
                raise DemoError(
                    f"{request} is {phase} ({status.get('reason')}) after {seconds:.0f} s, and not "
                    f"{what}: {status.get('message')}"
                )
            time.sleep(0.3)

    def _show_phase(self, request: str, status: dict[str, Any]) -> None:
        """Prints phase, reason and gates of a request when they are others than last time."""
        if "phase" not in status:
            return
        phase, reason = status["phase"], status.get("reason")
        words = phase if reason == phase else f"{phase} ({reason})"
        gates = status.get("summary", {}).get("gates")
        line = f"{request}: {words}" + (f", gates {gates}" if gates else "")
        if line != self._shown_phase:
            self.screen.event("operator", line)
            self._shown_phase = line

    def wait_for(self, what: str, so: Callable[[], Any], seconds: float = 60) -> Any:
        """Waits until `so` returns something true, and returns it. Raises DemoError."""
        deadline = time.monotonic() + seconds
        while not (seen := so()):
            if time.monotonic() > deadline:
                raise DemoError(f"not so after {seconds:.0f} s: {what}")
            time.sleep(0.3)
        return seen

    def pins(self) -> dict[str, str]:
        """The pinned variables of the serving Deployment, and its sequence."""
        deployment = self.apps.read_namespaced_deployment(
            self.served.deployment, self.served.namespace
        )
        env = deployment.spec.template.spec.containers[0].env
        pins = {e.name: e.value for e in env if e.name.startswith("MODEL_")}
        annotations = deployment.metadata.annotations or {}
        return pins | {"sequence": annotations.get("stagekeeper.dev/sequence", "")}
