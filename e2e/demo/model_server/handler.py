"""The HTTP side: GET /ping and POST /invocations over HTTP/1.1 keep-alive, errors as JSON."""

import json
import socketserver
import sys
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from model_server.log import log
from model_server.protocol import MAX_BODY_BYTES, BadRequest, parse_rows
from model_server.state import ServingState

VERSION_HEADER = "X-Model-Version"
_ENDPOINTS = {"/ping": "GET", "/invocations": "POST"}
_DISCARD_BYTES = 4 * MAX_BODY_BYTES


class ScoringServer(ThreadingHTTPServer):
    """Listens on all IPv4 addresses; one daemon thread per connection."""

    request_queue_size = 128
    block_on_close = False  # idle keep-alive connections must not hold up a shutdown

    def __init__(self, port: int, state: ServingState, delay_seconds: float) -> None:
        self.state = state
        self.delay_seconds = delay_seconds
        super().__init__(("0.0.0.0", port), ScoringHandler)

    def server_bind(self) -> None:
        # HTTPServer's own looks up the host's name, which can take seconds where DNS is slow.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "", self.server_address[1]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no outcome; anything else here is a bug, and logged."""
        error = sys.exception()
        if not isinstance(error, ConnectionError):
            log("connection-failed", level="error", error=repr(error))


class ScoringHandler(BaseHTTPRequestHandler):
    """One connection. Every response names the served version, errors too."""

    protocol_version = "HTTP/1.1"  # keep-alive unless the client says otherwise
    disable_nagle_algorithm = True  # headers and body are two small writes
    timeout = 75.0  # seconds of silence on a connection; above the idle time of usual client pools
    server: ScoringServer

    def do_GET(self) -> None:
        self._dispatch()

    def do_POST(self) -> None:
        self._dispatch()

    def _dispatch(self) -> None:
        path = self.path.partition("?")[0]
        with self.server.state.request():
            try:
                body = self._read_body()
                if _ENDPOINTS.get(path) != self.command:
                    self._refuse_route(path)
                elif path == "/ping":
                    self._ping()
                else:
                    self._invocations(body)
            except BadRequest as error:
                self._respond(error.status, {"error": str(error)})
            except OSError:  # the client is gone, or too slow (TimeoutError): nobody to answer
                raise
            except Exception as error:  # a bug: answer, so that the caller does not wait, and tell
                log("request-failed", level="error", path=path, error=repr(error))
                self._respond(500, {"error": "internal error: see the server's log"})

    def _ping(self) -> None:
        state = self.server.state
        model, reason = state.model, state.not_ready_because
        if reason is not None or model is None:
            self._respond(503, {"error": reason})
        else:
            self._respond(200, {"model": model.name, "version": model.version})

    def _invocations(self, body: bytes) -> None:
        model = self.server.state.model  # read once: the whole response is of this version
        if model is None:
            self._respond(503, {"error": self.server.state.not_loaded_because})
            return
        predictions = model.predict(parse_rows(body))
        if self.server.delay_seconds:
            time.sleep(self.server.delay_seconds)
        self._respond(200, {"predictions": predictions})

    def _refuse_route(self, path: str) -> None:
        if path in _ENDPOINTS:
            method = _ENDPOINTS[path]
            self._respond(405, {"error": f"use {method} {path}"}, {"Allow": method})
        else:
            self._respond(
                404, {"error": f"no {path[:80]} here: use GET /ping or POST /invocations"}
            )

    def _read_body(self) -> bytes:
        """The whole body, so that the next request on the connection starts where it should.

        Raises BadRequest, and closes the connection after the answer, when the length is unknown or
        beyond MAX_BODY_BYTES.
        """
        declared = self.headers.get("Content-Length", "0")
        self.close_connection, keep = True, self.close_connection
        if "Transfer-Encoding" in self.headers:
            raise BadRequest("chunked bodies are not read: send Content-Length", status=411)
        if not (declared.isascii() and declared.isdigit() and len(declared) < 16):
            raise BadRequest(f'Content-Length "{declared[:40]}" is not a number of bytes')
        length = int(declared)
        if length > MAX_BODY_BYTES:
            # Closing on unread data resets the connection, and the client may never see the answer.
            self._discard(min(length, _DISCARD_BYTES))
            raise BadRequest(f"body of {length} bytes: send at most {MAX_BODY_BYTES}", status=413)
        body = self.rfile.read(length)
        if len(body) < length:
            raise ConnectionResetError("the client closed in the middle of its body")
        self.close_connection = keep
        return body

    def _discard(self, length: int) -> None:
        while length > 0:
            chunk = self.rfile.read(min(length, 1 << 16))
            if not chunk:
                return
            length -= len(chunk)

    def _respond(self, status: int, content: object, headers: dict[str, str] | None = None) -> None:
        state = self.server.state
        payload = json.dumps(content).encode() + b"\n"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.send_header(VERSION_HEADER, state.served_version)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if state.draining or self.close_connection:
            self.send_header("Connection", "close")  # send_header also makes us close
        self.end_headers()
        self.wfile.write(payload)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Replaces the library's HTML page for what it refuses itself, such as unknown methods."""
        self.close_connection = True  # the rest of the request has not been read
        self._respond(code, {"error": message or HTTPStatus(code).phrase})

    def version_string(self) -> str:
        """The Server header, without the interpreter's version."""
        return "stagekeeper-demo-model-server"

    def log_message(self, format: str, *args: Any) -> None:
        """No line per request: callers measure latency, and a line costs as much as a score."""
