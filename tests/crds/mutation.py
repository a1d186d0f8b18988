#!/usr/bin/env python3
"""Shows that the tests can fail: takes away one CEL rule of a CRD, or one validation of a policy, at a time, runs the tests,
and says which removals nobody noticed. Changes the cluster of KUBECONFIG while it runs: use one of its own.

  mutation.py crds [NAME]  every x-kubernetes-validations rule of /crds, or those at paths that end in NAME
  mutation.py policies     every validation of the installed ValidatingAdmissionPolicies
"""

import copy
import os
import subprocess
import sys
import time

import yaml

from cluster import HERE, ROOT, Api

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"


def rules(node, path=()):
    for i, rule in enumerate(node.get("x-kubernetes-validations", [])):
        yield path, i, rule
    for name, child in node.get("properties", {}).items():
        yield from rules(child, path + ("properties", name))
    if "items" in node:
        yield from rules(node["items"], path + ("items",))


def red(*tests):
    """Whether some test fails."""
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests], cwd=HERE, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    return done.returncode == 1


def put(api, path, obj):
    """Replaces an object by the given one, whatever is there."""
    body = copy.deepcopy(obj)
    body["metadata"] = {**body["metadata"], "resourceVersion": api.call("GET", path).body["metadata"]["resourceVersion"]}
    reply = api.call("PUT", path, body)
    assert reply.status == 200, reply
    time.sleep(1.5)  # until the API server uses it


def main():
    api, missed, count = Api(os.environ["KUBECONFIG"]), [], 0
    if sys.argv[1:2] == ["crds"]:
        for file in sorted((ROOT / "crds").glob("*.yaml")):
            crd = yaml.safe_load(file.read_text())
            path = CRDS + crd["metadata"]["name"]
            kind = crd["spec"]["names"]["kind"]
            for where, i, rule in list(rules(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"])):
                if sys.argv[2:] and where[-1:] != (sys.argv[2],):
                    continue
                mutant = copy.deepcopy(crd)
                node = mutant["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
                for step in where:
                    node = node[step]
                del node["x-kubernetes-validations"][i]
                if not node["x-kubernetes-validations"]:
                    del node["x-kubernetes-validations"]
                put(api, path, mutant)
                noticed = red("test_objects.py", "-k", kind + " or later or immutable or keeps")
                count += 1
                print("seen  " if noticed else "MISSED", kind, ".".join(s for s in where if s not in ("properties", "items")), rule["rule"][:90], flush=True)
                missed += [] if noticed else [rule["rule"]]
            put(api, path, crd)
    elif sys.argv[1:] == ["policies"]:
        for policy in [p for p in api.call("GET", POLICIES).body["items"] if p["metadata"]["name"].startswith("stagekeeper-")]:
            path = f"{POLICIES}/{policy['metadata']['name']}"
            for i, rule in enumerate(policy["spec"]["validations"]):
                mutant = copy.deepcopy(policy)
                mutant["spec"]["validations"][i] = {"expression": "true"}
                put(api, path, mutant)
                noticed = red("test_admission.py")
                count += 1
                print("seen  " if noticed else "MISSED", policy["metadata"]["name"], rule["expression"].replace("\n", " ")[:90], flush=True)
                missed += [] if noticed else [rule["expression"]]
            put(api, path, policy)
    else:
        sys.exit(__doc__)
    print(f"{count - len(missed)} of {count} removals noticed")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
