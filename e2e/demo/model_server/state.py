"""What the server can say about itself, shared between its threads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from model_server.model import Model

NOT_PINNED = (
    "not pinned: the Stagekeeper operator sets MODEL_VERSION, MODEL_URI and MODEL_DIGEST on this "
    "Deployment once a version is promoted; create a PromotionRequest"
)


class ServingState:
    """The loaded model, or why there is none; whether the server is draining; requests in flight.

    Threads: one loader writes, all request threads read. Each field is replaced as a whole, so a
    reader sees an old or a new value and never half of one; the counter has its own lock.
    """

    def __init__(self) -> None:
        self.model: Model | None = None
        self.not_loaded_because = NOT_PINNED
        self.draining = False
        self._in_flight = 0
        self._idle = threading.Condition()

    @property
    def not_ready_because(self) -> str | None:
        """A sentence for GET /ping, or None when the server is ready."""
        if self.draining:
            return "draining: this server is shutting down"
        return None if self.model else self.not_loaded_because

    @property
    def served_version(self) -> str:
        """The version that answers, "none" while nothing does."""
        return self.model.version if self.model else "none"

    @contextmanager
    def request(self) -> Iterator[None]:
        """Counts one request as in flight for as long as the context lasts."""
        with self._idle:
            self._in_flight += 1
        try:
            yield
        finally:
            with self._idle:
                self._in_flight -= 1
                self._idle.notify_all()

    def wait_until_idle(self, seconds: float) -> bool:
        """True once no request is in flight, False if some still are after `seconds`."""
        with self._idle:
            return self._idle.wait_for(lambda: self._in_flight == 0, timeout=seconds)
