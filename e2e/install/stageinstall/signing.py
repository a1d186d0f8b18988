"""The Ed25519 key that signs audit records; its public half is what verifies them."""

from __future__ import annotations

import os
from pathlib import Path

from stageinstall.console import run


def private_key(state: Path) -> Path:
    """The key's file (PKCS#8, PEM), made on first use.

    Never made anew while it exists: records of another key would look forged.
    """
    file = state / "signing" / "key.pem"
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = file.with_suffix(".new")
        made.touch(mode=0o600)
        run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", made])
        os.chmod(made, 0o600)
        made.rename(file)
    return file


def public_key(state: Path) -> Path:
    """The public half, for whoever verifies records."""
    file = state / "signing" / "public.pem"
    if not file.exists():
        run(["openssl", "pkey", "-in", private_key(state), "-pubout", "-out", file])
    return file
