"""Small HTTP servers for the tests: a model server that misbehaves on demand, and a bucket."""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Answer:
    """What to send for one request."""

    body: bytes = b"{}"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Seen:
    """One request as it came, and the port it came from (a connection's own)."""

    path: str
    body: bytes
    headers: dict[str, str]
    client_port: int


Respond = Callable[[Seen], Answer]


@contextmanager
def serving(
    respond: Respond, *, close_after_each: bool = False, tls: ssl.SSLContext | None = None
) -> Iterator[tuple[str, list[Seen]]]:
    """A server on a free port; yields its origin and the requests so far.

    close_after_each: it promises to keep connections and closes them, as one that has idled too long.
    """
    seen: list[Seen] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def _handle(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            request = Seen(self.path, body, dict(self.headers), self.client_address[1])
            seen.append(request)
            answer = respond(request)
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)
            self.close_connection = self.close_connection or close_after_each

        do_GET = do_POST = _handle

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    server.daemon_threads = True
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"{'http' if tls is None else 'https'}://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()


def rows_of(request: Seen) -> list[list[Any]]:
    return json.loads(request.body)["dataframe_split"]["data"]


def model(
    predict: Callable[[list[list[Any]]], Any], version: Callable[[Seen], str] = lambda _: "2"
) -> Respond:
    """A model server: healthy, with `predict` for rows; `version` names what the header says."""

    def respond(request: Seen) -> Answer:
        headers = {"X-Model-Version": version(request), "Content-Type": "application/json"}
        if request.path == "/ping":
            return Answer(headers=headers)
        predictions = predict(rows_of(request))
        body = predictions if isinstance(predictions, bytes) else json.dumps({"predictions": predictions}).encode()
        return Answer(body, headers=headers)

    return respond
