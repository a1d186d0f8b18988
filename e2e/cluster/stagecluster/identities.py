"""Who may talk to the API server: the people of the tests, and the components.

People come from the token file, because only there a user has a uid and groups
of his own as `request.userInfo` shows them to admission policies; users by
certificate have no uid.
"""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from pathlib import Path

from .config import Config

COMPONENTS = ("kube-controller-manager", "kube-scheduler", "kube-proxy", "coredns", "kubelet")


@dataclass(frozen=True)
class User:
    """A person of the story; what he may do is granted by the tests, not here."""

    name: str
    groups: tuple[str, ...]

    @property
    def uid(self) -> str:
        return f"uid-{self.name}"


USERS = (
    User("priya", ("data-science",)),  # requests promotions
    User("alice", ("mrm",)),  # approves, for model risk management
    User("bob", ("retail-credit",)),  # approves, for the business
    User("nadia", ("credit-admins",)),  # administers a namespace
    User("root-admin", ("system:masters",)),
    User("mallory", ("strangers",)),
)


def token_file(config: Config) -> Path:
    return config.pki / "tokens.csv"


def create(config: Config) -> None:
    """Writes the token file and a kubeconfig for everybody; `pki.create` comes first."""
    lines = []
    for user in USERS:
        token = secrets.token_hex(24)
        lines.append(f'{token},{user.name},{user.uid},"{",".join(user.groups)}"\n')
        kubeconfig = _kubeconfig(config, user.name, f"token: {token}")
        _write_private(config.state / "users" / f"{user.name}.kubeconfig", kubeconfig)
    _write_private(token_file(config), "".join(lines))
    for component in COMPONENTS:
        kubeconfig = _certificate_kubeconfig(config, component)
        _write_private(config.conf / f"{component}.kubeconfig", kubeconfig)
    _write_private(config.kubeconfig, _certificate_kubeconfig(config, "admin"))


def _certificate_kubeconfig(config: Config, name: str) -> str:
    certificate = _encoded(config.pki / f"{name}.crt")
    key = _encoded(config.pki / f"{name}.key")
    return _kubeconfig(
        config, name, f"client-certificate-data: {certificate}\n    client-key-data: {key}"
    )


def _kubeconfig(config: Config, user: str, credentials: str) -> str:
    return f"""\
apiVersion: v1
kind: Config
clusters:
- name: stagekeeper-e2e
  cluster:
    server: {config.api_url}
    certificate-authority-data: {_encoded(config.pki / "ca.crt")}
users:
- name: {user}
  user:
    {credentials}
contexts:
- name: {user}@stagekeeper-e2e
  context:
    cluster: stagekeeper-e2e
    user: {user}
current-context: {user}@stagekeeper-e2e
"""


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def _write_private(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch(mode=0o600)
    file.write_text(text)
