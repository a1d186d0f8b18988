"""Installs Stagekeeper as a user would: images, Secrets, the chart, and namespaces that serve.

`install` brings about the whole of it and may be called again at any time; `prepare_namespace`
adds a namespace with a served model of its own, for a demo or a test.
"""

from stageinstall.console import InstallError
from stageinstall.installation import Installation, install
from stageinstall.namespaces import Served, prepare_namespace, remove_namespace
from stageinstall.removal import uninstall

__all__ = [
    "InstallError",
    "Installation",
    "Served",
    "install",
    "prepare_namespace",
    "remove_namespace",
    "uninstall",
]
