"""Gathers programs and what they need to run into a folder that becomes an image."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from .config import ClusterError

_NONROOT = 65532
_ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/:/sbin/nologin\n"
    f"nonroot:x:{_NONROOT}:{_NONROOT}:nonroot:/:/sbin/nologin\n",
    "etc/group": f"root:x:0:\nnonroot:x:{_NONROOT}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_ZONES = Path("/usr/share/zoneinfo")
# The C library loads these by name at run time, so no program lists them.
_NAME_SERVICES = ("libnss_dns.so.2", "libnss_files.so.2")
_LIBRARY = re.compile(r"(?:=> )?(/\S+) \(0x[0-9a-f]+\)$")


def stage(root: Path, programs: list[Path], *, zones: bool) -> None:
    """Fills `root`, which must be empty or absent, with programs below usr/bin.

    Errors: ClusterError when a program or one of its libraries is missing.
    """
    if root.exists() and any(root.iterdir()):
        raise ClusterError(f"{root} is not empty")
    libraries: set[Path] = set()
    for program in programs:
        if not program.is_file():
            raise ClusterError(f"no such program: {program}")
        _copy(program, root / "usr" / "bin" / program.name)
        libraries |= _libraries(program)
    if libraries:
        libraries |= _name_services(libraries)
    for library in libraries:
        _copy(library, root / library.relative_to("/"))
    for file, text in _ACCOUNTS.items():
        _write(root / file, text)
    if _CERTIFICATES.exists():
        _copy(_CERTIFICATES, root / _CERTIFICATES.relative_to("/"))
    if zones:
        shutil.copytree(_ZONES, root / _ZONES.relative_to("/"), symlinks=True)
    scratch = root / "tmp"
    scratch.mkdir()
    scratch.chmod(0o1777)


def _libraries(program: Path) -> set[Path]:
    """The shared libraries of a program, the loader included; none when it is static."""
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        if "not a dynamic executable" in listed.stderr + listed.stdout:
            return set()
        raise ClusterError(f"ldd {program}: {listed.stderr.strip()}")
    found: set[Path] = set()
    for line in listed.stdout.splitlines():
        if "not found" in line:
            raise ClusterError(f"{program} needs a library this machine lacks: {line.strip()}")
        match = _LIBRARY.search(line.strip())
        if match:
            found.add(Path(match[1]))
    return found


def _name_services(libraries: set[Path]) -> set[Path]:
    folders = {library.parent for library in libraries if library.name == "libc.so.6"}
    candidates = {folder / name for folder in folders for name in _NAME_SERVICES}
    return {candidate for candidate in candidates if candidate.exists()}


def _copy(source: Path, target: Path) -> None:
    """Copies a file under its own path, following links: the image needs no others."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def _write(target: Path, text: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text)
