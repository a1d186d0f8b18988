"""Stages a root file system with MLflow, MLServer and load_model, by the recipe of the demo's server."""

import shutil
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "demo"))

from model_server import stage_root as recipe  # noqa: E402

# Of the standard library these packages reach what a small server does not.
_NEEDED = {"distutils", "unittest", "sqlite3", "_sqlite3*", "_ctypes_test*", "_test*", "test"}
_STDLIB_SKIPPED = tuple(name for name in recipe.STDLIB_SKIPPED if name not in _NEEDED) + (
    "test_*",
    "_test[a-z]*",
)
# Anywhere in the packages: their own tests, sources of extensions, MLflow's web page.
_LEFT_OUT = ("__pycache__", "tests", "js", "*.pyi", "*.pyx", "*.pxd", "*.h", "*.hpp")
_COMMANDS = ("mlflow", "mlserver", "uvicorn")
_PYTHON = "#!/usr/local/bin/python3\n"
# `mlflow models serve` starts its server through bash.
_SHELL = Path("/bin/bash")


def stage_app(app: Path) -> None:
    vendor = app / "vendor"
    packages = sysconfig.get_path("purelib")

    def left_out(folder: str, names: list[str]) -> set[str]:
        # Names of packages at the top only: scikit-learn has a pipeline.py of its own.
        patterns = _LEFT_OUT + (recipe.NOT_VENDORED if folder == packages else ())
        return shutil.ignore_patterns(*patterns)(folder, names)

    shutil.copytree(packages, vendor, ignore=left_out)
    recipe.trim_botocore(vendor)
    shutil.copyfile(HERE / "load_model.py", app / "load_model.py")
    shutil.copytree(recipe.HERE, app / "model_server", ignore=recipe.only_modules)
    commands = app / "bin"
    commands.mkdir()
    for name in _COMMANDS:
        script = (Path(sysconfig.get_path("scripts")) / name).read_text()
        (commands / name).write_text(_PYTHON + script.partition("\n")[2])
        (commands / name).chmod(0o755)


if __name__ == "__main__":
    sys.exit(
        recipe.make_context(
            HERE / "Containerfile", stage_app, skipped=_STDLIB_SKIPPED, programs=[_SHELL]
        )
    )
