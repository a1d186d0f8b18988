"""The kubectl plugin as one archive for machines that lack its libraries.

A static program it cannot be: Debian has no static library of cpprestsdk, and a program that links
some of its libraries statically would have the C++ runtime and OpenSSL twice. So libraries and loader
travel along.
"""

from __future__ import annotations

import platform
import shutil
import tarfile
import tempfile
from pathlib import Path

from stageinstall import places
from stageinstall.console import InstallError, run

_WRAPPER = """\
#!/bin/sh
# Starts the plugin with the libraries beside it, whatever this machine has.
set -eu
file=$0
while [ -h "$file" ]; do
  to=$(readlink "$file")
  case $to in /*) file=$to ;; *) file=$(dirname "$file")/$to ;; esac
done
here=$(cd "$(dirname "$file")" && pwd)/stagekeeper-lib
exec "$here/{loader}" --library-path "$here" "$here/{program}" "$@"
"""


def make_bundle(program: Path, folder: Path) -> Path:
    """Packs `program` into folder/PROGRAM-linux-MACHINE.tar.gz: a script and stagekeeper-lib beside it.

    The same program gives the same files, with the times and owners of nobody.
    Errors: InstallError when the program or one of its libraries is missing.
    """
    archive = folder / f"{program.name}-linux-{platform.machine()}.tar.gz"
    with tempfile.TemporaryDirectory() as scratch:
        root, made = Path(scratch) / "root", Path(scratch) / "made"
        run([places.CLUSTER / "stage-root", root, program])
        libraries = made / "stagekeeper-lib"
        libraries.mkdir(parents=True)
        for file in [root / "usr/bin" / program.name, *root.rglob("*.so*")]:
            shutil.copy2(file, libraries / file.name)
        loaders = sorted(each.name for each in libraries.glob("ld-linux*"))
        if len(loaders) != 1:
            raise InstallError(f"{program} wants {len(loaders)} loaders, not one: {loaders}")
        wrapper = made / program.name
        wrapper.write_text(_WRAPPER.format(loader=loaders[0], program=program.name))
        wrapper.chmod(0o755)
        with tarfile.open(archive, "w:gz") as tar:
            for file in sorted(made.rglob("*")):
                if file.is_file():
                    tar.add(file, file.relative_to(made), filter=_anonymous)
    return archive


def _anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.uid = info.gid = info.mtime = 0
    info.uname = info.gname = ""
    info.mode = 0o755
    return info
