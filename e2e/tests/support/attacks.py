"""Attacks with ordinary rights: what is tried, which policy refuses it and how it is left out.

docs/attacks.md lists every row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from support.api import Api, Object, attempt, refused
from support.waiting import wait_for
from support.world import World

_BINDING = "ValidatingAdmissionPolicyBinding"
_TAKEN_UP_SECONDS = 20.0


@dataclass(frozen=True)
class Attack:
    """One row. `run` is called with `dryRun="All"` to be refused, and for real in the control."""

    ref: str
    """Letter and number, as docs/attacks.md has them."""
    title: str
    policies: tuple[str, ...]
    """Whose bindings leave the namespace out in the control; the first of them says the words."""
    words: str
    """What the refusal says, and what it says to do instead."""
    says: str
    run: Callable[..., Any]

    @property
    def slug(self) -> str:
        return "-".join([*self.ref.split(), *self.title.split()])


def rows(attacks: list[Attack]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("attack", attacks, ids=lambda each: each.slug)


def assert_refused(attack: Attack, scene: Any) -> None:
    """By the policy and with the words of the row; soon, where a control has just put it back."""

    def answer() -> int:
        return attempt(lambda: attack.run(scene, dryRun="All"))

    wait_for(f"{attack.title} is refused", lambda: answer() == 403, _TAKEN_UP_SECONDS, seen=answer)
    with refused(403) as refusal:
        attack.run(scene, dryRun="All")
    assert f"ValidatingAdmissionPolicy '{attack.policies[0]}'" in refusal.message, refusal.message
    assert attack.words in refusal.message, refusal.message
    assert attack.says in refusal.message, refusal.message


@contextmanager
def without(
    admin: Api, attack: Attack, scene: Any, leaves_out: Callable[[Object], None]
) -> Iterator[None]:
    """The attack's policies, and no others, do not hold for what `leaves_out` takes out.

    Inside, the API server is known to let the attack through; soon afterwards it refuses again.
    """

    refusals: list[str] = []

    def accepted() -> bool:
        try:
            attack.run(scene, dryRun="All")
        except ApiException as error:
            refusals.append(str(error.body))
            return False
        return True

    with ExitStack() as bindings:
        for policy in attack.policies:
            bindings.enter_context(_narrowed(admin, policy, leaves_out))
        what = f"nothing refuses {attack.title}"
        wait_for(what, accepted, _TAKEN_UP_SECONDS, seen=lambda: refusals[-1])
        yield


def namespace_out(it: World) -> Callable[[Object], None]:
    """Leaves a namespace out."""

    def edit(match: Object) -> None:
        _exclude(match, "namespaceSelector", "kubernetes.io/metadata.name", it.ns)

    return edit


def label_out(key: str, value: str) -> Callable[[Object], None]:
    """Leaves objects with a label out: the rest of their namespace stays guarded."""

    def edit(match: Object) -> None:
        _exclude(match, "objectSelector", key, value)

    return edit


def _exclude(match: Object, selector: str, key: str, value: str) -> None:
    wanted = match.setdefault(selector, {}).setdefault("matchExpressions", [])
    wanted.append({"key": key, "operator": "NotIn", "values": [value]})


@contextmanager
def _narrowed(admin: Api, policy: str, leaves_out: Callable[[Object], None]) -> Iterator[None]:
    """Adds to a binding and takes just that away again: others may do so at the same time."""
    mine: Object = {}
    leaves_out(mine)

    def add(match: Object) -> None:
        leaves_out(match)

    def remove(match: Object) -> None:
        for selector, ours in mine.items():
            for each in ours["matchExpressions"]:
                match[selector]["matchExpressions"].remove(each)

    _change(admin, policy, add)
    try:
        yield
    finally:
        _change(admin, policy, remove)


def _change(admin: Api, policy: str, edit: Callable[[Object], None]) -> None:
    def written() -> bool:
        binding = admin.read(_BINDING, None, policy)
        edit(binding["spec"].setdefault("matchResources", {}))
        try:
            admin.replace(binding, None)
        except ApiException as error:
            if error.status == 409:
                return False
            raise
        return True

    wait_for(f"binding {policy} is written", written, 15)
