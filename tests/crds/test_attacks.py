"""Attacks of a namespace's admin on a real API server with its controllers: each is refused, and each is accepted once the one
rule that refuses it is taken out of its policy."""

import copy
import re
import time

import pytest

from attacks import ATTACKS
from scene import until

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/"
RULES = list(dict.fromkeys((a.policy, a.words) for a in ATTACKS))


def accepted(reply):
    """Who may enter a pod is told what else is missing: a node, or a connection that can be upgraded."""
    reached = "does not have a host|not ready|not assigned|Upgrade request required"
    return reply.status in (200, 201) or (reply.status >= 400 and re.search(reached, reply.message))


def flat(text):
    """The words of a refusal, however a rule puts them together."""
    return re.sub(r"\s+", " ", text.replace("\\'", "'"))


def plain(words):
    """The part of the words that a reader sees in one piece."""
    return flat(words.split("'\n+")[0]).rstrip("' ").strip()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda a: a.name)
def test_attack_is_refused(attack, scene):
    reply = attack.run(scene)
    assert reply.status == 403 and f"'{attack.policy}'" in reply.message, reply
    assert plain(attack.words) in flat(reply.message), reply
    assert attack.says in reply.message, reply


def test_the_words_name_one_rule_each(admin):
    for policy, words in RULES:
        assert len(matching(admin.call("GET", POLICIES + policy).body, words)) == 1, (policy, words)


def matching(policy, words):
    return [i for i, rule in enumerate(policy["spec"]["validations"])
            if flat(words) in flat(rule.get("messageExpression", "")) or flat(words) in flat(rule["message"])]


@pytest.fixture
def without(admin):
    """Takes a rule out of a policy, and puts the policy back as it was: whoever installed it owns it again, too."""
    taken = []

    def put(policy, change):
        reply = admin.call("PATCH", POLICIES + policy, change, "application/merge-patch+json")
        assert reply.status == 200, reply
        return reply.body

    def take(policy, words):
        body = admin.call("GET", POLICIES + policy).body
        taken.append(body)
        rules = copy.deepcopy(body["spec"]["validations"])
        for i in matching(body, words):
            rules[i] = {"expression": "true"}
        put(policy, {"spec": {"validations": rules}})

    yield take
    for before in taken:
        name, owners = before["metadata"]["name"], before["metadata"]["managedFields"]
        put(name, {"spec": {"validations": before["spec"]["validations"]}})
        after = put(name, {"metadata": {"managedFields": owners}})
        assert after["spec"] == before["spec"]
        assert [m["manager"] for m in after["metadata"]["managedFields"]] == [m["manager"] for m in owners]


@pytest.mark.parametrize("policy,words", RULES, ids=[f"{p.removeprefix('stagekeeper-')}-{i}" for i, (p, _) in enumerate(RULES)])
def test_control_without_the_rule_the_attack_works(policy, words, scene, without, table):
    mine = [a for a in ATTACKS if (a.policy, a.words) == (policy, words)]
    without(policy, words)
    for attack in mine:
        reply = []

        def works():
            reply[:] = [attack.run(scene)]
            return accepted(reply[0])

        try:
            until("accepted", works, 10)
        except AssertionError:
            pytest.fail(f"{attack.name}: still {reply[0]}")
        table.append((attack.name, policy, plain(words)))


def test_the_rules_are_back(scene):
    """Soon after the last control everything is refused again."""
    for attack in ATTACKS:
        until(attack.name, lambda: attack.run(scene).status == 403, 10)
