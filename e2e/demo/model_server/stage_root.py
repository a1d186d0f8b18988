"""Stages a root file system that runs the model server, from the interpreter that runs this script.

Everything keeps the absolute path it has here, so that the interpreter finds its standard library
and the loader its libraries without any setting; /usr/local/bin/python3 points at the interpreter
wherever that is. What the server cannot reach is left out: 54 MB of standard library and 28 MB of
botocore's service descriptions come down to a few.
"""

import argparse
import compileall
import os
import py_compile
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterable
from pathlib import Path

HERE = Path(__file__).parent
USER_ID = 65532  # "nonroot", as in the distroless images

# Parts of the standard library that no server needs: tests, GUIs, installers, build files.
STDLIB_SKIPPED = (
    "__pycache__", "config-*", "dist-packages", "distutils", "ensurepip", "idlelib", "lib2to3",
    "pydoc_data", "site-packages", "sitecustomize.py", "sqlite3", "test", "tests", "tkinter",
    "turtledemo", "unittest", "venv", "_test*", "_ctypes_test*", "_codecs_*", "_curses*", "_dbm*",
    "_gdbm*", "_sqlite3*", "_tkinter*", "_xx*", "nis.*", "ossaudiodev*", "readline*", "xxlimited*",
)  # fmt: skip
# What botocore reads for an S3 client with fixed credentials.
_BOTOCORE_DATA = (
    "endpoints.json",
    "partitions.json",
    "sdk-default-configuration.json",
    "_retry.json",
    "s3",
)
NOT_VENDORED = (
    "pip*",
    "setuptools*",
    "pkg_resources",
    "_distutils_hack",
    "*.pth",
    "*.virtualenv",
    "__pycache__",
)
_LEFT_OUT_OF_APP = ("__pycache__", "test_*", "conftest.py", "stage_root.py")

_ETC = {
    "passwd": f"nonroot:x:{USER_ID}:{USER_ID}:nonroot:/nonexistent:/sbin/nologin\n",
    "group": f"nonroot:x:{USER_ID}:\n",
    # glibc's own: no other name service is in the image.
    "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def stage(
    root: Path, stage_app: Callable[[Path], None], *, skipped: Iterable[str], programs: Iterable[Path]
) -> None:
    """Fills the empty folder `root` with the interpreter that runs this and what `stage_app` puts
    into its folder app. Of the standard library `skipped` is left out; `programs` go in as they are.
    """
    interpreter = Path(sys.executable).resolve()
    programs = [interpreter, *programs]
    for program in programs:
        _copy_file(program, root)
    link = root / "usr/local/bin/python3"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(interpreter)

    for kind in ("stdlib", "platstdlib"):  # usually one folder
        library = Path(sysconfig.get_path(kind, vars=_base_prefixes()))
        shutil.copytree(
            library, _inside(root, library), dirs_exist_ok=True,
            ignore=shutil.ignore_patterns(*skipped),
        )  # fmt: skip
    stage_app(root / "app")
    for directory in ("etc", "tmp"):
        (root / directory).mkdir(exist_ok=True)
    for name, content in _ETC.items():
        (root / "etc" / name).write_text(content)

    _copy_shared_libraries(
        root,
        [*(_inside(root, each) for each in programs), *root.rglob("*.so"), *root.rglob("*.so.*")],
    )
    _compile(root)
    _normalise(root)


def _base_prefixes() -> dict[str, str]:
    """This script runs in a virtual environment; the standard library is its base's."""
    return {
        "base": sys.base_prefix, "installed_base": sys.base_prefix,
        "platbase": sys.base_exec_prefix, "installed_platbase": sys.base_exec_prefix,
    }  # fmt: skip


def _stage_app(app: Path) -> None:
    shutil.copytree(HERE, app / "model_server", ignore=only_modules)
    vendor = app / "vendor"
    shutil.copytree(
        sysconfig.get_path("purelib"), vendor, ignore=shutil.ignore_patterns(*NOT_VENDORED)
    )
    trim_botocore(vendor)


def trim_botocore(vendor: Path) -> None:
    """Leaves of botocore's descriptions what an S3 client needs."""
    for entry in (vendor / "botocore/data").iterdir():
        if entry.name not in _BOTOCORE_DATA:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()


def only_modules(_: str, names: list[str]) -> Iterable[str]:
    skipped = shutil.ignore_patterns(*_LEFT_OUT_OF_APP)("", names)
    return skipped | {name for name in names if not name.endswith(".py")}


def _copy_shared_libraries(root: Path, binaries: Iterable[Path]) -> None:
    """Copies what the loader reports for `binaries`, and what glibc opens only by name."""
    needed: set[Path] = set()
    for binary in binaries:
        listing = subprocess.run(["ldd", binary], capture_output=True, text=True, check=True).stdout
        for line in listing.splitlines():
            # "libz.so.1 => /lib/…/libz.so.1 (0x…)" or "/lib64/ld-linux-x86-64.so.2 (0x…)"
            path = line.partition("=>")[2].strip() or line.strip()
            # Wheels bring libraries of their own, which lie in the root already.
            if path.startswith("/") and not path.startswith(f"{root}/"):
                needed.add(Path(path.rpartition(" (")[0]))
    # pthread_exit() loads libgcc_s by name, and aborts without it. nss_files and nss_dns are part
    # of libc since glibc 2.34.
    (libc,) = (path for path in needed if path.name == "libc.so.6")
    needed.add(libc.with_name("libgcc_s.so.1"))
    for library in needed:
        _copy_file(library, root)


def _copy_file(source: Path, root: Path) -> None:
    target = _inside(root, source)
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)  # follows links: the name the loader asks for, with the content


def _inside(root: Path, path: Path) -> Path:
    return root / path.relative_to("/")


def _compile(root: Path) -> None:
    """Byte code for all modules, since a read-only root could not keep any made later."""
    # Unchecked: the sources cannot change in an image, so nothing is gained by looking at them.
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    compiled = compileall.compile_dir(
        root,
        maxlevels=20,
        stripdir=root,
        prependdir="/",
        quiet=1,
        invalidation_mode=mode,
        workers=1,
    )
    if not compiled:
        raise RuntimeError("a module does not compile: see above")


def _normalise(root: Path) -> None:
    """Readable by any user, and the same time stamps in every run: equal layers for equal input."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o111
            path.chmod(0o755 if executable else 0o644)
        os.utime(path, (0, 0), follow_symlinks=False)
    (root / "tmp").chmod(0o1777)


def make_context(
    containerfile: Path,
    stage_app: Callable[[Path], None],
    *,
    skipped: Iterable[str] = STDLIB_SKIPPED,
    programs: Iterable[Path] = (),
) -> int:
    """The command of a stage-root: makes the build context that --out names. Arguments as stage."""
    parser = argparse.ArgumentParser(description="Makes the build context of an image.")
    parser.add_argument("--out", type=Path, required=True, help="build context to (re)make")
    out: Path = parser.parse_args().out.resolve()
    root = out / "root"
    if root.exists():
        shutil.rmtree(root)
    root.mkdir(parents=True)
    stage(root, stage_app, skipped=skipped, programs=programs)
    shutil.copy(containerfile, out)
    size = sum(path.lstat().st_size for path in root.rglob("*") if path.is_file())
    print(f"staged {root}: {size / 1e6:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(make_context(HERE / "Containerfile", _stage_app))
