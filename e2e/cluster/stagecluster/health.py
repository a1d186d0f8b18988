"""Asking running parts whether they are well. Every question is answered within seconds."""

from __future__ import annotations

import http.client
import socket
import ssl
import struct
import urllib.error
import urllib.request
from pathlib import Path

_TIMEOUT_SECONDS = 3


def answers(url: str, authority: Path | None = None, *, verify: bool = True) -> bool:
    """Whether a GET of `url` is answered by 200, the server proving itself to `authority`."""
    try:
        context = ssl.create_default_context(cafile=authority and str(authority))
        if not verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        # Without the machine's proxy settings: every part is on this machine.
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )
        with opener.open(url, timeout=_TIMEOUT_SECONDS) as response:
            return bool(response.status == 200)
    except (OSError, http.client.HTTPException):
        return False


def accepts(path: Path) -> bool:
    """Whether somebody listens on a Unix socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_TIMEOUT_SECONDS)
        try:
            client.connect(str(path))
        except OSError:
            return False
    return True


def resolves(name: str, server: str) -> bool:
    """Whether a DNS server has an IPv4 address for a name (RFC 1035, one UDP question)."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    header = struct.pack("!6H", 0x5354, 0x0100, 1, 0, 0, 0)
    question = labels + b"\0" + struct.pack("!2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(1)
        try:
            client.sendto(header + question, (server, 53))
            reply = client.recv(512)
        except OSError:
            return False
    identity, flags, _, answer_count = struct.unpack("!4H", reply[:8])
    return bool(identity == 0x5354 and flags & 0x000F == 0 and answer_count > 0)
