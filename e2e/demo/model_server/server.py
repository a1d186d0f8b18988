"""Starts the server, loads what it is pinned to, and drains on SIGTERM.

Environment
  MODEL_VERSION, MODEL_URI, MODEL_DIGEST   the pin; none of them: up, but NotReady
  MODEL_NAME                               optional: the model's name the artifact must carry
  S3_ENDPOINT, S3_REGION, S3_CA_FILE       the object store of s3:// URIs
  AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY its read-only credentials
  PORT                                     TCP port, default 8080; 0 takes a free one
  MODEL_DELAY_MS                           milliseconds added to every scoring call, default 0

Exit status: 0 after SIGTERM or SIGINT, 1 when the pin is refused.
"""

import os
import signal
import threading
from collections.abc import Mapping
from dataclasses import dataclass

from model_server.artifact import Refused, Unavailable, load
from model_server.handler import ScoringServer
from model_server.log import log, report_refusal
from model_server.pin import Pin, PinError, pin_from_env
from model_server.state import ServingState

MAX_DELAY_MS = 60_000
# Endpoints follow the failing /ping or the pod's deletion within about a second. Both together stay
# below 5 s, far inside the 30 s that Kubernetes grants.
DRAIN_SECONDS = 2.0
LAST_REQUESTS_SECONDS = 1.5

_STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
_FIRST_RETRY_SECONDS, _LAST_RETRY_SECONDS = 0.5, 5.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything but the pin."""

    port: int
    delay_seconds: float


def settings_from_env(env: Mapping[str, str]) -> Settings:
    """Raises PinError when a value is not a number in its range."""
    return Settings(
        port=_integer(env, "PORT", default=8080, maximum=65_535),
        delay_seconds=_integer(env, "MODEL_DELAY_MS", default=0, maximum=MAX_DELAY_MS) / 1_000,
    )


def _integer(env: Mapping[str, str], name: str, default: int, maximum: int) -> int:
    text = env.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) <= maximum):
        raise PinError(f'{name} is "{text}": give a whole number from 0 to {maximum}')
    return int(text)


class Loader(threading.Thread):
    """Loads the pinned model into `state`; keeps trying while the store does not answer.

    A thread of its own, so that /ping can say what is being waited for and SIGTERM is never stuck
    behind a store's timeout. `refusal` is set, once, when the pin can never be served.
    """

    def __init__(self, pin: Pin, state: ServingState) -> None:
        super().__init__(name="loader", daemon=True)
        self.refusal: str | None = None
        self._pin = pin
        self._state = state

    def run(self) -> None:
        pause = _FIRST_RETRY_SECONDS
        while True:
            try:
                self._state.model = load(self._pin, os.environ)
            except Unavailable as error:
                self._state.not_loaded_because = f"waiting for version {self._pin.version}: {error}"
                log(
                    "store-unavailable",
                    level="warning",
                    version=self._pin.version,
                    error=str(error),
                )
                threading.Event().wait(pause)
                pause = min(2 * pause, _LAST_RETRY_SECONDS)
            except Refused as error:
                self.refusal = str(error)
                return
            except Exception as error:  # a bug must not leave a server that waits for ever
                self.refusal = f"loading version {self._pin.version} failed: {error!r}"
                return
            else:
                log("loaded", version=self._pin.version, uri=self._pin.uri, digest=self._pin.digest)
                return


def main() -> int:
    # Blocked in every thread and taken by sigtimedwait() below: no handler that could run in the
    # middle of anything. Blocked signals also reach a PID 1 that has no handler.
    signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
    try:
        settings = settings_from_env(os.environ)
        pin = pin_from_env(os.environ)
    except PinError as error:
        report_refusal(str(error))
        return 1

    state = ServingState()
    server = ScoringServer(settings.port, state, settings.delay_seconds)
    threading.Thread(target=server.serve_forever, args=(0.05,), name="accept", daemon=True).start()
    log("listening", port=server.server_port, pinned=pin.version if pin else None)

    loader = None
    if pin is None:
        log("not-pinned", level="warning", message=state.not_loaded_because)
    else:
        state.not_loaded_because = f"loading version {pin.version} from {pin.uri}"
        loader = Loader(pin, state)
        loader.start()

    refusal = _wait_for_end(loader)
    if refusal is not None:
        report_refusal(refusal)
        return 1
    _drain(server, state)
    return 0


def _wait_for_end(loader: Loader | None) -> str | None:
    """Blocks until a stop signal (None) or the loader's refusal (its reason)."""
    while loader is not None and loader.is_alive():
        if signal.sigtimedwait(_STOP_SIGNALS, 0.05):
            return None
    if loader is not None and loader.refusal is not None:
        return loader.refusal
    signal.sigwait(_STOP_SIGNALS)
    return None


def _drain(server: ScoringServer, state: ServingState) -> None:
    """Fails /ping at once, serves on while endpoints follow, then waits for the last requests."""
    state.draining = True
    log("draining", seconds=DRAIN_SECONDS)
    signal.sigtimedwait(_STOP_SIGNALS, DRAIN_SECONDS)  # a second signal cuts the wait short
    server.shutdown()
    log("drained", complete=state.wait_until_idle(LAST_REQUESTS_SECONDS))
    server.server_close()
